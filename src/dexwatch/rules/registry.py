"""Every rule in one list, and its rendering as a Prometheus rule file."""

from dexwatch.rules.api import API_ALERTS
from dexwatch.rules.availability import AVAILABILITY_ALERTS
from dexwatch.rules.blindness import critical_signal_lost
from dexwatch.rules.business import BUSINESS_ALERTS
from dexwatch.rules.cache import CACHE_ALERTS
from dexwatch.rules.chain import CHAIN_ALERTS
from dexwatch.rules.config import RulesConfig
from dexwatch.rules.contracts import CONTRACT_ALERTS
from dexwatch.rules.database import DATABASE_ALERTS
from dexwatch.rules.host import HOST_ALERTS
from dexwatch.rules.machine import MACHINE_ALERTS
from dexwatch.rules.own import OWN_ALERTS
from dexwatch.rules.pace import Pace
from dexwatch.rules.postgres import POSTGRES_ALERTS
from dexwatch.rules.recordings import RECORDINGS
from dexwatch.rules.rendering import render_rules
from dexwatch.rules.rule import AlertRule
from dexwatch.rules.security import SECURITY_ALERTS
from dexwatch.rules.stack import STACK_ALERTS
from dexwatch.rules.trading import TRADING_ALERTS

_WATCHERS: tuple[AlertRule, ...] = (
    *AVAILABILITY_ALERTS,
    *API_ALERTS,
    *DATABASE_ALERTS,
    *POSTGRES_ALERTS,
    *CACHE_ALERTS,
    *SECURITY_ALERTS,
    *TRADING_ALERTS,
    *CONTRACT_ALERTS,
    *CHAIN_ALERTS,
    *BUSINESS_ALERTS,
    *HOST_ALERTS,
    *MACHINE_ALERTS,
    *OWN_ALERTS,
    *STACK_ALERTS,
)
ALERTS: tuple[AlertRule, ...] = (
    *_WATCHERS,
    critical_signal_lost(_WATCHERS, RECORDINGS),
)
"""Every alert, by subject. A rule's id is its name everywhere: test, runbook, scenario, silence."""


def render(pace: Pace, config: RulesConfig | None = None) -> str:
    """Return the rule file for Prometheus at this pace, with the operator's changes applied.

    Raises:
        UnknownRuleError: the configuration names a rule that does not exist.
    """
    return render_rules(pace, alerts=ALERTS, recordings=RECORDINGS, config=config)
