"""The vocabulary: every metric that rules, panels and exporters may name, declared once."""

from importlib import import_module
from pkgutil import iter_modules

from dexwatch.metrics.declared import declared
from dexwatch.metrics.metric import Metric

METRICS: tuple[Metric, ...] = tuple(
    metric
    for module in iter_modules(__path__, f"{__name__}.")
    for metric in declared(Metric, vars(import_module(module.name)))
)
"""Those of all modules beside this one; a new module needs no line here."""
