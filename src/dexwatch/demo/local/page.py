"""The frame of the stand-ins' pages; nothing that a message holds can run or load anything."""

from html import escape

STYLE = """
:root { color-scheme: light dark; --line: color-mix(in srgb, CanvasText 16%, Canvas) }
* { box-sizing: border-box } body { font: 15px/1.45 system-ui, sans-serif; margin: 0 }
time { font-variant-numeric: tabular-nums }
"""


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
