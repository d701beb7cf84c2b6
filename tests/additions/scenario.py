"""A scenario of the sample."""

from tests.additions.addition import Addition

SCENARIO = Addition(
    {
        "src/dexwatch/demo/scenarios/exchange.py": (
            (
                "SCENARIOS: tuple[Scenario, ...] = (\n",
                """SCENARIOS: tuple[Scenario, ...] = (
    Scenario(
        name="pigeons-gone",
        title="The pigeons are gone",
        story="Redis has been stopped.",
        raises=("RedisDown",),
        fault=_down("redis"),
    ),
""",
            ),
        ),
    },
    """
from dexwatch.demo.scenarios import SCENARIOS
from tools.reference.scenarios import page

assert "pigeons-gone" in {each.name for each in SCENARIOS}
assert "`pigeons-gone`" in page()
""",
)
