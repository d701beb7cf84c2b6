"""The reference pages, written from the definitions so that they cannot disagree with them."""

import importlib

PAGES = ("boards", "cli", "metrics", "roles", "rules", "scenarios", "settings")
"""Each is a module here and a file below docs/reference."""


class NotReadyError(Exception):
    """What a page describes cannot be imported."""


def write(name: str) -> str:
    """Return the text of one page.

    Raises:
        NotReadyError: a module of dexwatch that the page describes cannot be imported.
    """
    try:
        text: str = importlib.import_module(f"tools.reference.{name}").page()
    except ImportError as error:
        raise NotReadyError(f"docs/reference/{name}.md cannot be written: {error}") from error
    return text
