"""Probe results as blackbox_exporter 0.23 exposes them, and Prometheus' own view of a target."""

from functools import partial

from dexwatch.metrics import metric
from dexwatch.metrics.declared import declared
from dexwatch.metrics.metric import Metric, Unit

gauge = partial(metric.gauge, owner="blackbox_exporter")
state = partial(metric.state, owner="blackbox_exporter")

success = state("probe_success", "1 when the probe succeeded.", requirements=("C-BLACKBOX-EXP",))
seconds = gauge(
    "probe_duration_seconds",
    "Time that the probe took.",
    requirements=("C-BLACKBOX-EXP", "M-NET-PERF"),
)
dns_seconds = gauge("probe_dns_lookup_time_seconds", "Time to resolve the name.")
http_seconds = gauge(
    "probe_http_duration_seconds",
    "Time by phase (resolve, connect, tls, processing, transfer).",
    labels=("phase",),
)
http_status = gauge("probe_http_status_code", "HTTP status; 0 when none came.")
icmp_seconds = gauge(
    "probe_icmp_duration_seconds", "Time by phase (resolve, setup, rtt).", labels=("phase",)
)
certificate_expiry = gauge(
    "probe_ssl_earliest_cert_expiry",
    "When the first certificate of the chain expires.",
    unit=Unit.TIMESTAMP,
)

PROBE_METRICS = declared(Metric, globals())
