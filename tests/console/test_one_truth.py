"""Status line, verdict, alerts page and `dexwatch status` say the same of what cannot be seen."""

import re
from contextlib import asynccontextmanager
from dataclasses import replace
from html import unescape
from pathlib import Path

import pytest

from dexwatch.cli import status
from dexwatch.clients.prometheus import Point, RuleGroup, RuleState, Series, Target
from dexwatch.console.config import ConsoleConfig
from dexwatch.console.live.observe import Observer
from dexwatch.console.site import build_site
from dexwatch.metrics.profile import PRODUCTION
from dexwatch.metrics.promql import SteppedWindows
from dexwatch.rules.registry import ALERTS
from dexwatch.settings import load
from dexwatch.storage.sessions import SqlSessionStore
from dexwatch.storage.store import open_store
from tests.fakes.command_line import SMALLEST, config
from tests.fakes.console import users, web
from tests.fakes.hostile import NOW, Alertmanager, Prometheus, browser, sign_in

UP = Target("api", {"instance": "a:1"}, "http://a:1", "up", "", "", 0.1)
DOWN = Target("api", {"instance": "b:1"}, "http://b:1", "down", "refused", "", 0.1)
SILENT = replace(DOWN, labels={"instance": "b:1", "alerting": "off"})
GOOD = RuleState("Well", "alerting", "up == 0", "ok", "", "", 0.0)
BROKEN = RuleState("Ill", "alerting", "up == 0", "err", "many-to-many", "", 0.0)


class Watching(Prometheus):
    """Nothing fires; it scrapes these targets and evaluates these rules."""

    nothing = True

    def __init__(self, targets, rules, *, component="monitoring") -> None:
        self.known, self.judged, self.component = targets, rules, component

    async def query(self, expression, *, at=None):
        return (Series({"component": self.component}, (Point(at or 0.0, 1.0),)),)

    async def targets(self):
        return self.known

    async def rules(self):
        return (RuleGroup("ours", "rules.yml", 30.0, self.judged),)


@asynccontextmanager
async def _asked(folder: Path, prometheus: Prometheus):
    """Give a browser on the site, and what an observer of the same sides says."""
    store = await open_store(f"sqlite+aiosqlite:///{folder / 'dexwatch.sqlite'}")
    alertmanager = Alertmanager()
    alertmanager.nothing = True
    site = build_site(
        ConsoleConfig(users_file=users(folder)),
        store=store,
        sessions=SqlSessionStore(store.database),
        prometheus=prometheus,
        alertmanager=alertmanager,
        alert_rules=ALERTS,
        platform="sample-dex",
        vendor=web(),
        now=lambda: NOW,
    )
    observer = Observer(prometheus, alertmanager, store, SteppedWindows(PRODUCTION))
    async with site.router.lifespan_context(site), browser(site) as client:
        assert (await sign_in(client)).status_code == 303
        yield client, await observer.observe(lambda: NOW)
    await store.close()


async def _page(client, path: str) -> str:
    text = (await client.get(path)).text
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", text)).split())


@pytest.mark.parametrize(
    ("sides", "words", "named"),
    [
        (((UP, DOWN), (GOOD,)), "1 of 2 targets is down", "api b:1: refused"),
        (((UP,), (GOOD, BROKEN)), "1 rule is broken", "Ill: many-to-many"),
    ],
)
async def test_what_is_down_or_broken_is_said_in_all_views(tmp_path, capsys, sides, words, named):
    async with _asked(tmp_path, Watching(*sides)) as (client, health):
        front, alerts = await _page(client, "/"), await _page(client, "/alerts")
    assert not health.well
    assert health.status.detail == words
    for said in (f"{health.status.headline} {words}", named):
        assert said in front
    assert "All is well" not in front
    assert words in alerts
    assert "Nothing fires" not in alerts
    status._show(load(Path(config(tmp_path, SMALLEST))), health)
    printed = capsys.readouterr().out
    assert f"{health.status.headline}. {words}." in printed
    assert named in printed
    assert status._record(health)["status"]["detail"] == words


async def test_figures_on_their_way_are_no_silence_of_the_alerts(tmp_path):
    prometheus = Watching((UP,), (GOOD,), component="just-begun")
    async with _asked(tmp_path, prometheus) as (client, health):
        front, alerts = await _page(client, "/"), await _page(client, "/alerts")
    assert not health.well
    for page in (front, alerts):
        assert "Prometheus has just begun" in page
    assert "Nothing fires" not in alerts


async def test_a_target_that_never_alerts_is_named_and_is_no_trouble(tmp_path, capsys):
    async with _asked(tmp_path, Watching((UP, SILENT), (GOOD,))) as (client, health):
        front, alerts = await _page(client, "/"), await _page(client, "/alerts")
        listed = await _page(client, "/targets")
    assert health.well
    assert "All is well" in front
    assert "Nothing fires" in alerts
    assert "b:1 never alerts refused" in listed
    status._show(load(Path(config(tmp_path, SMALLEST))), health)
    first, second = capsys.readouterr().out.splitlines()[-2:]
    assert "1 of 2 targets answers" in first
    assert second == "! down, but never alerts: api b:1: refused"
    assert status._record(health)["targets_down"] == ()
    assert status._record(health)["silent_targets_down"] == ("api b:1: refused",)
