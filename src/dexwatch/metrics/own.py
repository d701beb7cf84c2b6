"""Metrics of dexwatch itself: the monitoring is monitored by the same means."""

from functools import partial

from dexwatch.metrics.metric import LATENCY_SECONDS, Unit, counter, gauge, histogram, state

collector_gauge = partial(gauge, labels=("collector",))

build = state("dexwatch_build_info", "1, with the version.", labels=("version", "role"))
collector_success = collector_gauge(
    "dexwatch_collector_success",
    "1 when the collector's last run succeeded.",
    unit=Unit.BOOLEAN,
    requirements=("C-CUSTOM-EXP",),
)
collector_seconds = collector_gauge(
    "dexwatch_collector_duration_seconds", "Time that the collector's last run took."
)
collector_failures = counter(
    "dexwatch_collector_failures_total", "Runs of the collector that failed.", labels=("collector",)
)
collector_timestamp = collector_gauge(
    "dexwatch_collector_timestamp_seconds", "When the collector last succeeded."
)
series_dropped = counter(
    "dexwatch_series_dropped_total",
    "Series refused because a collector passed its bound.",
    labels=("collector",),
)
receiver_requests = counter(
    "dexwatch_receiver_requests_total",
    "Requests at the receivers by outcome (accepted, in_part, unauthorized, malformed, too_large,"
    " too_slow, unavailable).",
    labels=("receiver", "outcome"),
)
incidents_open = gauge(
    "dexwatch_incidents_open", "Open incidents by severity.", labels=("severity",)
)
notifications = counter(
    "dexwatch_notifications_total",
    "Attempts to reach somebody, by channel and outcome (delivered, retryable, failed, unknown).",
    labels=("channel", "outcome"),
)
notification_seconds = histogram(
    "dexwatch_notification_latency_seconds",
    "From the alert reaching us to the channel accepting the message.",
    buckets=(0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 6.0, 10.0, 30.0, 60.0, 300.0),
    labels=("channel", "severity"),
)
jobs_overdue = gauge("dexwatch_jobs_overdue", "Due work that nobody has taken yet.")
store_up = state(
    "dexwatch_store_up",
    "1 while the respond role can write to its database; without it the figures from there are"
    " left out.",
)
outside_pings = counter(
    "dexwatch_outside_pings_total",
    "Pings to the service outside by outcome (sent, withheld, failed).",
    labels=("outcome",),
    requirements=("U-DEADMAN",),
)
quarantined = gauge(
    "dexwatch_quarantined", "Jobs and events that could not be handled and wait for a person."
)
retention_clock_step = gauge(
    "dexwatch_retention_clock_step_seconds",
    "How far the clock stands ahead of the last moment that retention believes; nothing is deleted"
    " while this is not 0.",
)
watchdog_timestamp = gauge(
    "dexwatch_watchdog_timestamp_seconds",
    "When the dead man's signal of the source last came.",
    labels=("source",),
    requirements=("U-DEADMAN",),
)
daemon_up = state(
    "dexwatch_daemon_up", "1 while the supervised program is ready.", labels=("daemon",)
)
daemon_restarts = counter(
    "dexwatch_daemon_restarts_total", "Restarts of the supervised program.", labels=("daemon",)
)
daemon_supervision_failures = counter(
    "dexwatch_daemon_supervision_failures_total",
    "How often watching over the program failed unexpectedly, and began anew.",
    labels=("daemon",),
)
config_reload_successful = state(
    "dexwatch_config_last_reload_successful",
    "1 when the configuration was good the last time that it was read.",
)
config_timestamp = gauge(
    "dexwatch_config_timestamp_seconds", "Since when the configuration is in use."
)
config_version = gauge(
    "dexwatch_config_version", "Counts the configurations that were taken into use since the start."
)
console_requests = counter(
    "dexwatch_console_requests_total",
    "Requests that reached the console's pages; a refused sign-in is /sign-in with 401 or 429.",
    labels=("route", "method", "status"),
    requirements=("C-CONSOLE",),
)
console_request_seconds = histogram(
    "dexwatch_console_request_duration_seconds",
    "Time until a page was answered whole, without streams.",
    buckets=LATENCY_SECONDS,
    labels=("route",),
    requirements=("C-CONSOLE",),
)
console_streams = gauge("dexwatch_console_streams", "Open pages that are kept up to date.")
