"""The sample's `database.queries`: one read-only query for each business metric."""

from dataclasses import asdict, dataclass

_ACTIVE = """
select w.name as window, count(distinct a.user_id) as value
from (values ('5m', interval '5 minutes'), ('1h', interval '1 hour'), ('24h', interval '1 day'))
  as w (name, length)
left join (
  select user_id, last_seen_at as at from sessions where last_seen_at > now() - interval '1 day'
  union all
  select user_id, created_at from trades where created_at > now() - interval '1 day'
) as a on a.at > now() - w.length
group by w.name
"""
_RETENTION = """
with visits as (
  select user_id, last_seen_at > now() - interval '7 days' as recent
  from sessions where last_seen_at > now() - interval '14 days'
), people as (
  select user_id, bool_or(not recent) as before, bool_or(recent) as again
  from visits group by user_id
)
select '7d' as window,
  coalesce(count(*) filter (where again)::float / nullif(count(*), 0), 1) as value
from people where before
"""
_PORTFOLIO = (
    "select sum(h.amount * p.usd) as value from holdings as h join prices as p using (token)"
)
_SYNC = """
select dataset, greatest(0, extract(epoch from now() - synced_at)) as value from sync_state
"""
_SATISFACTION = """
select coalesce(avg(score), 0) as value from surveys where answered_at > now() - interval '30 days'
"""
_WITHDRAWALS = """
select 'pending_withdrawals' as query, count(*) as value
from payments where kind = 'withdrawal' and status = 'pending'
"""


@dataclass(frozen=True)
class Query:
    """A query whose rows hold `value` and a column for each label of the metric."""

    metric: str
    sql: str
    every_seconds: float


QUERIES = (
    Query("business_users", "select count(*) as value from users", 5),
    Query("business_active_users", _ACTIVE, 5),
    Query("business_registrations_total", "select count(*) as value from users", 5),
    Query(
        "business_trades_total",
        "select status, count(*) as value from trades where status <> 'pending' group by status",
        2,
    ),
    Query(
        "business_payments_total",
        "select status, count(*) as value from payments where status <> 'pending' group by status",
        2,
    ),
    Query(
        "business_revenue_usd_total",
        "select coalesce(sum(fee_usd), 0) as value from trades where status = 'confirmed'",
        5,
    ),
    Query(
        "business_support_tickets_open",
        "select count(*) as value from tickets where answered_at is null",
        5,
    ),
    Query(
        "business_feature_uses_total",
        "select feature, sum(uses) as value from feature_uses group by feature limit 50",
        5,
    ),
    Query("business_retention_ratio", _RETENTION, 30),
    Query("business_satisfaction_score", _SATISFACTION, 30),
    Query("business_portfolio_usd", _PORTFOLIO, 5),
    Query("business_sync_delay_seconds", _SYNC, 2),
    Query("business_query_value", _WITHDRAWALS, 5),
)
"""Every business metric that is declared, each filled from the sample's database."""


def settings() -> list[dict[str, object]]:
    """Return the queries as `dexwatch.yml` writes them."""
    return [{**asdict(query), "sql": " ".join(query.sql.split())} for query in QUERIES]
