"""What the panels' figures come from, and how to see that it is configured but down.

An exporter that is down gives no word on its server, so both are asked.
"""

from dexwatch.dashboards.board import Source
from dexwatch.metrics import chain, nginx, postgres, prometheus, redis
from dexwatch.metrics.metric import Metric


def _scraped(job: str, *, server: Metric | None = None) -> str:
    scrapes = prometheus.up.where(f'job="{job}"')
    return f"min by (instance) ({f'{server} or ' if server else ''}{scrapes})"


POSTGRES = Source("The database", _scraped("postgres", server=postgres.up))
REDIS = Source("Redis", _scraped("redis", server=redis.up))
NGINX = Source("The load balancer", _scraped("nginx", server=nginx.up))
HOSTS = Source("The host", _scraped("node"))
PROBES = Source("The probe", _scraped("probe"))
ENDPOINTS = Source("The chain endpoint", f"min by (endpoint) ({chain.endpoint_up})")
