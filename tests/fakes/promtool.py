"""A compact table of rule cases, and the test files for `promtool test rules` made from it.

Each case plays three acts on synthetic series: as usual, the fault, as usual again.
"""

import json
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from dexwatch.metrics.metric import Metric
from dexwatch.metrics.profile import PRODUCTION
from dexwatch.rules.recording_rules import RECORDING_RULES
from dexwatch.rules.rendering import render_rules
from dexwatch.rules.rule import AlertRule
from tests.fakes import need

Play = Literal["fires", "below", "quiet"]


@dataclass(frozen=True)
class Gauge:
    """A value in each act; `just` is the harmless value right at the limit."""

    series: str
    usual: float
    bad: float
    just: float
    after: float | None = None
    blip: int = 0
    """In `below` only so many samples at the end are bad."""

    def values(self, play: Play, counts: tuple[int, int, int], step: int, factor: float) -> str:
        after = self.usual if self.after is None else self.after
        first, second, third = counts
        act = self.bad if play != "below" else self.just
        if play == "below" and self.blip:
            calm = second - self.blip
            return " ".join(
                [_flat(self.usual, first + calm), _flat(self.bad, self.blip), _flat(after, third)]
            )
        return " ".join([_flat(self.usual, first), _flat(act, second), _flat(after, third)])


@dataclass(frozen=True)
class Series:
    """Samples as promtool writes them, for what comes and goes; `below` where they differ."""

    series: str
    samples: str
    below: str = ""

    def values(self, play: Play, counts: tuple[int, int, int], step: int, factor: float) -> str:
        return self.below if play == "below" and self.below else self.samples


@dataclass(frozen=True)
class Counter:
    """A rate per second in each act; a negative rate makes a falling gauge."""

    series: str
    usual: float
    bad: float
    just: float
    after: float | None = None
    start: float = 0.0
    just_start: float | None = None
    usual_just: float | None = None
    quiet: float | None = None
    """The rate of the fault in `quiet`, where the case's factor does not tell enough."""

    def values(self, play: Play, counts: tuple[int, int, int], step: int, factor: float) -> str:
        usual = self.usual
        act = self.bad
        after = self.usual if self.after is None else self.after
        level = self.start
        if play == "below":
            act = self.just
            usual = usual if self.usual_just is None else self.usual_just
            level = level if self.just_start is None else self.just_start
        if play == "quiet":
            act = self.bad if self.quiet is None else self.quiet
        parts = []
        for rate, count in zip((usual, act, after), counts, strict=True):
            gain = rate * step * (factor if play == "quiet" else 1.0)
            parts.append(f"{level:.6f}{gain:+.6f}x{count - 1}")
            level += gain * count
        return " ".join(parts)


@dataclass(frozen=True)
class Case:
    """One rule's three acts."""

    rule: str
    series: tuple[Gauge | Counter | Series, ...]
    warm: int = 15
    """Minutes."""
    fault: int = 30
    after: int = 30
    step: int = 30
    """Seconds between samples."""
    alerts: int = 1
    """Alerts that fire in the fault."""
    quiet: float | None = None
    """Factor on all rates at which the same shares must not alert, for rules that want traffic."""
    expect: dict[str, str] = field(default_factory=dict)


def histogram(
    metric: Metric,
    labels: str,
    *,
    usual: float,
    bad: float,
    just: float,
    usual_just: float | None = None,
    rate: float = 1.0,
) -> tuple[Counter, ...]:
    """Return buckets and count of a histogram whose observations all have one value an act."""
    before = usual if usual_just is None else usual_just
    lines = []
    for bound in (*metric.buckets, float("inf")):
        le = "+Inf" if bound == float("inf") else f"{bound:g}"
        rates = [rate if value <= bound else 0.0 for value in (usual, bad, just, before)]
        name = f'{metric.bucket()}{{{labels}{"," if labels else ""}le="{le}"}}'
        lines.append(Counter(name, rates[0], rates[1], rates[2], usual_just=rates[3]))
    lines.append(Counter(f"{metric.count()}{{{labels}}}", rate, rate, rate))
    return tuple(lines)


def outcomes(
    name: str,
    labels: str,
    *,
    good: str,
    bad: str,
    share: float,
    just: float,
    rate: float = 2.0,
    usual: float = 0.0,
) -> tuple[Counter, ...]:
    """Return two counters whose bad share is `share` in the fault and `just` below the limit."""
    comma = "," if labels else ""
    return (
        Counter(
            f"{name}{{{labels}{comma}{good}}}",
            rate * (1 - usual),
            rate * (1 - share),
            rate * (1 - just),
        ),
        Counter(f"{name}{{{labels}{comma}{bad}}}", rate * usual, rate * share, rate * just),
    )


def write(case: Case, rule: AlertRule, folder: Path) -> Path:
    """Write the rule file and its test for one case; return the test's path."""
    text = rule.expr(PRODUCTION)
    needed, grew = set(), True
    while grew:
        found = {r for r in RECORDING_RULES if r.name in text} - needed
        needed |= found
        text += "".join(r.value(PRODUCTION) for r in found)
        grew = bool(found)
    recordings = [r for r in RECORDING_RULES if r in needed]
    rules = folder / f"{case.rule}.rules.yml"
    rules.write_text(render_rules(PRODUCTION, alerts=[rule], recordings=recordings))
    plays: list[Play] = ["fires", "below"]
    if case.quiet is not None:
        plays.append("quiet")
    document = {
        "rule_files": [rules.name],
        "evaluation_interval": f"{case.step}s",
        "tests": [_play(case, play) for play in plays],
    }
    path = folder / f"{case.rule}.test.yml"
    path.write_text(json.dumps(document))  # JSON is YAML too.
    return path


def _play(case: Case, play: Play) -> dict[str, Any]:
    counts = tuple(minutes * 60 // case.step for minutes in (case.warm, case.fault, case.after))
    first, second, third = counts
    firing = f'count(ALERTS{{alertname="{case.rule}",alertstate="firing"}})'
    moments = {
        (first - 1) * case.step: 0,
        (first + second - 1) * case.step: case.alerts if play == "fires" else 0,
        (first + second + third - 1) * case.step: 0,
    }
    return {
        "name": f"{case.rule} {play}",
        "interval": f"{case.step}s",
        "input_series": [
            {
                "series": line.series,
                "values": line.values(play, (first, second, third), case.step, case.quiet or 1.0),
            }
            for line in case.series
        ],
        "promql_expr_test": [
            {
                "expr": firing,
                "eval_time": f"{at}s",
                "exp_samples": [{"labels": "{}", "value": n}] if n else [],
            }
            for at, n in moments.items()
        ],
    }


def run(paths: Sequence[Path]) -> subprocess.CompletedProcess[str]:
    """Run the real promtool over test files of one folder."""
    return subprocess.run(
        [binary(), "test", "rules", *(path.name for path in paths)],
        cwd=paths[0].parent,
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )


def binary() -> str:
    """Return promtool's path; skip where it is missing, but never in CI."""
    return need.program("promtool")


def _flat(value: float, count: int) -> str:
    return f"{value:g}x{count - 1}"
