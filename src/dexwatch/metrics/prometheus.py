"""What Prometheus 2.42 and Alertmanager 0.25 tell of themselves."""

from functools import partial

from dexwatch.metrics import metric
from dexwatch.metrics.declared import declared
from dexwatch.metrics.metric import Metric

counter = partial(metric.counter, owner="prometheus")
gauge = partial(metric.gauge, owner="prometheus")
state = partial(metric.state, owner="prometheus")

ALERTMANAGER = "alertmanager"

up = state("up", "1 when the last scrape of the target succeeded.", requirements=("C-PROMETHEUS",))
alerts = state(
    "ALERTS",
    "1 for each alert that is pending or firing.",
    labels=(
        *("alertname", "alertstate", "severity", "component", "team", "alert_group"),
        *("group_priority", "mountpoint"),
    ),
)
process_start = gauge(
    "process_start_time_seconds",
    "When the process that answered began; each official client library tells it.",
    unit=metric.Unit.TIMESTAMP,
)
scrape_seconds = gauge("scrape_duration_seconds", "Time that the last scrape took.")
scrape_samples = gauge("scrape_samples_scraped", "Samples of the last scrape.")
config_ok = state(
    "prometheus_config_last_reload_successful",
    "1 when the last reload of the configuration succeeded.",
)
rule_failures = counter(
    "prometheus_rule_evaluation_failures_total",
    "Rule evaluations that failed.",
    labels=("rule_group",),
)
rule_iterations_missed = counter(
    "prometheus_rule_group_iterations_missed_total",
    "Evaluations of a group that were left out because the one before took too long.",
    labels=("rule_group",),
)
rule_group_seconds = gauge(
    "prometheus_rule_group_last_duration_seconds",
    "Time that the group's last evaluation took.",
    labels=("rule_group",),
)
notifications_dropped = counter(
    "prometheus_notifications_dropped_total", "Alerts that could not be handed to any Alertmanager."
)
notification_errors = counter(
    "prometheus_notifications_errors_total",
    "Errors while handing alerts to an Alertmanager.",
    labels=("alertmanager",),
)
notification_queue = gauge(
    "prometheus_notifications_queue_length", "Alerts that wait to be handed over."
)
notification_queue_max = gauge(
    "prometheus_notifications_queue_capacity", "Most alerts that can wait."
)
alertmanagers = gauge(
    "prometheus_notifications_alertmanagers_discovered", "Alertmanagers that Prometheus knows."
)
samples_appended = counter(
    "prometheus_tsdb_head_samples_appended_total", "Samples stored.", labels=("type",)
)
series = gauge("prometheus_tsdb_head_series", "Series in memory.", requirements=("C-PROMETHEUS",))
storage_bytes = gauge("prometheus_tsdb_storage_blocks_bytes", "Size of the blocks.")
compaction_failures = counter(
    "prometheus_tsdb_compactions_failed_total", "Compactions that failed."
)
reload_failures = counter("prometheus_tsdb_reloads_failures_total", "Block reloads that failed.")
wal_corruptions = counter(
    "prometheus_tsdb_wal_corruptions_total", "Damaged write-ahead logs found."
)
wal_write_failures = counter(
    "prometheus_tsdb_wal_writes_failed_total",
    "Writes to the write-ahead log that failed: a restart would lose these samples.",
)
checkpoint_failures = counter(
    "prometheus_tsdb_checkpoint_creations_failed_total",
    "Checkpoints of the write-ahead log that failed.",
)
head_truncation_failures = counter(
    "prometheus_tsdb_head_truncations_failed_total",
    "Times that old samples could not be taken out of memory.",
)
duplicate_timestamps = counter(
    "prometheus_target_scrapes_sample_duplicate_timestamp_total",
    "Samples refused: another value had the same time.",
)
out_of_order = counter(
    "prometheus_target_scrapes_sample_out_of_order_total",
    "Samples refused: older than what was stored.",
)
out_of_bounds = counter(
    "prometheus_target_scrapes_sample_out_of_bounds_total",
    "Samples refused: too old or in the future.",
)
sample_limit_hits = counter(
    "prometheus_target_scrapes_exceeded_sample_limit_total",
    "Scrapes refused: more samples than allowed.",
)
target_limit_hits = counter(
    "prometheus_target_scrape_pool_exceeded_target_limit_total",
    "Times that a job had more targets than allowed.",
)
body_limit_hits = counter(
    "prometheus_target_scrapes_exceeded_body_size_limit_total",
    "Scrapes refused: a page larger than allowed.",
)
label_limit_hits = counter(
    "prometheus_target_scrape_pool_exceeded_label_limits_total",
    "Scrapes refused: more or longer labels than allowed.",
)
scrape_pools_failed = counter(
    "prometheus_target_scrape_pools_failed_total",
    "Jobs that could not be set up, so that none of their targets is scraped.",
)
scrape_pool_reloads_failed = counter(
    "prometheus_target_scrape_pool_reloads_failed_total",
    "Jobs whose new settings could not be taken into use.",
)

alertmanager_config_ok = state(
    "alertmanager_config_last_reload_successful",
    "1 when the last reload of the configuration succeeded.",
    owner=ALERTMANAGER,
)
alertmanager_alerts = gauge(
    "alertmanager_alerts",
    "Alerts by state (active, suppressed, unprocessed).",
    labels=("state",),
    owner=ALERTMANAGER,
    requirements=("C-ALERTMANAGER",),
)
alertmanager_notifications = counter(
    "alertmanager_notifications_total",
    "Attempted notifications.",
    labels=("integration",),
    owner=ALERTMANAGER,
)
alertmanager_failures = counter(
    "alertmanager_notifications_failed_total",
    "Notifications that failed.",
    labels=("integration",),
    owner=ALERTMANAGER,
)
alertmanager_invalid = counter(
    "alertmanager_alerts_invalid_total",
    "Alerts refused as invalid.",
    labels=("version",),
    owner=ALERTMANAGER,
)

PROMETHEUS_METRICS = declared(Metric, globals())
