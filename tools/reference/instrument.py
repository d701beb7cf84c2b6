"""The metrics of dexwatch-instrument, written from the product's vocabulary."""

from dexwatch.metrics.metric import Metric
from dexwatch.metrics.platform import NEWEST_OF_WORKERS, PLATFORM_METRICS

HEAD = '''"""Every metric of an instrumented platform; dexwatch reads them by these names.

HTTP and database-client names follow OpenTelemetry's semantic conventions, in the spelling of
Prometheus; for the rest there is no convention.
Written from dexwatch/metrics/platform.py by `python -m tools.reference`; do not edit.
"""
# fmt: off
# ruff: noqa: E501

from dexwatch_instrument.declared import Declared, Kind

METRICS = (
'''


def declared() -> str:
    """Return the module `dexwatch_instrument.metrics`."""
    return HEAD + "".join(map(_line, PLATFORM_METRICS)) + ")\n"


def _line(metric: Metric) -> str:
    parts = [f'"{metric.name}"', f"Kind.{metric.kind.name}", f'"{metric.help}"']
    if metric.labels:
        parts.append(f"labels={_tuple(list(map(_quoted, metric.labels)))}")
    if metric.buckets:
        parts.append(f"buckets={_tuple([repr(each) for each in metric.buckets])}")
    if metric.name in NEWEST_OF_WORKERS:
        parts.append(f'workers="{NEWEST_OF_WORKERS[metric.name]}"')
    return f"    Declared({', '.join(parts)}),\n"


def _quoted(text: str) -> str:
    return f'"{text}"'


def _tuple(parts: list[str]) -> str:
    return f"({', '.join(parts)}{',' if len(parts) == 1 else ''})"
