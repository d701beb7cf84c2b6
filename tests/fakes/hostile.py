"""A Prometheus and an Alertmanager whose every text is hostile, and a browser for the site."""

import re
from datetime import UTC, datetime, timedelta

import httpx

from dexwatch.clients.alertmanager import RoutedAlert, Silence
from dexwatch.clients.http import Outcome, SourceError
from dexwatch.clients.prometheus import ActiveAlert, Point, RuleGroup, RuleState, Series, Target
from tests.fakes.console import HOSTILE, PASSWORD

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
LABELS = {"alertname": HOSTILE, "severity": "P0", "alert_group": HOSTILE, "host": HOSTILE}


class Prometheus:
    """Every text that it gives is hostile."""

    broken = False
    nothing = False
    """Does nothing fire?"""

    async def query(self, expression, *, at=None):
        self._check()
        if "label_replace" in expression:
            return ()
        labels = dict.fromkeys(("pool", "host", "job", "instance", "endpoint"), HOSTILE)
        return (Series(labels, (Point(at or 0.0, 1.0),)),)

    async def query_range(self, expression, *, start, end, step_seconds):
        self._check()
        labels = dict.fromkeys(("pool", "host", "token", "cache"), HOSTILE)
        return (Series(labels, (Point(start, 1.0), Point(end, 2.0))),)

    async def alerts(self):
        self._check()
        if self.nothing:
            return ()
        notes = {"summary": HOSTILE, "description": HOSTILE, "runbook_url": "javascript:alert(1)"}
        return (ActiveAlert(LABELS, notes, "firing", "2026-03-02T07:59:00.123456789Z", 1.0),)

    async def rules(self):
        self._check()
        rule = RuleState(HOSTILE, "alerting", HOSTILE, "err", HOSTILE, "", 0.1, "firing")
        return (RuleGroup(HOSTILE, HOSTILE, 5, (rule,)),)

    async def targets(self):
        self._check()
        return (Target(HOSTILE, LABELS, "http://x", "down", HOSTILE, "", 0.1),)

    def _check(self):
        if self.broken:
            raise SourceError(Outcome.CONNECTION, "refused")


class Alertmanager:
    """Holds one silence, and remembers what it is told."""

    def __init__(self):
        self.made = []
        self.expired = []
        self.others = ()
        self.nothing = False

    async def alerts(self):
        if self.nothing:
            return ()
        return (RoutedAlert("f", LABELS, {}, NOW, NOW, "active", (), (), ()),)

    async def silences(self):
        ends = NOW + timedelta(hours=1)
        return (Silence("a-1", (), NOW, ends, HOSTILE, HOSTILE, "active"), *self.others)

    async def silence(self, matchers, *, starts, ends, by, comment):
        self.made.append((tuple(matchers), starts, ends, by, comment))
        return "new"

    async def expire(self, silence_id):
        self.expired.append(silence_id)


def browser(site, address="127.0.0.1"):
    transport = httpx.ASGITransport(site, raise_app_exceptions=False, client=(address, 4711))
    # As browsers do, tell where a change comes from.
    origin = {"origin": "http://127.0.0.1:8900", "sec-fetch-site": "same-origin"}
    return httpx.AsyncClient(transport=transport, base_url=origin["origin"], headers=origin)


async def sign_in(client, name="ana", password=PASSWORD):
    page = await client.get("/sign-in")
    fields = {"name": name, "password": password, "form_token": token_of(page), "back": "/alerts"}
    return await client.post("/sign-in", data=fields)


def token_of(page):
    return re.search(r'name="form_token" value="([^"]+)"', page.text)[1]


PAGES = (
    "/",
    "/boards/trading",
    "/boards/infrastructure",
    "/boards/blockchain",
    "/alerts",
    "/incidents",
    "/incidents?state=all",
    "/incidents/INC-1",
    "/silences",
    "/targets",
    "/rules",
    "/runbooks",
    "/runbooks/ApiLatencyHigh",
)
