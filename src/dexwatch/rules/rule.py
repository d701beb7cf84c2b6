"""What an alert rule and a recording rule are, before they become PromQL and YAML."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal

from dexwatch.metrics.component import Component
from dexwatch.metrics.metric import Unit, selector
from dexwatch.metrics.profile import EvaluationProfile
from dexwatch.metrics.scrape_class import ScrapeClass
from dexwatch.metrics.severity import Severity

Expression = Callable[[EvaluationProfile], str]
"""A PromQL expression; its windows depend on the profile."""

Operator = Literal[">", ">=", "<", "<="]


@dataclass(frozen=True)
class Runbook:
    """What the woken person does, in this order; each entry is one plain sentence."""

    meaning: str
    check: tuple[str, ...]
    fix: tuple[str, ...]
    escalate: str


@dataclass(frozen=True, kw_only=True)
class AlertRule:
    """One condition that somebody must answer, with all that this person needs."""

    id: str
    """The alert's name, CamelCase: also the runbook's anchor and what an operator types."""
    severity: Severity
    component: Component
    """The part of the platform that is ill; it decides the rule group, too."""
    alert_group: str
    """Alerts on one fault, from mild to severe: of those on one thing only the worst is heard."""
    value: Expression
    """The watched quantity without comparison; it is also what the graph draws."""
    why: str
    """The reason for window, `for` and `keep_firing_for`."""
    summary: str
    """One sentence; `{value}` and `{threshold}` stand for themselves in the unit.

    `{5m}` here and in the description stands for the window that five minutes become at the
    profile.
    """
    description: str
    runbook: Runbook
    requirements: tuple[str, ...]
    """Requirement ids that this rule covers."""
    unit: Unit = Unit.COUNT
    team: str = ""
    """The team that answers; without a name it is the component's."""
    operator: Operator = ">"
    threshold: float = 0
    """In `unit`; an operator may override it. Without one, anything above nothing fires."""
    for_seconds: float = 0
    """How long the condition must hold, in production seconds; 0 where the window is the hold."""
    keep_firing_seconds: float = 120
    """How long it goes on firing after the condition ended, in production seconds."""
    scrape_class: ScrapeClass = ScrapeClass.STANDARD
    group_priority: int = 1
    """Its place in the group; a higher one inhibits the lower ones."""
    inhibits: str = ""
    """Another group, whose alerts say nothing new while this one fires."""
    condition: Expression | None = None
    """What must hold besides, beginning with `and` or `unless`: enough traffic, not idle."""
    graph: Expression | None = None
    """What to draw where `value` is too long for an annotation."""
    routed: bool = True
    """False for the dead man's signal: its severity label is "none", so nobody is paged by it."""

    def __post_init__(self) -> None:
        if not self.team:
            object.__setattr__(self, "team", self.component.team)

    def expr(self, profile: EvaluationProfile) -> str:
        """Return the whole condition: value, operator, threshold, and what must hold besides."""
        condition = f"({self.value(profile)}) {self.operator} {number(self.threshold)}"
        return condition if self.condition is None else f"{condition}\n{self.condition(profile)}"

    def query(self, profile: EvaluationProfile) -> str:
        """Return what the graph draws."""
        return (self.graph or self.value)(profile)


state_rule = partial(AlertRule, operator="<", threshold=1, unit=Unit.BOOLEAN)
"""A rule on a state that is 1 in health: it fires while the state is less."""


@dataclass(frozen=True, kw_only=True)
class RecordingRule:
    """An expression that rules and panels share, computed once for each evaluation."""

    name: str
    """`level:quantity:operation`, as Prometheus' naming convention has it."""
    help: str
    unit: Unit
    value: Expression
    labels: tuple[str, ...] = ()
    """The labels that the result carries."""
    scrape_class: ScrapeClass = ScrapeClass.STANDARD

    def __str__(self) -> str:
        return self.name

    def where(self, *matchers: str) -> str:
        """Return a selector of the recorded series.

        Raises:
            UnknownLabelError: a matcher names a label that the result does not carry.
        """
        return selector(self.name, self.labels, matchers)


def number(value: float) -> str:
    """Write a threshold as PromQL does, without needless decimals."""
    return f"{value:.10g}"
