"""Cases of rules on the monitoring itself."""

from tests.fakes.promtool import Case, Counter, Gauge, Series

PROM = 'instance="prometheus",job="prometheus"'

CASES_MONITORING = (
    Case(
        "WorkersNotAggregated",
        (
            Series(
                'process_start_time_seconds{job="exchange",instance="api-1"}',
                f"50*900 {'60*60 50*60 ' * 15}60*1800",
                "50*900 60*60 50*60 60*3480",
            ),
            # Restarts, however many, only go forward.
            Series(
                'process_start_time_seconds{job="exchange",instance="api-2"}',
                f"50*900 {' '.join(f'{60 + n}*60' for n in range(30))} 90*1800",
            ),
            # A move to a host that began earlier goes back once.
            Series(
                'process_start_time_seconds{job="exchange",instance="api-3"}', "60*2250 50*2250"
            ),
        ),
    ),
    Case(
        "CriticalSignalLost",
        (
            Series(
                'up{job="postgres",instance="db"}', "1*900 0*1800 1*1800", "1*900 0*1800 1*1800"
            ),
            # Below: a minute and a half without it are a restart.
            Series(
                'pg_up{job="postgres",instance="db"}', "1*900 _*1800 1*1800", "1*2580 _*90 1*1800"
            ),
            # A target that is configured no more is missed by nobody.
            Series('up{job="postgres",instance="old"}', "1*900 stale"),
            Series('pg_up{job="postgres",instance="old"}', "1*900 stale"),
            # A probe of another class is no matter of a P0.
            Series('up{job="probe",instance="x"}', "1*6030"),
            Series('probe_success{job="probe",instance="x",class="external"}', "1*900 stale"),
            # One of two processes, or both restarted with nothing to count yet: nothing is lost.
            Series('up{job="api",instance="1"}', "1*6030"),
            Series('up{job="api",instance="2"}', "1*900 0*1800 1*1800"),
            Series('platform_transactions_submitted_total{job="api",instance="1"}', "1*6030"),
            Series('platform_transactions_submitted_total{job="api",instance="2"}', "1*900 stale"),
            Series('up{job="web",instance="1"}', "1*6030"),
            Series('platform_transactions_submitted_total{job="web",instance="1"}', "1*900 stale"),
            # The only one that told it is down: it is lost.
            Series('up{job="auth",instance="1"}', "1*900 0*1800 1*1800", "1*6030"),
            Series(
                'platform_auth_attempts_total{job="auth",instance="1",outcome="success"}',
                "1*900 stale _*1740 1*1800",
                "1*6030",
            ),
        ),
        alerts=2,
    ),
    Case("TargetDown", (Gauge('up{job="exchange",instance="api-1"}', 1, 0, 1, blip=2),)),
    Case(
        "CollectorFailing",
        (Gauge('dexwatch_collector_success{collector="gas"}', 1, 0, 1, blip=4),),
    ),
    Case(
        "SeriesDropped",
        (Counter('dexwatch_series_dropped_total{collector="pools"}', 0, 0.01, 0),),
    ),
    Case(
        "DatabaseMetricsIncomplete",
        (
            Gauge('pg_exporter_last_scrape_error{instance="db"}', 0, 1, 0, blip=4),
            Series('pg_up{instance="db"}', "1*4500"),
            # A server that is down, or of which nothing is told, is the matter of other rules.
            Series('pg_exporter_last_scrape_error{instance="down"}', "0*900 1*1800 0*1800"),
            Series('pg_up{instance="down"}', "1*900 0*1800 1*1800"),
            Series('pg_exporter_last_scrape_error{instance="unseen"}', "0*900 1*1800 0*1800"),
            Series('pg_up{instance="unseen"}', "1*900 stale _*1785 1*1800"),
            # One of two servers behind one exporter is down: its queries fail for that.
            Series('pg_exporter_last_scrape_error{instance="two"}', "0*900 1*1800 0*1800"),
            Series('pg_up{instance="two",server="a"}', "1*4500"),
            Series('pg_up{instance="two",server="b"}', "1*900 0*1800 1*1800"),
        ),
    ),
    Case("DaemonDown", (Gauge('dexwatch_daemon_up{daemon="prometheus"}', 1, 0, 1, blip=1),)),
    Case(
        "SupervisionFailing",
        (Counter('dexwatch_daemon_supervision_failures_total{daemon="prometheus"}', 0, 0.002, 0),),
    ),
    Case("DexwatchConfigBad", (Gauge("dexwatch_config_last_reload_successful", 1, 0, 1, blip=3),)),
    Case("StoreDown", (Gauge('dexwatch_store_up{instance="respond"}', 1, 0, 1, blip=3),)),
    Case(
        "OutsidePingFailing",
        (Counter('dexwatch_outside_pings_total{outcome="failed"}', 0, 0.009, 0.004),),
    ),
    Case("JobsOverdue", (Gauge("dexwatch_jobs_overdue", 0, 1, 0),)),
    Case(
        "PagesFailing",
        (
            Counter(
                'dexwatch_notifications_total{channel="slack",outcome="retryable"}', 0, 0.004, 0.003
            ),
            Counter('dexwatch_notifications_total{channel="slack",outcome="delivered"}', 1, 1, 1),
        ),
    ),
    Case(
        "ReceiverRefusing",
        (
            Counter(
                'dexwatch_receiver_requests_total{receiver="alertmanager",outcome="unauthorized"}',
                0,
                0.009,
                0.008,
            ),
            # Taken, but not whole: this is another alert's matter.
            Counter(
                'dexwatch_receiver_requests_total{receiver="alertmanager",outcome="in_part"}',
                1,
                1,
                1,
            ),
        ),
    ),
    Case(
        "ReceiverDroppingAlerts",
        (
            Counter(
                'dexwatch_receiver_requests_total{receiver="alertmanager",outcome="in_part"}',
                0,
                0.002,
                0,
            ),
            Counter(
                'dexwatch_receiver_requests_total{receiver="alertmanager",outcome="accepted"}',
                1,
                1,
                1,
            ),
        ),
    ),
    Case(
        "WorkQuarantined",
        (
            # Three that somebody looked at long ago; the fourth is told for an hour. Below: the
            # role was away, and told none until it had counted them anew.
            Series("dexwatch_quarantined", "3*4500 4*4500", "3*5300 0*30 _*300 3*3370"),
        ),
        warm=75,
        after=45,
    ),
    Case(
        "RetentionHeld",
        (
            # Until the first look nothing is told.
            Series(
                "dexwatch_retention_clock_step_seconds",
                "0*900 63072000*1800 0*1800",
                "_*900 0*3600",
            ),
        ),
    ),
    Case(
        "PrometheusConfigBad",
        (Gauge(f"prometheus_config_last_reload_successful{{{PROM}}}", 1, 0, 1, blip=2),),
    ),
    Case(
        "PrometheusRulesFailing",
        (
            Counter(
                f'prometheus_rule_evaluation_failures_total{{{PROM},rule_group="g"}}', 0, 0.01, 0
            ),
        ),
    ),
    Case(
        "PrometheusRulesMissed",
        (
            Counter(
                f'prometheus_rule_group_iterations_missed_total{{{PROM},rule_group="g"}}',
                0,
                0.004,
                0.003,
            ),
        ),
    ),
    Case(
        "PrometheusNotConnectedToAlertmanager",
        (Gauge(f"prometheus_notifications_alertmanagers_discovered{{{PROM}}}", 1, 0, 1, blip=9),),
    ),
    Case(
        "PrometheusAlertsDropped",
        (
            Counter(f"prometheus_notifications_dropped_total{{{PROM}}}", 0, 0.02, 0),
            Gauge(f"process_start_time_seconds{{{PROM}}}", 1, 1, 1),
        ),
    ),
    Case(
        "PrometheusSendsFailing",
        (
            Counter(
                f'prometheus_notifications_errors_total{{{PROM},alertmanager="am-2"}}',
                0,
                0.011,
                0.008,
            ),
            Counter(
                f'prometheus_notifications_errors_total{{{PROM},alertmanager="am-1"}}', 0, 0, 0
            ),
        ),
    ),
    Case(
        "PrometheusTargetsNotTaken",
        (
            Counter(f"prometheus_target_scrape_pools_failed_total{{{PROM}}}", 0, 0.002, 0),
            Counter(f"prometheus_target_scrape_pool_reloads_failed_total{{{PROM}}}", 0, 0, 0),
        ),
    ),
    Case(
        "PrometheusQueueFull",
        (
            Gauge(f"prometheus_notifications_queue_length{{{PROM}}}", 0, 801, 800),
            Gauge(f"prometheus_notifications_queue_capacity{{{PROM}}}", 1000, 1000, 1000),
        ),
    ),
    Case(
        "PrometheusNotIngesting",
        (
            Counter(
                f'prometheus_tsdb_head_samples_appended_total{{{PROM},type="float"}}', 100, 0, 0.1
            ),
        ),
    ),
    Case(
        "PrometheusStorageFailing",
        (
            Counter(f"prometheus_tsdb_compactions_failed_total{{{PROM}}}", 0, 0.001, 0),
            Counter(f"prometheus_tsdb_reloads_failures_total{{{PROM}}}", 0, 0, 0),
            Counter(f"prometheus_tsdb_wal_corruptions_total{{{PROM}}}", 0, 0, 0),
            Counter(f"prometheus_tsdb_wal_writes_failed_total{{{PROM}}}", 0, 0, 0),
            Counter(f"prometheus_tsdb_checkpoint_creations_failed_total{{{PROM}}}", 0, 0, 0),
            Counter(f"prometheus_tsdb_head_truncations_failed_total{{{PROM}}}", 0, 0, 0),
        ),
        after=240,
    ),
    Case(
        "PrometheusSamplesRefused",
        (
            Counter(
                f"prometheus_target_scrapes_sample_duplicate_timestamp_total{{{PROM}}}",
                0,
                0.01,
                0.008,
            ),
            Counter(
                f"prometheus_target_scrapes_sample_out_of_order_total{{{PROM}}}", 0, 0.01, 0.008
            ),
            Counter(f"prometheus_target_scrapes_sample_out_of_bounds_total{{{PROM}}}", 0, 0, 0),
        ),
    ),
    Case(
        "PrometheusScrapeLimitHit",
        (
            Counter(f"prometheus_target_scrapes_exceeded_sample_limit_total{{{PROM}}}", 0, 0.01, 0),
            Counter(
                f"prometheus_target_scrape_pool_exceeded_target_limit_total{{{PROM}}}", 0, 0, 0
            ),
            Counter(f"prometheus_target_scrapes_exceeded_body_size_limit_total{{{PROM}}}", 0, 0, 0),
            Counter(
                f"prometheus_target_scrape_pool_exceeded_label_limits_total{{{PROM}}}", 0, 0, 0
            ),
        ),
    ),
    Case(
        "AlertmanagerConfigBad",
        (Gauge('alertmanager_config_last_reload_successful{instance="am"}', 1, 0, 1, blip=2),),
    ),
    Case(
        "AlertmanagerNotificationsFailing",
        (
            Counter(
                'alertmanager_notifications_failed_total{instance="am",integration="webhook"}',
                0,
                0.008,
                0.006,
            ),
        ),
    ),
    Case(
        "AlertmanagerAlertsInvalid",
        (Counter('alertmanager_alerts_invalid_total{instance="am",version="v2"}', 0, 0.01, 0),),
    ),
)
