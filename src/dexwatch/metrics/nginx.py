"""Load balancer metrics as nginx-prometheus-exporter 0.11 exposes them from stub_status."""

from functools import partial

from dexwatch.metrics import metric
from dexwatch.metrics.declared import declared
from dexwatch.metrics.metric import Metric

counter = partial(metric.counter, owner="nginx_exporter")
gauge = partial(metric.gauge, owner="nginx_exporter")
state = partial(metric.state, owner="nginx_exporter")

up = state("nginx_up", "1 when the exporter reached nginx.", requirements=("C-LB-EXP", "M-LB"))
requests = counter("nginx_http_requests_total", "Requests.", requirements=("C-LB-EXP", "M-LB"))
accepted = counter("nginx_connections_accepted", "Connections accepted.")
handled = counter(
    "nginx_connections_handled",
    "Connections handled; fewer than accepted means that some were dropped.",
)
active = gauge("nginx_connections_active", "Open connections.", requirements=("M-LB",))
reading = gauge("nginx_connections_reading", "Connections whose request is being read.")
writing = gauge("nginx_connections_writing", "Connections that are being answered.")
waiting = gauge("nginx_connections_waiting", "Idle connections.")

NGINX_METRICS = declared(Metric, globals())
