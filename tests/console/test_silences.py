"""Silences that reach far are asked for again, and those that mute everything are refused."""

from datetime import timedelta

import pytest

from dexwatch.console.breadth import breadth, unknown_name
from dexwatch.console.matching import MatcherError, parse
from dexwatch.rules.registry import ALERTS
from tests.fakes.hostile import NOW, token_of


@pytest.mark.parametrize(
    "matchers",
    [
        'alertname=~".+"',
        'alertname=~".*a.*|.*[^a].*"',
        'severity!="x",alertname!=""',
        'alertname="Watchdog"',
        'severity="none"',
        'alertname!="Watchdog",severity=~"P.*"',
        'severity=~"P[0-3]"',
        'host!="dex-1",severity=~".+"',
    ],
)
def test_what_would_mute_all_rules_or_the_watchdog_is_refused(matchers):
    with pytest.raises(MatcherError, match=r"Watchdog|every rule"):
        breadth(parse(matchers), ALERTS)


@pytest.mark.parametrize(
    ("matchers", "wide"),
    [
        ('alertname="ApiLatencyHigh"', False),
        ('alertname=~"ApiLatencyHigh|ApiErrorRateHigh"', False),
        ('host="dex-1"', False),
        ('component="cache"', False),
        ('severity="P1"', True),
        ('alertname=~"[A-M].*"', True),
        ('severity=~"P2|P3",host=~".+"', True),
    ],
)
def test_a_silence_over_many_rules_is_wide(matchers, wide):
    assert breadth(parse(matchers), ALERTS).wide is wide


async def test_a_silence_begins_at_once_though_the_alertmanager_s_clock_is_behind(ana, parts):
    fields = {"matchers": 'alertname="HostDown"', "lasts": "1h", "comment": "x"}
    await ana.post("/silences", data=fields | {"form_token": token_of(await ana.get("/silences"))})
    [(_, starts, ends, *_)] = parts[2].made
    assert starts <= NOW - timedelta(seconds=30)
    assert ends == NOW + timedelta(hours=1)


async def test_a_wide_silence_is_asked_for_again_and_then_made(ana, parts):
    form = {
        "form_token": token_of(await ana.get("/silences")),
        "matchers": 'severity="P1"',
        "lasts": "1h",
        "comment": "a test of the power supply",
    }
    asked = await ana.post("/silences", data=form)
    assert asked.status_code == 409
    assert "This silence could mute" in asked.text
    assert parts[2].made == []
    sure = asked.text.split('name="sure" value="')[1].split('"')[0]
    # A yes to another question is no yes to this one.
    other = await ana.post("/silences", data=form | {"matchers": 'severity="P2"', "sure": sure})
    assert other.status_code == 409
    assert (await ana.post("/silences", data=form | {"sure": sure})).status_code == 303
    assert len(parts[2].made) == 1


async def test_the_preview_says_how_far_a_silence_reaches(ana):
    headers = {"x-form-token": token_of(await ana.get("/silences"))}
    wide = await ana.post("/silences/preview", data={"matchers": 'severity="P1"'}, headers=headers)
    assert "It could mute" in wide.text
    every = await ana.post(
        "/silences/preview", data={"matchers": 'severity=~".+"'}, headers=headers
    )
    assert "Watchdog" in every.text


@pytest.mark.parametrize(
    ("matchers", "said"),
    [
        ('alertname="RedisDwon"', "There is no rule RedisDwon: did you mean RedisDown"),
        ('alertname="Zzz"', "There is no rule Zzz."),
        ('alertname="<b>"', "There is no rule &lt;b&gt;."),
    ],
)
async def test_the_preview_asks_about_a_name_that_no_rule_has(ana, matchers, said):
    headers = {"x-form-token": token_of(await ana.get("/silences"))}
    shown = await ana.post("/silences/preview", data={"matchers": matchers}, headers=headers)
    assert said in shown.text


@pytest.mark.parametrize(
    "matchers",
    ['alertname="RedisDown"', 'alertname=~"Redis.*"', 'alertname!="x", host="a"', 'host="dex-1"'],
)
def test_a_name_that_a_rule_has_or_may_have_is_not_asked_about(matchers):
    assert unknown_name(parse(matchers), ALERTS) == ""
