"""Every rule in one list, and its rendering as a Prometheus rule file."""

from dexwatch.metrics.profile import PRODUCTION, EvaluationProfile
from dexwatch.rules.absent_signals import critical_signal_lost
from dexwatch.rules.catalogue.alertmanager_alerts import ALERTMANAGER_ALERTS
from dexwatch.rules.catalogue.api_alerts import API_ALERTS
from dexwatch.rules.catalogue.availability_alerts import AVAILABILITY_ALERTS
from dexwatch.rules.catalogue.business_alerts import BUSINESS_ALERTS
from dexwatch.rules.catalogue.chain_alerts import CHAIN_ALERTS
from dexwatch.rules.catalogue.contract_alerts import CONTRACT_ALERTS
from dexwatch.rules.catalogue.dexwatch_alerts import OWN_ALERTS
from dexwatch.rules.catalogue.endpoint_alerts import ENDPOINT_ALERTS
from dexwatch.rules.catalogue.host_disk_alerts import DISK_ALERTS
from dexwatch.rules.catalogue.host_fault_alerts import MACHINE_ALERTS
from dexwatch.rules.catalogue.host_resource_alerts import HOST_ALERTS
from dexwatch.rules.catalogue.market_data_alerts import MARKET_DATA_ALERTS
from dexwatch.rules.catalogue.postgres_service_alerts import DATABASE_ALERTS
from dexwatch.rules.catalogue.postgres_upkeep_alerts import POSTGRES_ALERTS
from dexwatch.rules.catalogue.prometheus_alerts import STACK_ALERTS
from dexwatch.rules.catalogue.redis_alerts import CACHE_ALERTS
from dexwatch.rules.catalogue.respond_alerts import RESPOND_ALERTS
from dexwatch.rules.catalogue.security_alerts import SECURITY_ALERTS
from dexwatch.rules.catalogue.trading_alerts import TRADING_ALERTS
from dexwatch.rules.config import RulesConfig
from dexwatch.rules.recording_rules import RECORDING_RULES
from dexwatch.rules.rendering import render_rules
from dexwatch.rules.rule import AlertRule

_WATCHERS: tuple[AlertRule, ...] = (
    *AVAILABILITY_ALERTS,
    *API_ALERTS,
    *DATABASE_ALERTS,
    *POSTGRES_ALERTS,
    *CACHE_ALERTS,
    *SECURITY_ALERTS,
    *TRADING_ALERTS,
    *MARKET_DATA_ALERTS,
    *CONTRACT_ALERTS,
    *ENDPOINT_ALERTS,
    *CHAIN_ALERTS,
    *BUSINESS_ALERTS,
    *HOST_ALERTS,
    *DISK_ALERTS,
    *MACHINE_ALERTS,
    *OWN_ALERTS,
    *RESPOND_ALERTS,
    *STACK_ALERTS,
    *ALERTMANAGER_ALERTS,
)
ALERTS: tuple[AlertRule, ...] = (*_WATCHERS, critical_signal_lost(_WATCHERS))
"""Every alert, by subject. A rule's id is its name everywhere: test, runbook, scenario, silence."""


def render(
    profile: EvaluationProfile = PRODUCTION,
    config: RulesConfig | None = None,
    alerts: tuple[AlertRule, ...] = ALERTS,
) -> str:
    """Return the rule file for Prometheus, with the operator's changes applied.

    Raises:
        UnknownRuleError: the configuration names a rule that does not exist.
    """
    return render_rules(profile, alerts=alerts, recordings=RECORDING_RULES, config=config)
