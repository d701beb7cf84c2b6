"""Which promises are kept, and what shows it: a pure judgement over evidence that others gathered.

A row is *proved* only when every artefact that answers it was checked and nothing is known to lack.
It is *partly* covered when some of it exists, and *open* when nothing does.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from dexwatch.dashboards.board import Board, Panel
from dexwatch.dashboards.registry import BOARDS
from dexwatch.metrics.metric import Kind, Metric
from dexwatch.metrics.profile import PRODUCTION
from dexwatch.reports.catalogue import Row, rows
from dexwatch.reports.claims import CLAIMS, Claim
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
class Evidence:
    """All that was looked at; what is not in here is not claimed."""

    tested_rules: Mapping[str, str] = field(default_factory=dict)
    """Rule to the fingerprint of the definition that promtool saw fire, keep quiet and resolve."""
    tests: Mapping[str, str] = field(default_factory=dict)
    """Test file to "passed", or to the reason why it proves nothing."""
    claims: Mapping[str, Claim] = field(default_factory=dict)
    """What entries of a registry claim for a row, beside what `CLAIMS` says; by the row's id."""
    programs: frozenset[str] | None = None
    """Names of the programs that we would run; None where others run them for us."""
    scenarios: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Scenario to the rules that it raises."""
    live: Live | None = None


@dataclass(frozen=True)
class RowState:
    """The judgement on one row."""

    id: str
    state: State
    proof: str
    missing: str


@dataclass(frozen=True)
class _Check:
    """One artefact: there, and shown to work?"""

    text: str
    shown: bool
    doubt: str = ""


def assess(evidence: Evidence) -> tuple[RowState, ...]:
    """Return the state of every row of the catalogue, in its order."""
    return tuple(_judge(row, evidence) for row in rows())


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


def _judge(row: Row, evidence: Evidence) -> RowState:
    claim = CLAIMS.get(row.id, Claim()).plus(evidence.claims.get(row.id, Claim()))
    checks = [
        *_rules(row, evidence),
        *_boards(row, evidence.live),
        # A panel shows an alert's quantity, but it is the rule that has to be proved.
        *(_panels(row, evidence.live) if row.kind != "alert" else ()),
        *_metrics(claim, evidence.live),
        *_artefacts(claim, evidence),
    ]
    if not checks:
        return RowState(row.id, "open", "", claim.lacks or "not built yet")
    proof = "; ".join(check.text for check in checks if check.shown)
    doubts = [check.doubt for check in checks if not check.shown]
    gaps = ([claim.lacks] if claim.lacks else []) + list(dict.fromkeys(doubts))
    if not proof:
        there = "; ".join(dict.fromkeys(check.text for check in checks))
        return RowState(row.id, "partly", f"defined, not checked: {there}", "; ".join(gaps))
    return RowState(row.id, "partly" if gaps else "proved", proof, "; ".join(gaps))


def _rules(row: Row, evidence: Evidence) -> Iterator[_Check]:
    for rule in ALERTS:
        if row.id not in rule.requirements:
            continue
        text = f"rule {rule.id}"
        if evidence.tested_rules.get(rule.id) != fingerprint(rule):
            yield _Check(text, shown=False, doubt=f"{text} changed since promtool judged it")
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
            doubt=f"rule {rule.id} is {health or 'not'} loaded in the running Prometheus",
        )


def _boards(row: Row, live: Live | None) -> Iterator[_Check]:
    for board in BOARDS:
        if board.requirement == row.id:
            yield _board(board, live)


def _board(board: Board, live: Live | None) -> _Check:
    text = f"board {board.id} with {len(board.panels)} panels"
    if live is None:
        return _Check(text, shown=False, doubt=f"whether {board.id} shows data: use --live")
    empty = [p.id for p in board.panels if not live.panels.get((board.id, p.id))]
    return _Check(
        f"{text}, {len(board.panels) - len(empty)} with data",
        shown=not empty,
        doubt=f"panels of {board.id} without data: {', '.join(empty)}",
    )


def _panels(row: Row, live: Live | None) -> Iterator[_Check]:
    for board in BOARDS:
        for panel in board.panels:
            if row.id in panel.requirements and board.requirement != row.id:
                yield _panel(board, panel, live)


def _panel(board: Board, panel: Panel, live: Live | None) -> _Check:
    text = f"panel {board.id}/{panel.id}"
    if live is None:
        return _Check(text, shown=False, doubt="whether its panels show data: use --live")
    found = live.panels.get((board.id, panel.id), 0)
    return _Check(f"{text} ({found} series)", shown=found > 0, doubt=f"{text} shows nothing")


def _metrics(claim: Claim, live: Live | None) -> Iterator[_Check]:
    for metric in claim.metrics:
        if live is None:
            doubt = "whether its metrics have samples: use --live"
            yield _Check(metric.name, shown=False, doubt=doubt)
        else:
            yield _Check(
                metric.name,
                shown=_series(metric) in live.series,
                doubt=f"{metric.name} has no samples",
            )


def _series(metric: Metric) -> str:
    return f"{metric.name}_count" if metric.kind is Kind.HISTOGRAM else metric.name


def _artefacts(claim: Claim, evidence: Evidence) -> Iterator[_Check]:
    for name in claim.notifiers:
        yield _Check(f"notifier {name}", shown=True)
    for name in claim.programs if evidence.programs is not None else ():
        there = any(program.startswith(name) for program in evidence.programs or ())
        yield _Check(f"program {name}", shown=there, doubt=f"{name} is not planned to run")
    for path in claim.tests:
        outcome = evidence.tests.get(path, "not run here")
        yield _Check(f"test {path}", shown=outcome == "passed", doubt=f"{path}: {outcome}")
