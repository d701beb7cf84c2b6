"""Writers of the PromQL shapes that boards use again and again; each returns an `Expression`.

Every writer takes the metric object: a misspelt name or label fails when the board is imported.
"""

from dexwatch.dashboards.board import Cadence, Expression
from dexwatch.metrics.metric import Metric

ByLabels = tuple[str, ...]


def text(promql: str) -> Expression:
    """Return an expression that no window changes."""
    return lambda _windows: promql


def rate(
    metric: Metric,
    *matchers: str,
    by: ByLabels = (),
    seconds: float = 60,
    cadence: Cadence = "critical",
    per: float = 1,
) -> Expression:
    """Return the summed rate of a counter, per `per` seconds (60: per minute)."""
    selector = metric.where(*matchers)
    scale = "" if per == 1 else f" * {per:g}"
    return lambda w: f"sum{_by(by)}(rate({selector}[{w(seconds, cadence)}])){scale}"


def increase(metric: Metric, *matchers: str, by: ByLabels = (), window: str) -> Expression:
    """Return what a counter gained within a fixed window that the panel's title names."""
    return text(f"sum{_by(by)}(increase({metric.where(*matchers)}[{window}]))")


def quantile(
    q: float,
    metric: Metric,
    *matchers: str,
    by: ByLabels = (),
    seconds: float = 300,
    cadence: Cadence = "critical",
) -> Expression:
    """Return a quantile of a histogram, interpolated within its buckets."""
    selector, labels = metric.bucket(*matchers), ("le", *by)
    return lambda w: (
        f"histogram_quantile({q:g}, sum{_by(labels)}(rate({selector}[{w(seconds, cadence)}])))"
    )


def mean(
    metric: Metric,
    *matchers: str,
    by: ByLabels = (),
    seconds: float = 300,
    cadence: Cadence = "critical",
) -> Expression:
    """Return the mean of a histogram's observations."""
    total, count = metric.sum(*matchers), metric.count(*matchers)
    return lambda w: (
        f"sum{_by(by)}(rate({total}[{w(seconds, cadence)}]))"
        f" / (sum{_by(by)}(rate({count}[{w(seconds, cadence)}])) > 0)"
    )


def success(
    metric: Metric,
    good: str,
    *matchers: str,
    by: ByLabels = (),
    seconds: float = 300,
    cadence: Cadence = "critical",
) -> Expression:
    """Return the share of a counter's events that match `good`; 0 when none of some does."""
    whole = rate(metric, *matchers, by=by, seconds=seconds, cadence=cadence)
    part = rate(metric, good, *matchers, by=by, seconds=seconds, cadence=cadence)
    return lambda w: f"(({part(w)}) or ({whole(w)}) * 0) / ({whole(w)} > 0)"


def average_over(
    selector: str, *, seconds: float, cadence: Cadence, around: str = "avg"
) -> Expression:
    """Return a gauge's average over a window, brought together by `around`."""
    return lambda w: f"{around}(avg_over_time({selector}[{w(seconds, cadence)}]))"


def _by(labels: ByLabels) -> str:
    return f" by ({', '.join(labels)}) " if labels else ""
