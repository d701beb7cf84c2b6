"""Every collector in one list: those of the modules beside this one, which need no line here."""

from importlib import import_module
from pkgutil import iter_modules

from dexwatch import collectors
from dexwatch.collectors.collector import Collector


def _written() -> list[type[Collector]]:
    here = f"{collectors.__name__}."
    # This module and the one that runs them all are read by whoever asks for the list.
    left_out = {__name__, f"{here}run"}
    names = [each.name for each in iter_modules(collectors.__path__, here)]
    return [
        value
        for name in names
        if name not in left_out
        for value in vars(import_module(name)).values()
        if isinstance(value, type) and issubclass(value, Collector) and value.__module__ == name
        if value is not Collector
    ]


COLLECTORS: tuple[type[Collector], ...] = tuple(
    sorted(_written(), key=lambda kind: not kind.keeps_market)
)
"""All collectors, in the order in which they take a block: the market is kept before it is read."""
