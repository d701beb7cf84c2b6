"""Load balancer metrics as nginx-prometheus-exporter 0.11 exposes them from stub_status."""

from dexwatch.metrics.metric import Unit, counter, gauge

OWNER = "nginx_exporter"

up = gauge(
    "nginx_up",
    "1 when the exporter reached nginx.",
    unit=Unit.BOOLEAN,
    owner=OWNER,
    requirements=("C-LB-EXP", "M-LB"),
)
requests = counter(
    "nginx_http_requests_total",
    "Requests.",
    owner=OWNER,
    requirements=("C-LB-EXP", "M-LB"),
)
accepted = counter("nginx_connections_accepted", "Connections accepted.", owner=OWNER)
handled = counter(
    "nginx_connections_handled",
    "Connections handled; fewer than accepted means that some were dropped.",
    owner=OWNER,
)
active = gauge(
    "nginx_connections_active",
    "Open connections.",
    unit=Unit.COUNT,
    owner=OWNER,
    requirements=("M-LB",),
)
reading = gauge(
    "nginx_connections_reading",
    "Connections whose request is being read.",
    unit=Unit.COUNT,
    owner=OWNER,
)
writing = gauge(
    "nginx_connections_writing",
    "Connections that are being answered.",
    unit=Unit.COUNT,
    owner=OWNER,
)
waiting = gauge("nginx_connections_waiting", "Idle connections.", unit=Unit.COUNT, owner=OWNER)

NGINX_METRICS = (up, requests, accepted, handled, active, reading, writing, waiting)
