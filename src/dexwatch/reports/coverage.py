"""Which requirements are met, and what shows it: a pure judgement over evidence gathered by others.

Whatever proves one names it: a metric, rule, panel, board, program (a role of ours too), notifier,
receiver or test file.
A requirement is *proved* only when all that names it was checked and it has no known gap.
It is *partly* covered when some of it exists, and *open* when nothing does.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from dexwatch.dashboards.board import Board, Panel
from dexwatch.dashboards.registry import BOARDS
from dexwatch.metrics import METRICS
from dexwatch.metrics.metric import Kind, Metric
from dexwatch.metrics.profile import PRODUCTION
from dexwatch.reports.requirements import Requirement, requirements
from dexwatch.rules.registry import ALERTS
from dexwatch.rules.rule import AlertRule

State = Literal["proved", "partly", "open"]


@dataclass(frozen=True)
class Live:
    """What a running stack answered."""

    series: frozenset[str]
    """Names of metrics that have samples now."""
    rules: Mapping[str, str]
    """Health of each loaded alert: "ok", "err" or "unknown"."""
    panels: Mapping[tuple[str, str], int]
    """Series that each panel (board id, panel id) returned."""


@dataclass(frozen=True)
class TestFile:
    """One test file of the source repository."""

    __test__ = False
    outcome: str
    """"passed", or the reason why it proves nothing."""
    requirements: tuple[str, ...] = ()
    """What its own constant `PROVES` names."""


@dataclass(frozen=True)
class Plugin:
    """One channel to people, or one source of alerts."""

    tests: str
    """The file that tests it."""
    requirements: Mapping[str, str]
    """Requirement id to what it leaves open of it, or nothing."""


@dataclass(frozen=True)
class Evidence:
    """All that was looked at; what is not in here is not claimed."""

    tested_rules: Mapping[str, str] = field(default_factory=dict)
    """Rule to the fingerprint of the definition that promtool saw fire, keep quiet and resolve."""
    tests: Mapping[str, TestFile] = field(default_factory=dict)
    plugins: Mapping[str, Plugin] = field(default_factory=dict)
    """By kind and name, for example "receiver alertmanager"."""
    programs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Each program that we would run, to the requirements that it answers."""
    operator_rules: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Each alert of the operator's own files, to the requirements that it names."""
    scenarios: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Scenario to the rules that it raises."""
    live: Live | None = None


@dataclass(frozen=True)
class Coverage:
    """The judgement on one requirement."""

    id: str
    state: State
    proof: str
    missing: str


@dataclass(frozen=True)
class _Check:
    """One artefact: there, and shown to work?"""

    text: str
    shown: bool
    gap: str = ""


def evaluate(evidence: Evidence) -> tuple[Coverage, ...]:
    """Return the coverage of every requirement, in the list's order."""
    return tuple(_judge(requirement, evidence) for requirement in requirements())


def fingerprint(rule: AlertRule) -> str:
    """Return a mark that changes with everything that decides when the rule fires."""
    parts = (
        rule.id,
        rule.expr(PRODUCTION),
        f"{rule.for_seconds:g}",
        f"{rule.keep_firing_seconds:g}",
        rule.severity,
    )
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def _judge(requirement: Requirement, evidence: Evidence) -> Coverage:
    named = requirement.id
    checks = [
        *_rules(named, evidence),
        *_operator_rules(named, evidence),
        *_boards(named, evidence.live),
        # A panel shows an alert's quantity, but it is the rule that has to be proved.
        *(_panels(named, evidence.live) if requirement.kind != "alert" else ()),
        *_metrics(named, evidence.live),
        *_programs(named, evidence),
        *_plugins(named, evidence),
        *_tests(named, evidence),
    ]
    gaps = [gap for gap in (requirement.gap, *_gaps(named, evidence)) if gap]
    if not checks:
        return Coverage(named, "open", "", "; ".join(gaps) or "not built yet")
    proof = "; ".join(check.text for check in checks if check.shown)
    gaps += list(dict.fromkeys(check.gap for check in checks if not check.shown))
    if not proof:
        there = "; ".join(dict.fromkeys(check.text for check in checks))
        return Coverage(named, "partly", f"defined, not checked: {there}", "; ".join(gaps))
    return Coverage(named, "partly" if gaps else "proved", proof, "; ".join(gaps))


