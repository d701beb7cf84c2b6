"""What an alert rule and a recording rule are, before they become PromQL and YAML."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from dexwatch.metrics.metric import TARGET_LABELS, Unit, UnknownLabelError
from dexwatch.metrics.severity import Severity
from dexwatch.rules.pace import Cadence, Pace

Expression = Callable[[Pace], str]
"""A PromQL expression that depends on the pace, for its windows."""

Comparison = Literal[">", ">=", "<", "<="]


SAME_THING = (
    "subject",
    "host",
    "mountpoint",
    "service",
    "instance",
    "endpoint",
    "cache",
    "feed",
    "datname",
)
"""Labels in which two alerts must agree to be rungs of one ladder: a full /data hides no full /."""


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
    owner: str
    """The team that answers."""
    subject: str
    """What it is about; of several alerts on one subject and host only the worst is shown."""
    value: Expression
    """The watched quantity without comparison; it is also what the graph draws."""
    compare: Comparison
    limit: float
    """In `unit`; an operator may override it."""
    unit: Unit
    for_seconds: float
    """How long the condition must hold, in production seconds."""
    keep_seconds: float
    """How long it goes on firing after the condition ended, in production seconds."""
    why: str
    """The reason for window, hold and keep."""
    summary: str
    """One sentence; `{value}` and `{limit}` stand for themselves in the unit."""
    description: str
    runbook: Runbook
    rows: tuple[str, ...]
    """Requirement ids that this rule covers."""
    cadence: Cadence = Cadence.STANDARD
    rung: int = 1
    """The place on its subject's ladder; a higher rung silences the lower ones."""
    shrunk_limit: float | None = None
    """The limit where time is shrunk, for limits that real time has to grow into."""
    explains: str = ""
    """Another subject whose alert says nothing new while this one fires."""
    guard: Expression | None = None
    """What must hold besides, beginning with `and` or `unless`: enough traffic, not idle."""
    routed: bool = True
    """False for the dead man's signal: its severity label is "none", so nobody is paged by it."""

    def expr(self, pace: Pace) -> str:
        """Return the condition: value, comparison, limit and guard."""
        condition = f"({self.value(pace)}) {self.compare} {number(self.limit_at(pace))}"
        return condition if self.guard is None else f"{condition}\n{self.guard(pace)}"

    def limit_at(self, pace: Pace) -> float:
        """Return the limit that holds at this pace."""
        if pace.shrinks and self.shrunk_limit is not None:
            return self.shrunk_limit
        return self.limit

    def query(self, pace: Pace) -> str:
        """Return what the graph draws."""
        return self.value(pace)


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
    cadence: Cadence = Cadence.STANDARD

    def __str__(self) -> str:
        return self.name

    def where(self, *matchers: str) -> str:
        """Return a selector of the recorded series.

        Raises:
            UnknownLabelError: a matcher names a label that the result does not carry.
        """
        for matcher in matchers:
            label = re.split(r"[=!]", matcher, maxsplit=1)[0]
            if label not in {*self.labels, *TARGET_LABELS}:
                raise UnknownLabelError(f"{self.name} has no label {label!r}")
        return self.name + ("{" + ",".join(matchers) + "}" if matchers else "")


def number(value: float) -> str:
    """Write a limit as PromQL does, without needless decimals."""
    return f"{value:.10g}"
