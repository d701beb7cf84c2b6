"""Why a panel is empty: its figures are on their way, what gives them is down, or neither is so."""

from dataclasses import replace

from dexwatch.console.live.panel_data import PanelData
from dexwatch.console.protocols import Queries
from dexwatch.dashboards.board import Panel
from dexwatch.metrics import prometheus
from dexwatch.metrics.promql import Windows
from dexwatch.metrics.scrape_class import HIGH

ON_THEIR_WAY = "Figures are on their way: Prometheus has just begun."
MOST_NAMES = 3


def just_begun(windows: Windows) -> str:
    """Return a query with a value while nothing was scraped long enough ago for two samples."""
    return f"absent({prometheus.up} offset {windows.window(0, HIGH)})"


async def explained(
    panel: Panel, shown: PanelData, *, windows: Windows, queries: Queries
) -> PanelData:
    """Return an empty panel with the reason that holds now; any other as it is.

    Raises:
        SourceError: Prometheus does not answer.
    """
    if shown.state != "empty":
        return shown
    if await queries.query(just_begun(windows), at=shown.at):
        return replace(shown, note=ON_THEIR_WAY)
    if panel.source is None:
        return shown
    down = await queries.query(f"({panel.source.up}) == 0", at=shown.at)
    if not down:
        return shown
    names = sorted({", ".join(series.labels.values()) for series in down})
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    who = f"{', '.join(names[:MOST_NAMES])}{more}"
    verb = "do" if len(names) > 1 else "does"
    note = f"{panel.source.name} is configured, but {who} {verb} not answer; see Targets."
    return replace(shown, note=note)
