"""How a dexwatch evaluates: its rules, and its scrape and evaluation intervals.

The defaults are the product. Who runs it in another way, as a demonstration does, gives another.
"""

from dataclasses import dataclass

from dexwatch.metrics.profile import PRODUCTION, EvaluationProfile
from dexwatch.rules.registry import ALERTS
from dexwatch.rules.rule import AlertRule


@dataclass(frozen=True)
class Evaluation:
    """The rules and their timing, the same in every process of one dexwatch."""

    alerts: tuple[AlertRule, ...] = ALERTS
    profile: EvaluationProfile = PRODUCTION
    refresh_speed: float = 1.0
    """Panels refresh so many times as often as their boards say."""
    roles_module: str = "dexwatch.roles"
    """What is started, as `python -m MODULE ROLE FILE`, for each role."""
