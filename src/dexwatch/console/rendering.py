"""Templates and assets: everything foreign is escaped, every asset carries its content's hash.

A hashed address may be cached for ever; a new version has a new address.
"""

import gzip
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
from fastapi import Request, Response
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from dexwatch.clients.alertmanager import Matcher
from dexwatch.console.protocols import Now
from dexwatch.daemons.paths import home
from dexwatch.dashboards.board import LEVEL_OF
from dexwatch.metrics import units
from dexwatch.metrics.metric import Unit

STATIC = Path(__file__).parent / "static"
VENDOR = ("htmx.min.js", "sse.min.js", "uPlot.iife.min.js", "uPlot.min.css")
_TYPES = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
}


class AssetsMissingError(Exception):
    """The browser scripts are not there; the text says where they were looked for."""


@dataclass(frozen=True)
class Asset:
    """One file for the browser, kept in memory, packed once."""

    name: str
    kind: str
    digest: str
    content: bytes
    packed: bytes


class Assets:
    """Finds our own files and the three browser scripts, and gives them addresses."""

    def __init__(self, folders: Sequence[Path]) -> None:
        found = {path.name: path for path in STATIC.iterdir() if path.suffix in _TYPES}
        for name in VENDOR:
            path = next((one / name for one in folders if (one / name).is_file()), None)
            if path is None:
                places = ", ".join(map(str, folders))
                raise AssetsMissingError(
                    f"{name} is in none of: {places}. Run `make setup`, or set DEXWATCH_HOME to a "
                    "folder whose `web` folder holds it."
                )
            found[name] = path
        self._assets = {name: _asset(name, path) for name, path in found.items()}

    def address(self, name: str) -> str:
        """Return where a page finds the asset."""
        return f"/static/{self._assets[name].digest}/{name}"

    def answer(self, digest: str, name: str, request: Request) -> Response | None:
        """Return the asset, or None when there is none of that name and content."""
        asset = self._assets.get(name)
        if asset is None or asset.digest != digest:
            return None
        packed = "gzip" in request.headers.get("accept-encoding", "")
        headers = {
            "Cache-Control": "public, max-age=31536000, immutable",
            "Content-Type": asset.kind,
            "Vary": "Accept-Encoding",
        }
        if packed:
            headers["Content-Encoding"] = "gzip"
        return Response(asset.packed if packed else asset.content, headers=headers)


def vendor_folders() -> list[Path]:
    """Return where the browser scripts may lie, the first that exists wins."""
    return [home() / "web", STATIC / "vendor"]


class Renderer:
    """Renders pages."""

    def __init__(self, assets: Assets, *, platform: str, now: Now) -> None:
        self.assets = assets
        self._environment = Environment(
            loader=PackageLoader("dexwatch.console"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters.update(
            moment=_moment,
            clocktime=_clock,
            json=_json,
            lasted=_lasted,
            value=_value,
            matchers=_matchers,
            level=LEVEL_OF.__getitem__,
        )
        self._environment.globals.update(
            asset=assets.address, platform=platform, now=now, vendor=VENDOR
        )

    def text(self, template: str, values: Mapping[str, Any]) -> str:
        """Render a template to text."""
        return self._environment.get_template(template).render(values)


def _asset(name: str, path: Path) -> Asset:
    content = path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()[:12]
    return Asset(name, _TYPES[path.suffix], digest, content, gzip.compress(content, 9))


def _moment(at: datetime | None, *, kind: str = "moment", form: str = "%d %b %H:%M:%S") -> Markup:
    """A time that the script turns into the reader's own zone and keeps counting."""
    if at is None:
        return Markup("\u2013")
    exact = at.astimezone(UTC)
    return Markup('<time class="{}" datetime="{}" title="{} UTC">{} UTC</time>').format(
        kind,
        exact.isoformat(timespec="seconds"),
        exact.strftime("%Y-%m-%d %H:%M:%S"),
        exact.strftime(form),
    )


def _clock(at: datetime | None) -> Markup:
    """A time of day alone, in the reader's own zone, too."""
    return _moment(at, kind="clock", form="%H:%M:%S")


def _lasted(begun: datetime | None, ended: datetime | None) -> str:
    return units.span((ended - begun).total_seconds()) if begun and ended else units.DASH


def _json(value: object) -> Markup:
    """JSON for a data block: no character in it can end the block or begin a tag."""
    text = orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS).decode()
    for character, code in (("&", "\\u0026"), ("<", "\\u003c"), (">", "\\u003e")):
        text = text.replace(character, code)
    return Markup(text)  # noqa: S704 - the three characters that could end the block are coded above.


def _value(value: float, unit: str) -> str:
    return str(units.format_value(value, Unit(unit)))


def _matchers(labels: Mapping[str, str], *names: str) -> str:
    """Matchers that name an alert by some of its labels, as a silence takes them."""
    return ", ".join(str(Matcher(name, labels[name])) for name in names if labels.get(name))
