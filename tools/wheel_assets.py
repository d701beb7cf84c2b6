"""Put the console's browser scripts into the wheel.

They come from npm and are not committed, so the build takes them from where set-up put them.
An editable install needs none of this: there the console reads them from the home folder.
"""

import os
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

NAMES = (
    "htmx.min.js",
    "htmx.LICENSE",
    "sse.min.js",
    "sse.LICENSE",
    "uPlot.iife.min.js",
    "uPlot.min.css",
    "uPlot.LICENSE",
)
TARGET = "dexwatch/console/static/vendor"


class WheelAssets(BuildHookInterface):  # type: ignore[type-arg]
    """Adds the scripts and their licences below `dexwatch/console/static/vendor`."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the files to what is built.

        Raises:
            FileNotFoundError: set-up has not fetched them yet.
        """
        if version == "editable":
            return
        named = os.environ.get("DEXWATCH_HOME")
        folder = (Path(named) if named else Path(self.root) / ".dexwatch") / "web"
        missing = [name for name in NAMES if not (folder / name).is_file()]
        if missing:
            raise FileNotFoundError(
                f"{', '.join(missing)} not found in {folder}: run `make setup` before building"
            )
        for name in NAMES:
            build_data["force_include"][str(folder / name)] = f"{TARGET}/{name}"
