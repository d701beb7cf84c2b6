"""What the browser's script must know about a panel to draw it; nothing in it is foreign."""

from collections.abc import Iterable, Mapping
from typing import Any

from dexwatch.console.live.panel_data import PanelData
from dexwatch.dashboards.board import Panel
from dexwatch.metrics import units


def panel_spec(panel: Panel, **more: object) -> dict[str, Any]:
    """Return a panel's metadata as JSON; `more` is what only some pages know."""
    return {
        "kind": panel.kind,
        "unit": panel.unit,
        "decimals": panel.decimals,
        "stacked": panel.stacked,
        "floor": panel.floor,
        "thresholds": [
            {
                "value": t.value,
                "level": t.level,
                "text": str(units.format_value(t.value, panel.unit)),
                "meaning": t.meaning,
                "below": t.below,
            }
            for t in panel.thresholds
        ],
        **more,
    }


def panel_bodies(shown: Iterable[PanelData]) -> Mapping[str, dict[str, Any]]:
    """Return the data of the panels that have any, by panel."""
    return {
        one.panel: {"panel": one.panel, "state": one.state, "at": one.at, "body": one.body}
        for one in shown
        if one.body
    }
