"""The receivers. To add one: a folder, and its line in `FOLDERS`."""

from collections.abc import Callable
from dataclasses import replace
from importlib import import_module

from starlette.routing import Route

from dexwatch.receivers.receiver import Inbound, Receiver

FOLDERS = ("alertmanager",)

RECEIVERS: tuple[Receiver, ...] = tuple(
    import_module(f"dexwatch.receivers.{folder}").RECEIVER for folder in FOLDERS
)


def routes(
    inbound: Inbound, count_of: Callable[[str], Callable[[str], None]] | None = None
) -> list[Route]:
    """Return the routes of all receivers; `count_of` returns by source what counts outcomes."""
    found: list[Route] = []
    for receiver in RECEIVERS:
        count = count_of(receiver.source) if count_of else inbound.count
        found += receiver.routes(replace(inbound, count=count))
    return found
