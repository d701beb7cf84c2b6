"""The frame of the stand-ins' pages; nothing that a message holds can run or load anything."""

from datetime import datetime
from html import escape
from importlib.resources import files

_TOKENS = files("dexwatch.console").joinpath("static", "tokens.css").read_text("utf-8")
STYLE = (
    _TOKENS
    + """
main { max-width: 60rem; margin: 0 auto; padding: 20px 16px 48px; min-width: 0 }
h1 { font-size: 17px; font-weight: 600; letter-spacing: -.015em; overflow-wrap: anywhere }
.card { background: var(--card); border: 1px solid var(--line); border-radius: var(--radius);
box-shadow: var(--shadow); margin-top: 12px }
time, .quiet { color: var(--ink-2); font-size: 12.5px }
.lonely { padding: 48px 16px; text-align: center }
"""
)
"""The console's colours, letters and levels, and what these pages have in common."""


def headers(policy: str) -> dict[str, str]:
    """Return a page's headers; the policy names what it may load besides its own style."""
    return {
        "content-security-policy": f"default-src 'none'; style-src 'unsafe-inline'; {policy}",
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
    }


def page(title: str, content: str, style: str, *, refresh: bool = True) -> str:
    """Return a page that renews itself every three seconds, or not."""
    again = "<meta http-equiv=refresh content=3>" if refresh else ""
    return (
        f"<!doctype html><html lang=en><meta charset=utf-8>{again}"
        "<meta name=viewport content='width=device-width'>"
        f"<title>{escape(title)}</title><style>{STYLE}{style}</style>{content}</html>"
    )


def moment(at: datetime) -> str:
    """Return a time in UTC as the pages show it."""
    return f"<time datetime='{at:%Y-%m-%dT%H:%M:%SZ}'>{at:%d %b %H:%M:%S} UTC</time>"
