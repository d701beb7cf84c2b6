"""What the chart of a message is to show, and which of the series that came back it shows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from dexwatch.incidents.notice import Chart, ChartLine
from dexwatch.incidents.records import Alert

MAX_LINES = 6
_BEFORE, _LONGEST = timedelta(minutes=15), timedelta(hours=3)
_HIDDEN = frozenset({"__name__", "job", "alerting"})


@dataclass(frozen=True)
class ChartRequest:
    """The quantity behind one alert; `start` to `end` is never longer than three hours."""

    query: str
    title: str
    unit: str
    threshold: float | None
    operator: str
    """How the value stands to the threshold while the alert fires, as PromQL writes it."""
    labels: Mapping[str, str]
    """Those of the alert."""
    detected_at: datetime
    start: datetime
    end: datetime


@dataclass(frozen=True)
class ChartSeries:
    """One series that came back: (Unix seconds, finite value) in ascending time."""

    labels: Mapping[str, str]
    points: tuple[tuple[float, float], ...]


def chart_request(alert: Alert, *, title: str, now: datetime) -> ChartRequest | None:
    """Return what to ask for, from well before the alert until now; None without a query."""
    query = alert.annotations.get("query", "")
    if not query:
        return None
    return ChartRequest(
        query=query,
        title=title,
        unit=alert.annotations.get("unit", ""),
        threshold=_number(alert.annotations.get("threshold", "")),
        operator=alert.annotations.get("operator", ">"),
        labels=alert.labels,
        detected_at=alert.starts_at,
        start=max(min(alert.starts_at, now) - _BEFORE, now - _LONGEST),
        end=now,
    )


def chart_of(request: ChartRequest, series: Sequence[ChartSeries]) -> Chart | None:
    """Return the chart of the alert's own series, or of all where none is, the worst first."""
    filled = [one for one in series if one.points]
    own = [one for one in filled if _belongs(one, request.labels)]
    shown = sorted(own or filled, key=lambda one: _harmless(one.points[-1][1], request))
    if not shown:
        return None
    return Chart(
        request.title,
        request.unit,
        tuple(ChartLine(_name(one), one.points) for one in shown[:MAX_LINES]),
        request.threshold,
        request.detected_at.timestamp(),
    )


def _belongs(series: ChartSeries, labels: Mapping[str, str]) -> bool:
    """Does it agree with the alert in every label that both have?"""
    shared = [name for name in series.labels if name in labels and name not in _HIDDEN]
    return bool(shared) and all(series.labels[name] == labels[name] for name in shared)


def _harmless(value: float, request: ChartRequest) -> float:
    """Return a number that is the lower the worse the value is."""
    if request.operator in ("<", "<="):
        return value
    if request.operator in ("==", "!=") and request.threshold is not None:
        distance = abs(value - request.threshold)
        return distance if request.operator == "==" else -distance
    return -value


def _name(series: ChartSeries) -> str:
    shown = (value for name, value in sorted(series.labels.items()) if name not in _HIDDEN)
    return " ".join(shown)[:60]


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
