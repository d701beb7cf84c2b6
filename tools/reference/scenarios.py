"""scenarios.md: every known way to break the sample, and the alerts that must tell of it."""

from collections.abc import Iterator

from dexwatch.demo.scenarios import SCENARIOS
from dexwatch.rules.registry import ALERTS
from tools.reference.markdown import code, document, table

INTRODUCTION = """
Faults of the sample exchange, each with a start, an end, and the alerts that it must raise.
Start one with `make scenario NAME=api-slow` or `dexwatch scenario api-slow`, or by its
button in the console, while `make run` runs; `dexwatch scenario api-slow --stop` lifts it.
"""


def page() -> str:
    """Return the page."""
    return document("Scenarios", INTRODUCTION.strip(), _parts())


def _parts() -> Iterator[str]:
    known = {rule.id for rule in ALERTS}
    yield table(
        ("Name", "What breaks", "Raises", "May also raise"),
        (
            (
                code(one.name),
                one.story,
                ", ".join(_link(rule, known) for rule in one.raises),
                ", ".join(_link(rule, known) for rule in one.also),
            )
            for one in sorted(SCENARIOS, key=lambda one: one.name)
        ),
    )


def _link(rule: str, known: set[str]) -> str:
    return f"[{rule}](rules.md#{rule.lower()})" if rule in known else rule
