"""Cases of rules on the platform: public addresses, API, database, cache."""

from dexwatch.metrics import platform
from tests.fakes.promtool import Case, Counter, Gauge, Series, histogram, outcomes

DAY = 86_400
API = 'http_request_method="GET",http_route="/quote",service="api"'


def errors(rule: str, share: float, just: float) -> Case:
    series = outcomes(
        platform.http_seconds.count(),
        API,
        good='http_response_status_code="200"',
        bad='http_response_status_code="502"',
        share=share,
        just=just,
    )
    return Case(rule, series, quiet=0.05)


def probe(kind: str) -> str:
    return f'probe_success{{class="{kind}",instance="x",job="probe"}}'


STATUS = 'http_response_status_code="200",service="api"'

CASES_PLATFORM = (
    Case("ApiUptimeLow", (Gauge(probe("api"), 1, 0, 1, blip=1),)),
    Case(
        "SystemAvailabilityLow",
        (Gauge('pg_up{instance="db"}', 1, 0, 1, blip=2), Gauge(probe("api"), 1, 1, 1)),
    ),
    Case("LoadBalancerDown", (Gauge('nginx_up{instance="edge"}', 1, 0, 1),)),
    Case("LoadBalancerUpstreamDown", (Gauge(probe("upstream"), 1, 0, 1, blip=1),)),
    Case("ExternalServiceDown", (Gauge(probe("external"), 1, 0, 1, blip=4),)),
    Case(
        "NetworkLatencyHigh",
        (
            Gauge('probe_http_duration_seconds{phase="connect",instance="x"}', 0.02, 0.11, 0.1),
            Gauge('probe_http_duration_seconds{phase="processing",instance="x"}', 2, 2, 2),
        ),
    ),
    Case(
        "CertificateExpiresSoon",
        (Gauge("probe_ssl_earliest_cert_expiry", 90 * DAY, 20 * DAY, 21.2 * DAY),),
    ),
    Case(
        "CertificateExpiresVerySoon",
        (Gauge("probe_ssl_earliest_cert_expiry", 90 * DAY, 2 * DAY, 3.2 * DAY),),
    ),
    Case(
        "LatencyDegraded",
        histogram(platform.http_seconds, STATUS, usual=0.1, bad=0.6, just=0.5),
        quiet=0.05,
    ),
    Case(
        "ApiLatencyHigh",
        histogram(platform.http_seconds, STATUS, usual=0.1, bad=2, just=1.0),
        quiet=0.05,
    ),
    Case(
        "ApiLatencyAboveBaseline",
        histogram(platform.http_seconds, STATUS, usual=0.1, bad=0.25, just=0.75, usual_just=0.5),
        warm=40,
        fault=12,
        quiet=0.05,
    ),
    errors("ErrorRateNoticeable", 0.012, 0.0099),
    errors("ErrorRateDegraded", 0.012, 0.0099),
    errors("ErrorRateElevated", 0.021, 0.0199),
    errors("ErrorRateHigh", 0.051, 0.0499),
    Case(
        "DatabaseDown",
        (
            Gauge('pg_up{job="postgres",instance="db"}', 1, 0, 1),
            # A server that hangs: its exporter runs out of time, and what it told last goes stale.
            Series('pg_up{job="postgres",instance="hung"}', "1*420 stale _*540 1*600", "1*1620"),
            Series('up{job="postgres",instance="hung"}', "1*420 0*600 1*600", "1*1620"),
            Series('scrape_duration_seconds{job="postgres",instance="hung"}', "4.5*1620"),
            # An exporter that is gone is another matter.
            Series('pg_up{job="postgres",instance="gone"}', "1*420 stale _*540 1*600"),
            Series('up{job="postgres",instance="gone"}', "1*420 0*600 1*600"),
            Series('scrape_duration_seconds{job="postgres",instance="gone"}', "0.01*1620"),
        ),
        warm=7,
        fault=10,
        after=10,
        alerts=2,
    ),
    Case(
        "DatabaseSlow",
        histogram(
            platform.db_seconds,
            'db_system_name="postgresql",db_operation_name="select",service="api"',
            usual=0.01,
            bad=0.7,
            just=0.5,
        ),
        quiet=0.05,
    ),
    Case(
        "DatabaseConnectionsHigh",
        (
            Gauge('pg_stat_activity_count{instance="db",state="active"}', 10, 40, 40),
            Gauge('pg_stat_activity_count{instance="db",state="idle"}', 10, 41, 40),
            Gauge('pg_settings_max_connections{instance="db"}', 100, 100, 100),
        ),
    ),
    Case(
        "DatabaseTransactionLong",
        (Gauge('pg_stat_activity_max_tx_duration{instance="db",datname="dex"}', 2, 901, 900),),
    ),
    Case(
        "DatabaseDeadlocks",
        (Counter('pg_stat_database_deadlocks{instance="db",datname="dex"}', 0, 0.01, 0.008),),
    ),
    Case(
        "DatabaseRollbacksMany",
        (
            Counter('pg_stat_database_xact_commit{instance="db",datname="dex"}', 10, 9, 10),
            Counter('pg_stat_database_xact_rollback{instance="db",datname="dex"}', 0, 10, 9.9),
        ),
        quiet=0.01,
    ),
    Case("DatabaseLockWaits", (Gauge('pg_activity_waiting_for_lock{instance="db"}', 0, 6, 5),)),
    Case("DatabaseReplicaLagging", (Gauge('pg_replica_lag_seconds{instance="db"}', 0, 61, 60),)),
    Case("DatabaseSlotUnused", (Gauge('pg_replica_inactive_slots{instance="db"}', 0, 1, 0),)),
    Case(
        "DatabaseArchiveFailing",
        (Counter('pg_stat_archiver_failed_count{instance="db"}', 0, 0.003, 0.002),),
    ),
    Case(
        "DatabaseBufferHitsLow",
        (
            Counter('pg_stat_database_blks_hit{instance="db",datname="dex"}', 990, 880, 901),
            Counter('pg_stat_database_blks_read{instance="db",datname="dex"}', 10, 120, 99),
        ),
        quiet=0.01,
    ),
    Case("RedisDown", (Gauge('redis_up{instance="cache"}', 1, 0, 1),)),
    Case(
        "CacheHitRateLow",
        outcomes(
            "platform_cache_requests_total",
            'cache="quotes"',
            good='result="hit"',
            bad='result="miss"',
            share=0.21,
            just=0.199,
            usual=0.05,
        ),
        quiet=0.05,
    ),
    Case(
        "CacheMissRateRising",
        outcomes(
            "platform_cache_requests_total",
            'cache="quotes"',
            good='result="hit"',
            bad='result="miss"',
            share=0.25,
            just=0.19,
            usual=0.1,
        ),
        warm=60,
        fault=10,
        quiet=0.05,
    ),
    Case(
        "RedisMemoryHigh",
        (
            Gauge('redis_memory_used_bytes{instance="cache"}', 500, 901, 900),
            Gauge('redis_memory_max_bytes{instance="cache"}', 1000, 1000, 1000),
        ),
    ),
    Case(
        "RedisRejectingConnections",
        (Counter('redis_rejected_connections_total{instance="cache"}', 0, 0.01, 0),),
    ),
    Case(
        "RedisEvictingKeys",
        (Counter('redis_evicted_keys_total{instance="cache"}', 0, 1.7, 1.65),),
    ),
    Case(
        "RedisPersistenceFailing",
        (
            Gauge('redis_rdb_last_bgsave_status{instance="cache"}', 1, 0, 1, blip=2),
            Gauge('redis_aof_last_write_status{instance="cache"}', 1, 1, 1),
        ),
    ),
    Case(
        "RedisMetricsIncomplete",
        (
            Gauge('redis_exporter_last_scrape_error{instance="cache",err="denied"}', 0, 1, 0),
            Series('redis_up{instance="cache"}', "1*4500"),
            # A server that is down is the matter of other rules; so is its first moment afterwards.
            Series(
                'redis_exporter_last_scrape_error{instance="down",err=""}',
                "0*900 stale _*1799 0*1800",
            ),
            Series(
                'redis_exporter_last_scrape_error{instance="down",err="refused"}',
                "_*900 1*1800 stale",
            ),
            Series('redis_up{instance="down"}', "1*900 0*1800 1*1800"),
        ),
    ),
)
