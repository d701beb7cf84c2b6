"""Probe results as blackbox_exporter 0.23 exposes them, and Prometheus' own view of a target."""

from dexwatch.metrics.metric import Unit, gauge

OWNER = "blackbox_exporter"

success = gauge(
    "probe_success",
    "1 when the probe succeeded.",
    unit=Unit.BOOLEAN,
    owner=OWNER,
    requirements=("C-BLACKBOX-EXP",),
)
seconds = gauge(
    "probe_duration_seconds",
    "Time that the probe took.",
    unit=Unit.SECONDS,
    owner=OWNER,
    requirements=("C-BLACKBOX-EXP", "M-NET-PERF"),
)
dns_seconds = gauge(
    "probe_dns_lookup_time_seconds",
    "Time to resolve the name.",
    unit=Unit.SECONDS,
    owner=OWNER,
)
http_seconds = gauge(
    "probe_http_duration_seconds",
    "Time by phase (resolve, connect, tls, processing, transfer).",
    unit=Unit.SECONDS,
    labels=("phase",),
    owner=OWNER,
)
http_status = gauge(
    "probe_http_status_code", "HTTP status; 0 when none came.", unit=Unit.COUNT, owner=OWNER
)
icmp_seconds = gauge(
    "probe_icmp_duration_seconds",
    "Time by phase (resolve, setup, rtt).",
    unit=Unit.SECONDS,
    labels=("phase",),
    owner=OWNER,
)
certificate_expiry = gauge(
    "probe_ssl_earliest_cert_expiry",
    "When the first certificate of the chain expires.",
    unit=Unit.TIMESTAMP,
    owner=OWNER,
)

PROBE_METRICS = (
    success,
    seconds,
    dns_seconds,
    http_seconds,
    http_status,
    icmp_seconds,
    certificate_expiry,
)
