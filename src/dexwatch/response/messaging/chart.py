"""What the chart of a message is to show, and which of the series that came back it shows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from dexwatch.incidents.notice import Chart, ChartLine
from dexwatch.incidents.records import Alert
from dexwatch.metrics.metric import Unit

MAX_LINES = 6
_BEFORE, _LONGEST = timedelta(minutes=15), timedelta(hours=3)
_HIDDEN = frozenset({"__name__", "job", "alerting"})
_OPERATORS = frozenset({"<", "<=", ">", ">=", "==", "!="})


@dataclass(frozen=True)
class Quantity:
    """What is drawn of an alert, in PromQL, and how it stands while the alert fires."""

    query: str
    unit: str
    """A `Unit`'s value, if the alert comes from a rule of ours."""
    threshold: float | None
    operator: str
    """How the value stands to the threshold while the alert fires, as PromQL writes it."""


def quantity_of(alert: Alert) -> Quantity | None:
    """Return what to draw of an alert; None without a query.

    Of a state it is whether the alert's condition holds: under the alert's name "yes" would
    otherwise stand for good health with one rule and for the fault with another.
    """
    notes = alert.annotations
    query = notes.get("query", "")
    if not query:
        return None
    unit, operator = notes.get("unit", ""), notes.get("operator", ">")
    threshold = _number(notes.get("threshold", ""))
    if unit == Unit.BOOLEAN and threshold is not None and operator in _OPERATORS:
        return Quantity(f"({query}) {operator} bool {threshold:g}", unit, None, ">")
    return Quantity(query, unit, threshold, operator)


@dataclass(frozen=True)
class ChartRequest:
    """The quantity behind one alert; `start` to `end` is never longer than three hours."""

    quantity: Quantity
    title: str
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
    quantity = quantity_of(alert)
    if quantity is None:
        return None
    return ChartRequest(
        quantity=quantity,
        title=title,
        labels=alert.labels,
        detected_at=alert.starts_at,
        start=max(min(alert.starts_at, now) - _BEFORE, now - _LONGEST),
        end=now,
    )


def chart_of(request: ChartRequest, series: Sequence[ChartSeries]) -> Chart | None:
    """Return the chart of the alert's own series, or of all where none is, the worst first."""
    filled = [one for one in series if one.points]
    own = [one for one in filled if _belongs(one, request.labels)]
    quantity = request.quantity
    shown = sorted(own or filled, key=lambda one: _harmless(one.points[-1][1], quantity))
    if not shown:
        return None
    return Chart(
        request.title,
        quantity.unit,
        tuple(ChartLine(_name(one), one.points) for one in shown[:MAX_LINES]),
        quantity.threshold,
        request.detected_at.timestamp(),
    )


def _belongs(series: ChartSeries, labels: Mapping[str, str]) -> bool:
    """Does it agree with the alert in every label that both have?"""
    shared = [name for name in series.labels if name in labels and name not in _HIDDEN]
    return bool(shared) and all(series.labels[name] == labels[name] for name in shared)


def _harmless(value: float, quantity: Quantity) -> float:
    """Return a number that is the lower the worse the value is."""
    if quantity.operator in ("<", "<="):
        return value
    if quantity.operator in ("==", "!=") and quantity.threshold is not None:
        distance = abs(value - quantity.threshold)
        return distance if quantity.operator == "==" else -distance
    return -value


def _name(series: ChartSeries) -> str:
    shown = (value for name, value in sorted(series.labels.items()) if name not in _HIDDEN)
    return " ".join(shown)[:60]


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
