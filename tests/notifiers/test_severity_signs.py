"""A severity looks the same wherever it is shown, and only what is grave looks grave."""

from datetime import timedelta

import pytest

from dexwatch.dashboards.board import LEVEL_OF, Level
from dexwatch.demo.local.channel_page import LEVELS
from dexwatch.incidents.notice import Notice
from dexwatch.incidents.records import IncidentState, NotificationReason
from dexwatch.metrics.severity import Severity
from dexwatch.notifiers.email import render as mail
from dexwatch.notifiers.slack import render as slack
from tests.fakes.alerts import T0
from tests.fakes.notices import notice

COLOURS = {"critical": "#b3261e", "warning": "#b45309", "info": "#1d5fa8", "ok": "#1f7a4d"}


def shown(page: Notice) -> set[str]:
    """The levels in which Slack and a mail show a message, in the words of the console."""
    first = next(slack.messages(page))["blocks"][1]["text"]["text"]
    note = next(slack.notes(page))["text"]
    signs = {LEVELS[text.split()[0].strip(":")] for text in (first, note)}
    html = mail.html(page, picture=False)
    return signs | {level for level, colour in COLOURS.items() if f"background:{colour}" in html}


@pytest.mark.parametrize("severity", Severity)
def test_an_open_incident_has_the_sign_and_colour_of_its_severity(severity: Severity) -> None:
    assert shown(notice("slack", "#alerts", severity=severity)) == {LEVEL_OF[severity].value}


def test_a_test_looks_like_no_fault_and_what_is_over_looks_well() -> None:
    tried = notice("slack", "#alerts", severity=Severity.P0, event=NotificationReason.TEST)
    assert shown(tried) == {Level.INFO.value}
    for state in (IncidentState.MITIGATED, IncidentState.RESOLVED):
        over = notice("slack", "#alerts", severity=Severity.P0, state=state)
        assert shown(over) == {Level.OK.value}


def test_each_listed_alert_has_the_sign_of_its_own_severity() -> None:
    blocks = next(slack.messages(notice("slack", "#alerts")))["blocks"]
    listed = next(b["text"]["text"] for b in blocks if "ApiLatencyHigh" in str(b["text"]))
    firing, over = (line.split()[0].strip(":") for line in listed.splitlines())
    assert (LEVELS[firing], LEVELS[over]) == ("warning", "ok")


def test_how_long_it_lasted_is_said_in_one_way() -> None:
    ended = T0 + timedelta(minutes=1, seconds=42)
    over = notice("slack", "#alerts", state=IncidentState.RESOLVED, resolved_at=ended)
    said = "1\u202fmin 42\u202fs"
    assert ("Lasted", said) in mail.facts(over)
    assert f"lasted {said}" in next(slack.messages(over))["blocks"][-2]["elements"][0]["text"]
