"""A typed view of Prometheus' HTTP API (v1): queries, rules, targets and alerts.

Shapes follow prometheus.io/docs/prometheus/latest/querying/api.
Every method raises `SourceError`: `rpc_error` when Prometheus refused the query (its own words, so
foreign text when shown), the other outcomes when it could not be reached or answered nonsense.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from dexwatch.clients import http
from dexwatch.clients.http import MonitoringClient, Outcome, SourceError


@dataclass(frozen=True)
class Point:
    """One value of a series; `at` is in Unix seconds, `value` may be NaN or infinite."""

    at: float
    value: float


@dataclass(frozen=True)
class Series:
    """A series of a result: one point from an instant query, one or more from a range query."""

    labels: Mapping[str, str]
    points: tuple[Point, ...]

    @property
    def name(self) -> str:
        """The metric's name, or nothing where the expression dropped it."""
        return self.labels.get("__name__", "")

    @property
    def value(self) -> float:
        """The newest value."""
        return self.points[-1].value


@dataclass(frozen=True)
class ActiveAlert:
    """An alert of a rule, pending or firing; `since` is RFC 3339 as Prometheus wrote it."""

    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    state: str
    since: str
    value: float

    @property
    def name(self) -> str:
        """The rule's id."""
        return self.labels.get("alertname", "")


@dataclass(frozen=True)
class RuleState:
    """A rule as evaluated; `state` is inactive, pending or firing, empty for a recording."""

    name: str
    kind: str
    query: str
    health: str
    last_error: str
    evaluated: str
    evaluation_seconds: float
    state: str = ""
    hold_seconds: float = 0.0
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    alerts: tuple[ActiveAlert, ...] = ()


@dataclass(frozen=True)
class RuleGroup:
    """A group of rules that are evaluated together, every `interval_seconds`."""

    name: str
    file: str
    interval_seconds: float
    rules: tuple[RuleState, ...]


@dataclass(frozen=True)
class Target:
    """A scrape target; `health` is up, down or unknown."""

    job: str
    labels: Mapping[str, str]
    url: str
    health: str
    last_error: str
    last_scrape: str
    scrape_seconds: float

    @property
    def silent(self) -> bool:
        """Is it only shown? Its labels say `alerting: "off"`, so that no alert tells of it."""
        return self.labels.get("alerting") == "off"


class PrometheusClient(MonitoringClient):
    """Asks one Prometheus."""

    LIMIT_BYTES = 16_000_000

    async def query(self, expression: str, *, at: float | None = None) -> tuple[Series, ...]:
        """Evaluate an expression at one moment (`at` in Unix seconds, now by default).

        A scalar comes back as one series without labels; native histograms are left out.
        """
        form = {"query": expression, "timeout": f"{self._timeout:g}s"}
        if at is not None:
            form["time"] = f"{at:.3f}"
        return _result(await self._ask("/api/v1/query", form))

    async def query_range(
        self, expression: str, *, start: float, end: float, step_seconds: float
    ) -> tuple[Series, ...]:
        """Evaluate an expression over Unix seconds; above 11,000 points it is refused."""
        form = {
            "query": expression,
            "start": f"{start:.3f}",
            "end": f"{end:.3f}",
            "step": f"{step_seconds:g}",
            "timeout": f"{self._timeout:g}s",
        }
        return _result(await self._ask("/api/v1/query_range", form))

    async def rules(self) -> tuple[RuleGroup, ...]:
        """List the loaded rule groups with their state."""
        data = await self._ask("/api/v1/rules", {})
        return tuple(_group(group) for group in http.field(data, "groups", list))

    async def targets(self) -> tuple[Target, ...]:
        """List the active scrape targets."""
        data = await self._ask("/api/v1/targets", {"state": "active"})
        return tuple(_target(target) for target in http.field(data, "activeTargets", list))

    async def alerts(self) -> tuple[ActiveAlert, ...]:
        """List pending and firing alerts."""
        data = await self._ask("/api/v1/alerts", {})
        return tuple(_alert(alert) for alert in http.field(data, "alerts", list))

    async def started_at(self) -> datetime:
        """Return when its process began, by its own clock."""
        data = await self._ask("/api/v1/status/runtimeinfo", {})
        try:
            return datetime.fromisoformat(http.field(data, "startTime", str)).astimezone(UTC)
        except (ValueError, OverflowError) as error:
            raise SourceError(Outcome.MALFORMED, "startTime is no moment") from error

    async def _ask(self, path: str, form: Mapping[str, str]) -> Any:  # noqa: ANN401 - checked by callers.
        reply = await self.send("GET", path, params=form)
        try:
            answer = http.decode(reply.body)
        except SourceError:
            if reply.status == 200:
                raise
            raise SourceError(
                Outcome.HTTP_ERROR, f"status {reply.status}", code=reply.status
            ) from None
        status = answer.get("status") if isinstance(answer, dict) else None
        if status == "error":
            detail = self.redact.text(str(answer.get("error", "")))[:500]
            raise SourceError(Outcome.RPC_ERROR, detail, code=reply.status)
        if status != "success":
            raise SourceError(Outcome.HTTP_ERROR, f"status {reply.status}", code=reply.status)
        return answer.get("data")


