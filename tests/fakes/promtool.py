"""A compact table of rule cases, and the test files for `promtool test rules` made from it.

Each case plays three acts on synthetic series: as usual, the fault, as usual again.
Samples lie as far apart as the scrapes of the rule's class, and the rule is evaluated as often as
in production: what is judged is what pages.
"""

import json
import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from dexwatch.metrics.metric import Metric
from dexwatch.metrics.profile import PRODUCTION
from dexwatch.rules.recording_rules import RECORDING_RULES
from dexwatch.rules.rendering import render_rules
from dexwatch.rules.rule import AlertRule, RecordingRule
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

    def values(self, play: Play, counts: tuple[int, ...], step: int, factor: float) -> str:
        after = self.usual if self.after is None else self.after
        first, second, third = counts
        act = self.bad if play != "below" else self.just
        if play == "below" and self.blip:
            healthy = second - self.blip
            return " ".join(
                [
                    _flat(self.usual, first + healthy),
                    _flat(self.bad, self.blip),
                    _flat(after, third),
                ]
            )
        return " ".join([_flat(self.usual, first), _flat(act, second), _flat(after, third)])


@dataclass(frozen=True)
class Series:
    """What comes and goes: `1*300 stale _*60` is 1 for 300 s, a stale mark, nothing for 60 s."""

    series: str
    samples: str
    below: str = ""

    def values(self, play: Play, counts: tuple[int, ...], step: int, factor: float) -> str:
        return spelt(self.below if play == "below" and self.below else self.samples, step)


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

    def values(self, play: Play, counts: tuple[int, ...], step: int, factor: float) -> str:
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
    warm: float | None = None
    """Minutes; None: what suits the rule's class."""
    fault: float | None = None
    after: float | None = None
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
    plays: list[Play] = ["fires", "below"]
    if case.quiet is not None:
        plays.append("quiet")
    step = scrape_seconds(rule)
    return _write(rule, folder, [_play(case, play, step) for play in plays], evaluate(rule))


@dataclass(frozen=True)
class Story:
    """What the series of a rule do, and how many of its alerts fire so many seconds later."""

    name: str
    series: Mapping[str, str]
    """Values are written as for `Series`, sampled as often as the rule's class is scraped."""
    firing: Mapping[int, int]
    within: int = 0
    """Counts what fired at any time in so many seconds before; 0: what fires at the moment."""


def judge(
    rule: AlertRule,
    folder: Path,
    *,
    series: Mapping[str, str],
    firing: Mapping[int, int],
    evaluate_every: str = "",
) -> Path:
    """Write a test of one rule by one story."""
    return judge_all(rule, folder, [Story(rule.id, series, firing)], evaluate_every=evaluate_every)


def judge_all(
    rule: AlertRule, folder: Path, stories: Sequence[Story], *, evaluate_every: str = ""
) -> Path:
    """Write a test of one rule by several stories."""
    step = scrape_seconds(rule)
    tests = [
        {
            "name": story.name,
            "interval": f"{step}s",
            "input_series": [
                {"series": name, "values": spelt(text, step)} for name, text in story.series.items()
            ],
            "promql_expr_test": [
                _count(rule.id, at, number, within=story.within)
                for at, number in story.firing.items()
            ],
        }
        for story in stories
    ]
    return _write(rule, folder, tests, evaluate_every or evaluate(rule))


def scrape_seconds(rule: AlertRule) -> int:
    """Return the distance of samples, in seconds."""
    return PRODUCTION.scrape_ms(rule.scrape_class) // 1000


def evaluate(rule: AlertRule) -> str:
    """Return how often the rule is evaluated in production."""
    return f"{PRODUCTION.evaluate_ms(rule.scrape_class)}ms"


def spelt(text: str, step: int) -> str:
    """Return values as promtool writes them, for samples that lie `step` seconds apart."""

    def repeated(found: re.Match[str]) -> str:
        count = max(1, round(int(found[2]) / step))
        return f"{found[1]}x{count - 1 if found[1] != '_' else count}"

    return re.sub(r"(\S+)\*(\d+)", repeated, text)


def _write(rule: AlertRule, folder: Path, tests: list[dict[str, Any]], every: str) -> Path:
    recordings = _needed(rule)
    rules = folder / f"{rule.id}.rules.yml"
    rules.write_text(render_rules(PRODUCTION, alerts=[rule], recordings=recordings))
    document = {"rule_files": [rules.name], "evaluation_interval": every, "tests": tests}
    path = folder / f"{rule.id}.test.yml"
    path.write_text(json.dumps(document))  # JSON is YAML too.
    return path


def _needed(rule: AlertRule) -> list[RecordingRule]:
    text, needed, grew = rule.expr(PRODUCTION), set[str](), True
    while grew:
        found = {r.name for r in RECORDING_RULES if r.name in text} - needed
        needed |= found
        text += "".join(r.value(PRODUCTION) for r in RECORDING_RULES if r.name in found)
        grew = bool(found)
    return [r for r in RECORDING_RULES if r.name in needed]


def _play(case: Case, play: Play, step: int) -> dict[str, Any]:
    # A critical rule is judged each second, and nothing in it lasts longer than some minutes.
    usual = (6, 6, 8) if step < 10 else (15, 30, 30)
    given = (case.warm, case.fault, case.after)
    minutes = [own if mine is None else mine for mine, own in zip(given, usual, strict=True)]
    counts = tuple(round(each * 60 / step) for each in minutes)
    first, second, third = counts
    moments = {
        (first - 1) * step: 0,
        (first + second - 1) * step: case.alerts if play == "fires" else 0,
        (first + second + third - 1) * step: 0,
    }
    factor = case.quiet or 1.0
    return {
        "name": f"{case.rule} {play}",
        "interval": f"{step}s",
        "input_series": [
            {
                "series": line.series,
                "values": line.values(play, counts, step, factor),
            }
            for line in case.series
        ],
        "promql_expr_test": [_count(case.rule, at, n) for at, n in moments.items()],
    }


def _count(rule: str, at: int, number: int, *, within: int = 0) -> dict[str, Any]:
    fires = f'ALERTS{{alertname="{rule}",alertstate="firing"}}'
    return {
        "expr": f"count(last_over_time({fires}[{within}s]))" if within else f"count({fires})",
        "eval_time": f"{at}s",
        "exp_samples": [{"labels": "{}", "value": number}] if number else [],
    }


def run(paths: Sequence[Path]) -> subprocess.CompletedProcess[str]:
    """Run the real promtool over test files of one folder."""
    return subprocess.run(
        [binary(), "test", "rules", *(path.name for path in paths)],
        cwd=paths[0].parent,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        # It lives for seconds and needs little: to collect garbage less often saves a fifth.
        env=os.environ | {"GOGC": "400"},
    )


def binary() -> str:
    """Return promtool's path; skip where it is missing, but never in CI."""
    return need.program("promtool")


def _flat(value: float, count: int) -> str:
    return f"{value:g}x{count - 1}"
