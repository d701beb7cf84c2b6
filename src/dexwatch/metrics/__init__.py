"""The vocabulary: every metric that rules, panels and exporters may name, declared once."""

from dexwatch.metrics.business import BUSINESS_METRICS
from dexwatch.metrics.chain import CHAIN_METRICS
from dexwatch.metrics.exchange import EXCHANGE_METRICS
from dexwatch.metrics.host import HOST_METRICS
from dexwatch.metrics.metric import Metric
from dexwatch.metrics.nginx import NGINX_METRICS
from dexwatch.metrics.own import OWN_METRICS
from dexwatch.metrics.platform import PLATFORM_METRICS
from dexwatch.metrics.postgres import POSTGRES_METRICS
from dexwatch.metrics.probes import PROBE_METRICS
from dexwatch.metrics.prometheus import PROMETHEUS_METRICS
from dexwatch.metrics.redis import REDIS_METRICS

METRICS: tuple[Metric, ...] = (
    *BUSINESS_METRICS,
    *CHAIN_METRICS,
    *EXCHANGE_METRICS,
    *HOST_METRICS,
    *NGINX_METRICS,
    *OWN_METRICS,
    *PLATFORM_METRICS,
    *POSTGRES_METRICS,
    *PROBE_METRICS,
    *PROMETHEUS_METRICS,
    *REDIS_METRICS,
)