def _rules(named: str, evidence: Evidence) -> Iterator[_Check]:
    for rule in ALERTS:
        if named not in rule.requirements:
            continue
        text = f"rule {rule.id}"
        if evidence.tested_rules.get(rule.id) != fingerprint(rule):
            yield _Check(text, shown=False, gap=f"{text} changed since promtool judged it")
            continue
        raised = [name for name, raises in evidence.scenarios.items() if rule.id in raises]
        text += " (promtool: fires, keeps quiet, resolves"
        text += f"; scenario {', '.join(raised)})" if raised else ")"
        if evidence.live is None:
            yield _Check(text, shown=True)
            continue
        health = evidence.live.rules.get(rule.id)
        yield _Check(
            f"{text}, loaded" if health else text,
            # A rule is "unknown" between loading and its first evaluation.
            shown=health == "ok",
            gap=f"rule {rule.id} is {health or 'not'} loaded in the running Prometheus",
        )


def _operator_rules(named: str, evidence: Evidence) -> Iterator[_Check]:
    for rule, answers in evidence.operator_rules.items():
        if named not in answers:
            continue
        health = "ok" if evidence.live is None else evidence.live.rules.get(rule)
        gap = f"your rule {rule} is {health or 'not'} loaded in the running Prometheus"
        yield _Check(f"your rule {rule}", shown=health == "ok", gap=gap)


def _boards(named: str, live: Live | None) -> Iterator[_Check]:
    for board in BOARDS:
        if board.requirement == named:
            yield _board(board, live)


def _board(board: Board, live: Live | None) -> _Check:
    text = f"board {board.id} with {len(board.panels)} panels"
    if live is None:
        return _Check(text, shown=False, gap=f"whether {board.id} shows data: use --live")
    empty = [p.id for p in board.panels if not live.panels.get((board.id, p.id))]
    return _Check(
        f"{text}, {len(board.panels) - len(empty)} with data",
        shown=not empty,
        gap=f"panels of {board.id} without data: {', '.join(empty)}",
    )


def _panels(named: str, live: Live | None) -> Iterator[_Check]:
    for board in BOARDS:
        for panel in board.panels:
            if named in panel.requirements and board.requirement != named:
                yield _panel(board, panel, live)


def _panel(board: Board, panel: Panel, live: Live | None) -> _Check:
    text = f"panel {board.id}/{panel.id}"
    if live is None:
        return _Check(text, shown=False, gap="whether its panels show data: use --live")
    found = live.panels.get((board.id, panel.id), 0)
    return _Check(f"{text} ({found} series)", shown=found > 0, gap=f"{text} shows nothing")


def _metrics(named: str, live: Live | None) -> Iterator[_Check]:
    for metric in METRICS:
        if named not in metric.requirements:
            continue
        if live is None:
            gap = "whether its metrics have samples: use --live"
            yield _Check(metric.name, shown=False, gap=gap)
        else:
            yield _Check(
                metric.name,
                shown=_series(metric) in live.series,
                gap=f"{metric.name} has no samples",
            )


def _series(metric: Metric) -> str:
    return f"{metric.name}_count" if metric.kind is Kind.HISTOGRAM else metric.name


def _programs(named: str, evidence: Evidence) -> Iterator[_Check]:
    for name, answers in evidence.programs.items():
        if named in answers:
            yield _Check(f"program {name}", shown=True)


def _plugins(named: str, evidence: Evidence) -> Iterator[_Check]:
    for name, plugin in evidence.plugins.items():
        if named in plugin.requirements:
            yield _Check(name, shown=True)
            yield _test(plugin.tests, evidence)


def _gaps(named: str, evidence: Evidence) -> Iterator[str]:
    for plugin in evidence.plugins.values():
        yield plugin.requirements.get(named, "")


def _tests(named: str, evidence: Evidence) -> Iterator[_Check]:
    for path, file in evidence.tests.items():
        if named in file.requirements:
            yield _test(path, evidence)


def _test(path: str, evidence: Evidence) -> _Check:
    file = evidence.tests.get(path)
    outcome = file.outcome if file else "not run here"
    return _Check(f"test {path}", shown=outcome == "passed", gap=f"{path}: {outcome}")
