"""What `dexwatch status` says in its first line agrees with the lines below it and how it ends."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from dexwatch.cli import status
from dexwatch.clients.prometheus import RuleGroup, RuleState, Target
from dexwatch.console.live.health import HealthSummary
from dexwatch.settings import load
from tests.fakes.command_line import SMALLEST, config

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
UP = Target("api", {"instance": "a:1"}, "http://a:1", "up", "", "", 0.1)
DOWN = Target("api", {"instance": "b:1"}, "http://b:1", "down", "refused", "", 0.1)
BROKEN = RuleState("Ill", "alerting", "up == 0", "err", "many-to-many", "", 0.0)


def shown(folder: Path, capsys: pytest.CaptureFixture[str], health: HealthSummary) -> list[str]:
    status._show(load(Path(config(folder, SMALLEST))), health)
    return capsys.readouterr().out.splitlines()


def test_all_that_answers_is_well(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (line,) = shown(tmp_path, capsys, HealthSummary(NOW, targets=(UP,)))
    assert line.startswith("✓ ana-dex is well: ")
    assert "its one target answers" in line


@pytest.mark.parametrize(
    ("health", "said", "named"),
    [
        (
            HealthSummary(NOW, targets=(UP, DOWN)),
            "1 of 2 targets is down",
            "down: api b:1: refused",
        ),
        (
            HealthSummary(NOW, targets=(UP,), groups=(RuleGroup("a", "a.yml", 5, (BROKEN,)),)),
            "1 rule is broken",
            "broken rule: Ill: many-to-many",
        ),
    ],
)
def test_what_is_down_or_broken_is_said_in_the_first_line(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    health: HealthSummary,
    said: str,
    named: str,
) -> None:
    first, second = shown(tmp_path, capsys, health)
    assert first.startswith("? ana-dex: We cannot see everything. ")
    assert said in first
    assert "well" not in first
    assert second == f"✗ {named}"
    assert not health.well


def test_what_cannot_be_seen_is_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, remedy = shown(
        tmp_path, capsys, HealthSummary(NOW, blind=("the store does not answer",))
    )
    assert first == "? ana-dex: We cannot see everything. The store does not answer."
    assert remedy.startswith("  Is `dexwatch up` running?")


def test_what_has_just_begun_is_not_asked_whether_it_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    health = HealthSummary(NOW, blind=("2 rules were not evaluated yet",), begun=True)
    (line,) = shown(tmp_path, capsys, health)
    assert line.startswith("? ana-dex: Figures are on their way. ")
