"""What Prometheus 2.42 and Alertmanager 0.25 tell of themselves."""

from dexwatch.metrics.metric import Unit, counter, gauge

OWNER = "prometheus"
ALERTMANAGER = "alertmanager"

up = gauge(
    "up",
    "1 when the last scrape of the target succeeded.",
    unit=Unit.BOOLEAN,
    owner=OWNER,
    requirements=("C-PROMETHEUS",),
)
alerts = gauge(
    "ALERTS",
    "1 for each alert that is pending or firing.",
    unit=Unit.BOOLEAN,
    labels=(
        *("alertname", "alertstate", "severity", "component", "team", "alert_group"),
        *("group_priority", "mountpoint"),
    ),
    owner=OWNER,
)
scrape_seconds = gauge(
    "scrape_duration_seconds", "Time that the last scrape took.", unit=Unit.SECONDS, owner=OWNER
)
scrape_samples = gauge(
    "scrape_samples_scraped", "Samples of the last scrape.", unit=Unit.COUNT, owner=OWNER
)
config_ok = gauge(
    "prometheus_config_last_reload_successful",
    "1 when the last reload of the configuration succeeded.",
    unit=Unit.BOOLEAN,
    owner=OWNER,
)
rule_failures = counter(
    "prometheus_rule_evaluation_failures_total",
    "Rule evaluations that failed.",
    labels=("rule_group",),
    owner=OWNER,
)
rule_iterations_missed = counter(
    "prometheus_rule_group_iterations_missed_total",
    "Evaluations of a group that were left out because the one before took too long.",
    labels=("rule_group",),
    owner=OWNER,
)
rule_group_seconds = gauge(
    "prometheus_rule_group_last_duration_seconds",
    "Time that the group's last evaluation took.",
    unit=Unit.SECONDS,
    labels=("rule_group",),
    owner=OWNER,
)
notifications_dropped = counter(
    "prometheus_notifications_dropped_total",
    "Alerts that could not be handed to any Alertmanager.",
    owner=OWNER,
)
notification_errors = counter(
    "prometheus_notifications_errors_total",
    "Errors while handing alerts to an Alertmanager.",
    labels=("alertmanager",),
    owner=OWNER,
)
notification_queue = gauge(
    "prometheus_notifications_queue_length",
    "Alerts that wait to be handed over.",
    unit=Unit.COUNT,
    owner=OWNER,
)
notification_queue_max = gauge(
    "prometheus_notifications_queue_capacity",
    "Most alerts that can wait.",
    unit=Unit.COUNT,
    owner=OWNER,
)
alertmanagers = gauge(
    "prometheus_notifications_alertmanagers_discovered",
    "Alertmanagers that Prometheus knows.",
    unit=Unit.COUNT,
    owner=OWNER,
)
samples_appended = counter(
    "prometheus_tsdb_head_samples_appended_total",
    "Samples stored.",
    labels=("type",),
    owner=OWNER,
)
series = gauge(
    "prometheus_tsdb_head_series",
    "Series in memory.",
    unit=Unit.COUNT,
    owner=OWNER,
    requirements=("C-PROMETHEUS",),
)
storage_bytes = gauge(
    "prometheus_tsdb_storage_blocks_bytes", "Size of the blocks.", unit=Unit.BYTES, owner=OWNER
)
compaction_failures = counter(
    "prometheus_tsdb_compactions_failed_total", "Compactions that failed.", owner=OWNER
)
reload_failures = counter(
    "prometheus_tsdb_reloads_failures_total", "Block reloads that failed.", owner=OWNER
)
wal_corruptions = counter(
    "prometheus_tsdb_wal_corruptions_total", "Damaged write-ahead logs found.", owner=OWNER
)
wal_write_failures = counter(
    "prometheus_tsdb_wal_writes_failed_total",
    "Writes to the write-ahead log that failed: a restart would lose these samples.",
    owner=OWNER,
)
checkpoint_failures = counter(
    "prometheus_tsdb_checkpoint_creations_failed_total",
    "Checkpoints of the write-ahead log that failed.",
    owner=OWNER,
)
head_truncation_failures = counter(
    "prometheus_tsdb_head_truncations_failed_total",
    "Times that old samples could not be taken out of memory.",
    owner=OWNER,
)
duplicate_timestamps = counter(
    "prometheus_target_scrapes_sample_duplicate_timestamp_total",
    "Samples refused: another value had the same time.",
    owner=OWNER,
)
out_of_order = counter(
    "prometheus_target_scrapes_sample_out_of_order_total",
    "Samples refused: older than what was stored.",
    owner=OWNER,
)
out_of_bounds = counter(
    "prometheus_target_scrapes_sample_out_of_bounds_total",
    "Samples refused: too old or in the future.",
    owner=OWNER,
)
sample_limit_hits = counter(
    "prometheus_target_scrapes_exceeded_sample_limit_total",
    "Scrapes refused: more samples than allowed.",
    owner=OWNER,
)
target_limit_hits = counter(
    "prometheus_target_scrape_pool_exceeded_target_limit_total",
    "Times that a job had more targets than allowed.",
    owner=OWNER,
)
body_limit_hits = counter(
    "prometheus_target_scrapes_exceeded_body_size_limit_total",
    "Scrapes refused: a page larger than allowed.",
    owner=OWNER,
)
label_limit_hits = counter(
    "prometheus_target_scrape_pool_exceeded_label_limits_total",
    "Scrapes refused: more or longer labels than allowed.",
    owner=OWNER,
)
scrape_pools_failed = counter(
    "prometheus_target_scrape_pools_failed_total",
    "Jobs that could not be set up, so that none of their targets is scraped.",
    owner=OWNER,
)
scrape_pool_reloads_failed = counter(
    "prometheus_target_scrape_pool_reloads_failed_total",
    "Jobs whose new settings could not be taken into use.",
    owner=OWNER,
)

alertmanager_config_ok = gauge(
    "alertmanager_config_last_reload_successful",
    "1 when the last reload of the configuration succeeded.",
    unit=Unit.BOOLEAN,
    owner=ALERTMANAGER,
)
alertmanager_alerts = gauge(
    "alertmanager_alerts",
    "Alerts by state (active, suppressed, unprocessed).",
    unit=Unit.COUNT,
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

PROMETHEUS_METRICS = (
    up,
    alerts,
    scrape_seconds,
    scrape_samples,
    config_ok,
    rule_failures,
    rule_iterations_missed,
    rule_group_seconds,
    notifications_dropped,
    notification_errors,
    notification_queue,
    notification_queue_max,
    alertmanagers,
    samples_appended,
    series,
    storage_bytes,
    compaction_failures,
    reload_failures,
    wal_corruptions,
    wal_write_failures,
    checkpoint_failures,
    head_truncation_failures,
    duplicate_timestamps,
    out_of_order,
    out_of_bounds,
    sample_limit_hits,
    target_limit_hits,
    body_limit_hits,
    label_limit_hits,
    scrape_pools_failed,
    scrape_pool_reloads_failed,
    alertmanager_config_ok,
    alertmanager_alerts,
    alertmanager_notifications,
    alertmanager_failures,
    alertmanager_invalid,
)
