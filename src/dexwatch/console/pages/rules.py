"""Rules: what is judged, whether a rule fails, and whether it can see what it judges."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from dexwatch import clock
from dexwatch.clients.http import SourceError
from dexwatch.clients.prometheus import RuleGroup, RuleState
from dexwatch.console.layout import Pages
from dexwatch.console.live.alerts import moment
from dexwatch.console.protocols import Prometheus
from dexwatch.console.services import Viewer
from dexwatch.metrics.severity import Severity, severity_of
from dexwatch.rules.arming import PRESENT_SECONDS, Arming, arming, presence_query, signals
from dexwatch.rules.rule import AlertRule

KNOWN_SECONDS = 86_400
"""Series that were there within so long have vanished; older ones are forgotten."""
FRESH_SECONDS = 30.0
"""So long an answer about all rules is good: it costs Prometheus a look at a whole day."""


def build(pages: Pages, prometheus: Prometheus, *, rules: Mapping[str, AlertRule]) -> APIRouter:
    """Return the route of the rules."""
    router = APIRouter()
    armed = _Armed(prometheus, rules)

    @router.get("/rules")
    async def listing(request: Request, _: Viewer) -> HTMLResponse:
        groups: Sequence[RuleGroup] = ()
        states: Mapping[str, Arming] = {}
        error = ""
        try:
            groups, states = await asyncio.gather(prometheus.rules(), armed.states())
        except SourceError as failure:
            error = f"Prometheus does not answer: {failure}"
        shown = [_group(group, states) for group in groups]
        rows = [row for group in shown for row in group["rules"]]
        alerting = [row for row in rows if row["alerting"]]
        return await pages.page(
            request,
            "rules.html",
            groups=shown,
            total=len(alerting),
            recordings=len(rows) - len(alerting),
            ill=sum(row["health"] == "err" for row in rows),
            arming={one: sum(row["arming"] is one for row in alerting) for one in Arming},
            blind_p0=[row["name"] for row in alerting if row["blind_p0"]],
            error=error,
        )

    return router


class _Armed:
    """Asks which rules can see, and remembers the answer for a moment."""

    def __init__(self, prometheus: Prometheus, rules: Mapping[str, AlertRule]) -> None:
        self._prometheus, self._rules = prometheus, rules
        self._signals = signals(rules.values())
        self._states: Mapping[str, Arming] = {}
        self._until = 0.0
        self._turn = asyncio.Lock()

    async def states(self) -> Mapping[str, Arming]:
        """Return the state of each of our rules; rules of one's own have none."""
        async with self._turn:
            if self._signals and clock.monotonic() >= self._until:
                present, known = await asyncio.gather(
                    self._seen(PRESENT_SECONDS), self._seen(KNOWN_SECONDS)
                )
                self._states = {
                    name: arming(rule, present=present, known=known)
                    for name, rule in self._rules.items()
                }
                self._until = clock.monotonic() + FRESH_SECONDS
        return self._states

    async def _seen(self, seconds: int) -> frozenset[str]:
        found = await self._prometheus.query(presence_query(self._signals, seconds))
        return frozenset(series.labels.get("signal", "") for series in found)


def _group(group: RuleGroup, states: Mapping[str, Arming]) -> dict[str, Any]:
    order = {"firing": 0, "pending": 1, "inactive": 2, "": 3}
    rows = [_rule(rule, states) for rule in group.rules]
    rows.sort(key=lambda row: (order.get(row["state"], 4), not row["blind"], row["name"]))
    return {"name": group.name, "every": group.interval_seconds, "rules": rows}


def _rule(rule: RuleState, states: Mapping[str, Arming]) -> dict[str, Any]:
    state = states.get(rule.name) if rule.kind == "alerting" else None
    severity = severity_of(rule.labels) if rule.labels.get("severity") else None
    return {
        "name": rule.name,
        "alerting": rule.kind == "alerting",
        "severity": severity.value if severity else rule.labels.get("severity", ""),
        "state": rule.state,
        "arming": state,
        "blind": state is Arming.BLIND,
        "blind_p0": state is Arming.BLIND and severity is Severity.P0,
        "health": rule.health,
        "error": rule.last_error,
        "query": rule.query,
        "hold": rule.hold_seconds,
        "evaluated": moment(rule.evaluated),
        "took": rule.evaluation_seconds,
        "firing": sum(alert.state == "firing" for alert in rule.alerts),
    }
