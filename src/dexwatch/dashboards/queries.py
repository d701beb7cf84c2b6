"""Writers of the queries that boards use again and again; each returns an `Expression`.

Every writer takes the metric object: a misspelt name or label fails when the board is imported.
The shapes themselves are those of `metrics.promql`, which the rules use too.
"""

from dexwatch.dashboards.board import Expression, Query
from dexwatch.metrics import promql
from dexwatch.metrics.metric import Metric
from dexwatch.metrics.scrape_class import CRITICAL, ScrapeClass

ByLabels = tuple[str, ...]
_OF_SHARES = {0.5: "median", 0.95: "95 of 100", 0.99: "99 of 100"}


def one(expression: Expression | str, legend: str = "") -> tuple[Query, ...]:
    """Return the queries of a panel that asks a single one."""
    return (Query(expression, legend),)


def quantiles(metric: Metric, *shares: float, seconds: float = 300) -> tuple[Query, ...]:
    """Return the queries of a panel that shows how a histogram's observations spread."""
    return tuple(Query(quantile(q, metric, seconds=seconds), _OF_SHARES[q]) for q in shares)


def while_seen(expression: str, source: str) -> str:
    """Return the expression while its source reports, else nothing: a zero unseen is not good."""
    return f"({expression}) and on () ({source})"


def or_none(expression: Expression | str, source: Expression | str, label: str) -> Expression:
    """Return the expression or, where it is empty though its source reports, one zero named none.

    Without this zero an empty panel would mean that all is well, or that nobody looks.
    """
    found, looking = Query(expression), Query(source)
    return lambda w: (
        f"{found.promql(w)} or on ()"
        f' label_replace(0 * max({looking.promql(w)}), "{label}", "none", "", "")'
    )


def rate(
    metric: Metric,
    *matchers: str,
    by: ByLabels = (),
    seconds: float = 60,
    scrape_class: ScrapeClass = CRITICAL,
    per: float = 1,
) -> Expression:
    """Return the summed rate of a counter, per `per` seconds (60: per minute)."""
    selector, labels = metric.where(*matchers), ", ".join(by)
    scale = "" if per == 1 else f" * {per:g}"
    return lambda w: (
        promql.total(w, selector, by=labels, seconds=seconds, scrape_class=scrape_class) + scale
    )


def increase(metric: Metric, *matchers: str, by: ByLabels = (), window: str) -> str:
    """Return what a counter gained within a fixed window that the panel's title names."""
    return f"sum{promql.by_clause(by)}(increase({metric.where(*matchers)}[{window}]))"


def quantile(
    q: float,
    metric: Metric,
    *matchers: str,
    by: ByLabels = (),
    seconds: float = 300,
    scrape_class: ScrapeClass = CRITICAL,
) -> Expression:
    """Return a quantile of a histogram, interpolated within its buckets."""
    selector, labels = metric.bucket(*matchers), ", ".join(by)
    return lambda w: promql.quantile(
        w, q, selector, by=labels, seconds=seconds, scrape_class=scrape_class
    )


def mean(
    metric: Metric,
    *matchers: str,
    by: ByLabels = (),
    seconds: float = 300,
    scrape_class: ScrapeClass = CRITICAL,
) -> Expression:
    """Return the mean of a histogram's observations."""
    total, count, labels = metric.sum(*matchers), metric.count(*matchers), ", ".join(by)

    def expression(windows: promql.Windows) -> str:
        above, below = (
            promql.total(windows, each, by=labels, seconds=seconds, scrape_class=scrape_class)
            for each in (total, count)
        )
        return f"{above} / ({below} > 0)"

    return expression


def success(
    metric: Metric,
    good: str,
    *matchers: str,
    by: ByLabels = (),
    seconds: float = 300,
    scrape_class: ScrapeClass = CRITICAL,
) -> Expression:
    """Return the share of a counter's events that match `good`; 0 when none of some does."""
    part, whole = metric.where(good, *matchers), metric.where(*matchers)
    labels = ", ".join(by)
    return lambda w: promql.share(
        w, part, whole, by=labels, seconds=seconds, scrape_class=scrape_class
    )


def average_over(selector: str, *, seconds: float, scrape_class: ScrapeClass) -> Expression:
    """Return a gauge's average over a window and over its series."""
    return lambda w: f"avg(avg_over_time({selector}[{w.window(seconds, scrape_class)}]))"
