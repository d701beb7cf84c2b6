"""Business metrics, read from the platform's database by declared read-only queries."""

from dexwatch.metrics.declared import declared
from dexwatch.metrics.metric import Metric, counter, gauge

users = gauge("business_users", "Registered users.", requirements=("C-CUSTOM-EXP",))
active_users = gauge(
    "business_active_users",
    "Users with a session or trade within the window (5m, 1h, 24h).",
    labels=("window",),
    requirements=("M-USER-ACTIVE",),
)
registrations = counter(
    "business_registrations_total", "Users ever registered.", requirements=("M-USER-NEW",)
)
trades = counter(
    "business_trades_total",
    "Trades ever recorded, by status (confirmed, failed, pending is left out).",
    labels=("status",),
)
payments = counter(
    "business_payments_total",
    "Payments ever recorded, by status (settled, failed).",
    labels=("status",),
)
revenue_usd = counter(
    "business_revenue_usd_total", "The platform's revenue.", requirements=("M-REVENUE",)
)
tickets_open = gauge(
    "business_support_tickets_open",
    "Support tickets that wait for an answer.",
    requirements=("M-USER-FEATURE",),
)
feature_uses = counter(
    "business_feature_uses_total",
    "Uses of a feature.",
    labels=("feature",),
    requirements=("M-USER-FEATURE",),
)
retention = gauge(
    "business_retention_ratio",
    "Users of the previous window that came back in this one.",
    labels=("window",),
    requirements=("M-USER-RETAIN",),
)
satisfaction = gauge(
    "business_satisfaction_score",
    "Mean score of answered surveys, 1 to 5.",
    requirements=("M-USER-FEATURE",),
)
portfolio_usd = gauge(
    "business_portfolio_usd", "Value of all users' portfolios.", requirements=("M-USER-PORTFOLIO",)
)
sync_delay_seconds = gauge(
    "business_sync_delay_seconds", "How far a data set lies behind the chain.", labels=("dataset",)
)
query_value = gauge("business_query_value", "Result of an operator's own query.", labels=("query",))

BUSINESS_METRICS = declared(Metric, globals())
