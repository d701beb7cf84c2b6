"""The vocabulary: every metric that rules, panels and exporters may name, declared once."""

from dexwatch.signals.business import BUSINESS_METRICS
from dexwatch.signals.chain import CHAIN_METRICS
from dexwatch.signals.exchange import EXCHANGE_METRICS
from dexwatch.signals.host import HOST_METRICS
from dexwatch.signals.metric import Metric
from dexwatch.signals.nginx import NGINX_METRICS
from dexwatch.signals.own import OWN_METRICS
from dexwatch.signals.platform import PLATFORM_METRICS
from dexwatch.signals.postgres import POSTGRES_METRICS
from dexwatch.signals.probes import PROBE_METRICS
from dexwatch.signals.prometheus import PROMETHEUS_METRICS
from dexwatch.signals.redis import REDIS_METRICS

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
