"""A collector, its metric and its test."""

from tests.additions.addition import Addition

COLLECTOR = Addition(
    {
        "src/dexwatch/metrics/pigeons.py": (
            (
                "",
                '''"""Pigeons."""

from dexwatch.metrics.metric import gauge

at_home = gauge("pigeons_at_home", "Pigeons at home.")
''',
            ),
        ),
        "src/dexwatch/collectors/pigeons.py": (
            (
                "",
                '''"""Counts the pigeons that are at home."""

from typing import ClassVar

from dexwatch.collectors.collector import Collector
from dexwatch.metrics import pigeons


class PigeonsCollector(Collector):
    """One comes home with each block."""

    name: ClassVar[str] = "pigeons"

    def on_block(self, block):
        """Count one more."""
        self.series.set(pigeons.at_home, (self.series.value(pigeons.at_home) or 0) + 1)
''',
            ),
        ),
        "tests/collectors/test_pigeons.py": (
            (
                "",
                """from dexwatch.collectors.pigeons import PigeonsCollector
from dexwatch.metrics import pigeons
from dexwatch.metrics.series import Series


def test_one_comes_home_with_each_block():
    collector = PigeonsCollector(None, Series())
    collector.on_block(None)
    assert collector.series.value(pigeons.at_home) == 1
""",
            ),
        ),
    },
    """
from dexwatch.collectors.registry import COLLECTORS
from dexwatch.metrics import METRICS
from tools.reference.metrics import page

assert "pigeons" in {each.name for each in COLLECTORS}
assert "pigeons_at_home" in {each.name for each in METRICS}
assert "pigeons_at_home" in page()
""",
    ("tests/collectors/test_pigeons.py",),
)