def _result(data: Any) -> tuple[Series, ...]:  # noqa: ANN401 - checked here.
    kind = http.field(data, "resultType", str)
    rows = http.field(data, "result", list)
    if kind in ("scalar", "string"):
        return (Series({}, (_point(rows),)),)
    if kind == "vector":
        return tuple(
            Series(_texts(row, "metric"), (_point(http.field(row, "value", list)),))
            for row in _numbers(rows, "value", "histogram")
        )
    if kind == "matrix":
        return tuple(
            Series(
                _texts(row, "metric"),
                tuple(_point(pair) for pair in http.field(row, "values", list)),
            )
            for row in _numbers(rows, "values", "histograms")
        )
    raise SourceError(Outcome.MALFORMED, f"unknown result type {kind[:40]!r}")


def _numbers(rows: list[Any], number: str, histogram: str) -> list[Any]:
    """Return the rows that hold numbers: a native histogram is none, and hides no other row."""
    return [
        row for row in rows if not isinstance(row, dict) or number in row or histogram not in row
    ]


def _point(pair: Any) -> Point:  # noqa: ANN401 - checked here.
    try:
        at, value = pair
        return Point(float(at), float(value))
    except (TypeError, ValueError) as error:
        raise SourceError(Outcome.MALFORMED, "a point is not [time, value]") from error


def _texts(record: object, name: str) -> Mapping[str, str]:
    values = record.get(name) if isinstance(record, dict) else None
    if not isinstance(values, dict):
        return {}
    return {str(key): value for key, value in values.items() if isinstance(value, str)}


def _text(record: Mapping[str, Any], name: str) -> str:
    value = record.get(name)
    return value if isinstance(value, str) else ""


def _number(record: Mapping[str, Any], name: str) -> float:
    try:
        return float(record.get(name, 0.0))
    except (TypeError, ValueError):
        return 0.0


def _group(record: object) -> RuleGroup:
    rules = tuple(_rule(rule) for rule in http.field(record, "rules", list))
    name, file = http.field(record, "name", str), http.field(record, "file", str)
    interval = _number(record, "interval") if isinstance(record, dict) else 0.0
    return RuleGroup(name, file, interval, rules)


def _rule(record: Any) -> RuleState:  # noqa: ANN401 - checked here.
    return RuleState(
        name=http.field(record, "name", str),
        kind=http.field(record, "type", str),
        query=http.field(record, "query", str),
        health=_text(record, "health"),
        last_error=_text(record, "lastError"),
        evaluated=_text(record, "lastEvaluation"),
        evaluation_seconds=_number(record, "evaluationTime"),
        state=_text(record, "state"),
        hold_seconds=_number(record, "duration"),
        labels=_texts(record, "labels"),
        annotations=_texts(record, "annotations"),
        alerts=tuple(
            map(_alert, http.field(record, "alerts", list) if record.get("alerts") else ())
        ),
    )


def _alert(record: Any) -> ActiveAlert:  # noqa: ANN401 - checked here.
    return ActiveAlert(
        labels=_texts(record, "labels"),
        annotations=_texts(record, "annotations"),
        state=http.field(record, "state", str),
        since=_text(record, "activeAt"),
        value=_number(record, "value"),
    )


def _target(record: Any) -> Target:  # noqa: ANN401 - checked here.
    labels = _texts(record, "labels")
    return Target(
        job=labels.get("job", ""),
        labels=labels,
        url=_text(record, "scrapeUrl"),
        health=http.field(record, "health", str),
        last_error=_text(record, "lastError"),
        last_scrape=_text(record, "lastScrape"),
        scrape_seconds=_number(record, "lastScrapeDuration"),
    )
