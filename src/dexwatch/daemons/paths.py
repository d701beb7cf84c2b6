"""Where set-up puts what comes from the registries: browser scripts, anvil, contract artefacts."""

import os
from pathlib import Path

_CHECKOUT = Path(__file__).resolve().parents[3]


def home() -> Path:
    """Return DEXWATCH_HOME, else `.dexwatch` of the checkout that we run from, else of this folder.

    The working directory comes last, because roles run in folders of their own.
    """
    named = os.environ.get("DEXWATCH_HOME")
    if named:
        return Path(named).resolve()
    if (_CHECKOUT / "pyproject.toml").is_file():
        return _CHECKOUT / ".dexwatch"
    return Path(".dexwatch").resolve()
