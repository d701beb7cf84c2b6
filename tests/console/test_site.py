"""The site over HTTP: who gets in, what they may do, and that nothing foreign ever runs."""

import asyncio
import re
from collections import Counter
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from dexwatch.agenda.ingest import fired
from dexwatch.console.config import ConsoleConfig
from dexwatch.console.pages.signin import MOST_WAITING_OF_ONE
from dexwatch.console.site import build_site
from dexwatch.rules.catalogue import ALERTS
from dexwatch.sources.alertmanager import Matcher, RoutedAlert, Silence
from dexwatch.sources.http import Outcome, SourceError
from dexwatch.sources.prometheus import ActiveAlert, Point, RuleGroup, RuleState, Series, Target
from dexwatch.storage.sessions import SqlSessionStore
from dexwatch.storage.store import open_store
from tests.fakes.console import HOSTILE, PASSWORD, seed, users, web

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
LABELS = {"alertname": HOSTILE, "severity": "P0", "subject": HOSTILE, "host": HOSTILE}


class Prometheus:
    """Every text that it gives is hostile."""

    broken = False

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
        notes = {"summary": HOSTILE, "description": HOSTILE, "runbook": "javascript:alert(1)"}
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

    async def alerts(self):
        return (RoutedAlert("f", LABELS, {}, NOW, NOW, "active", (), (), ()),)

    async def silences(self):
        ends = NOW + timedelta(hours=1)
        return (Silence("a-1", (), NOW, ends, HOSTILE, HOSTILE, "active"), *self.others)

    async def silence(self, matchers, *, starts, ends, by, comment):
        self.made.append((tuple(matchers), starts, ends, by, comment))
        return "new"

    async def expire(self, silence_id):
        self.expired.append(silence_id)


@pytest.fixture
async def parts(tmp_path):
    store = await open_store(f"sqlite+aiosqlite:///{tmp_path / 'dexwatch.sqlite'}")
    await seed(store)
    prometheus, alertmanager = Prometheus(), Alertmanager()
    moment = [NOW]
    site = build_site(
        ConsoleConfig(users_file=users(tmp_path)),
        store=store,
        sessions=SqlSessionStore(store.database),
        prometheus=prometheus,
        alertmanager=alertmanager,
        rules=ALERTS,
        platform="sample-dex",
        vendor=web(),
        now=lambda: moment[0],
    )
    async with site.router.lifespan_context(site):
        yield site, prometheus, alertmanager, store, moment
    await store.close()


def browser(site, address="127.0.0.1"):
    transport = httpx.ASGITransport(site, raise_app_exceptions=False, client=(address, 4711))
    return httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8900")


@pytest.fixture
async def outsider(parts):
    async with browser(parts[0]) as client:
        yield client


async def sign_in(client, name="ana", password=PASSWORD):
    page = await client.get("/sign-in")
    fields = {"name": name, "password": password, "form_token": token_of(page), "back": "/alerts"}
    return await client.post("/sign-in", data=fields)


def token_of(page):
    return re.search(r'name="form_token" value="([^"]+)"', page.text)[1]


@pytest.fixture
async def ana(parts):
    async with browser(parts[0]) as client:
        assert (await sign_in(client)).status_code == 303
        yield client


@pytest.fixture
async def cy(parts):
    async with browser(parts[0]) as client:
        assert (await sign_in(client, "cy")).status_code == 303
        yield client


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


@pytest.mark.parametrize("page", PAGES)
async def test_an_outsider_is_led_to_sign_in_and_back(outsider, page):
    answer = await outsider.get(page)
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/sign-in?back=/")


async def test_a_stream_without_session_is_401(outsider):
    answer = await outsider.get("/stream", headers={"accept": "text/event-stream"})
    assert answer.status_code == 401


async def test_a_link_from_a_message_is_asked_again_from_our_own_page(outsider):
    answer = await outsider.get("/incidents/INC-1", headers={"sec-fetch-site": "cross-site"})
    assert answer.status_code == 200
    assert '<meta http-equiv="refresh" content="0; url=/incidents/INC-1">' in answer.text


async def test_sign_in_sets_a_strict_cookie_and_goes_back(outsider):
    answer = await sign_in(outsider)
    assert answer.headers["location"] == "/alerts"
    cookie = next(c for c in answer.headers.get_list("set-cookie") if c.startswith("dexwatch="))
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie


@pytest.mark.parametrize(
    "back", ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)"]
)
async def test_sign_in_never_leads_elsewhere(outsider, back):
    page = await outsider.get("/sign-in", params={"back": back})
    fields = {"name": "ana", "password": PASSWORD, "form_token": token_of(page), "back": back}
    assert (await outsider.post("/sign-in", data=fields)).headers["location"] == "/"


async def test_a_wrong_password_and_an_unknown_name_get_the_same_answer(outsider):
    wrong = await sign_in(outsider, "ana", "wrong")
    unknown = await sign_in(outsider, "nobody", "wrong")
    assert wrong.status_code == unknown.status_code == 401
    assert "Name or password is wrong." in wrong.text
    assert wrong.text.replace('value="ana"', "") == unknown.text.replace('value="nobody"', "")


async def test_guessing_must_wait_even_with_the_right_password(outsider, parts):
    for _ in range(5):
        assert (await sign_in(outsider, "ana", "wrong")).status_code == 401
    answer = await sign_in(outsider)
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) > 0
    parts[4][0] += timedelta(minutes=6)
    assert (await sign_in(outsider)).status_code == 303


async def test_guesses_side_by_side_are_counted_like_guesses_in_turn(outsider):
    page = await outsider.get("/sign-in")
    fields = {"name": "ana", "password": "wrong", "form_token": token_of(page), "back": "/"}
    answers = await asyncio.gather(*(outsider.post("/sign-in", data=fields) for _ in range(9)))
    assert Counter(answer.status_code for answer in answers) == {401: 5, 429: 4}


async def test_a_flood_of_sign_ins_is_refused(outsider):
    page = await outsider.get("/sign-in")
    fields = {"password": "wrong", "form_token": token_of(page), "back": "/"}
    answers = await asyncio.gather(
        *(outsider.post("/sign-in", data={**fields, "name": f"n-{n}"}) for n in range(15))
    )
    refused = [answer for answer in answers if answer.status_code == 503]
    assert len(refused) == 15 - MOST_WAITING_OF_ONE
    assert all(int(answer.headers["retry-after"]) > 0 for answer in refused)


async def test_failures_from_elsewhere_lock_nobody_out(outsider, parts):
    for _ in range(8):
        await sign_in(outsider, "ana", "wrong")
    assert (await sign_in(outsider)).status_code == 429
    async with browser(parts[0], "10.0.0.7") as on_call:
        assert (await sign_in(on_call)).status_code == 303


async def test_sign_in_needs_a_form_of_ours(outsider):
    answer = await outsider.post("/sign-in", data={"name": "ana", "password": PASSWORD})
    assert answer.status_code == 403


@pytest.mark.parametrize("page", [*PAGES, "/sign-in", "/nowhere"])
async def test_every_page_is_strict_about_scripts_and_escapes_what_is_foreign(ana, page):
    answer = await ana.get(page)
    policy = answer.headers["content-security-policy"]
    assert "unsafe" not in policy
    assert "script-src 'self'" in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"
    assert "<img src=x" not in answer.text
    assert "alert(1)</script>" not in answer.text
    assert not re.search(r'href="javascript:', answer.text)
    assert not re.search(
        r"\sstyle=|\son[a-z]+=\"",
        re.sub(r"<script type=.*?</script>", "", answer.text, flags=re.DOTALL),
    )
    for kind in re.findall(r"<script([^>]*)>", answer.text):
        assert "src=" in kind or "application/json" in kind


async def test_first_paint_holds_values_not_skeletons(ana):
    page = (await ana.get("/boards/trading")).text
    assert 'data-state="ok"' in page
    assert 'data-state="waiting"' not in page
    assert '"times":[' in page


async def test_a_dead_prometheus_leaves_every_page_standing(ana, parts):
    parts[1].broken = True
    for page in PAGES:
        answer = await ana.get(page)
        assert answer.status_code == 200, page
    assert "Prometheus" in (await ana.get("/targets")).text


@pytest.mark.parametrize("page", ["/nowhere", "/boards/nope", "/incidents/INC-99", "/runbooks/X"])
async def test_what_is_not_there_is_404_with_a_page(ana, page):
    answer = await ana.get(page)
    assert answer.status_code == 404
    assert "System Overview" in answer.text


async def test_an_operator_answers_an_incident(ana):
    page = await ana.get("/incidents/INC-2")
    fields = {"form_token": token_of(page), "press": "p1", "note": HOSTILE}
    assert (await ana.post("/incidents/INC-2/acknowledge", data=fields)).status_code == 303
    assert (await ana.post("/incidents/INC-2/acknowledge", data=fields)).status_code == 303
    page = await ana.get("/incidents/INC-2")
    assert "taken on by <b>ana</b>" in page.text
    assert "&lt;img src=x" in page.text
    assert (
        await ana.post("/incidents/INC-2/resolve", data=fields | {"press": "p2"})
    ).status_code == 303
    again = await ana.post("/incidents/INC-2/resolve", data=fields | {"press": "p3"})
    assert again.status_code == 409
    assert "already resolved" in again.text


async def test_a_change_needs_the_session_s_own_form_token(ana):
    for fields in ({}, {"form_token": "x" * 43}):
        answer = await ana.post("/incidents/INC-2/acknowledge", data=fields)
        assert answer.status_code == 403


@pytest.mark.parametrize(
    "address", ["/incidents/INC-2/acknowledge", "/silences", "/silences/a-1/expire"]
)
async def test_a_viewer_may_look_but_not_act(cy, address):
    token = token_of(await cy.get("/incidents"))
    answer = await cy.post(address, data={"form_token": token})
    assert answer.status_code == 403
    assert "may look but not act" in answer.text
    assert "Acknowledge</button>" not in (await cy.get("/incidents/INC-2")).text


async def test_an_outsider_s_change_is_401(outsider):
    assert (await outsider.post("/incidents/INC-2/acknowledge")).status_code == 401


async def test_signing_out_ends_the_session(ana):
    token = token_of(await ana.get("/"))
    cookie = ana.cookies["dexwatch"]
    await ana.post("/sign-out", data={"form_token": token})
    ana.cookies.set("dexwatch", cookie)
    assert (await ana.get("/")).status_code == 303


async def test_a_session_ends_by_itself(ana, parts):
    parts[4][0] += timedelta(hours=13)
    assert (await ana.get("/")).status_code == 303


async def test_a_silence_is_made_with_name_reason_and_end(ana, parts):
    token = token_of(await ana.get("/silences"))
    fields = {
        "form_token": token,
        "matchers": 'alertname="ApiLatencyHigh", host=~"dex-.*"',
        "lasts": "1h",
        "comment": "planned work",
    }
    assert (await ana.post("/silences", data=fields)).status_code == 303
    ((matchers, starts, ends, by, comment),) = parts[2].made
    assert [str(one) for one in matchers] == ['alertname="ApiLatencyHigh"', 'host=~"dex-.*"']
    assert (ends - starts, by, comment) == (timedelta(hours=1), "ana", "planned work")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"matchers": ""}, "at least one matcher"),
        ({"matchers": 'host=~".*"'}, "mute everything"),
        ({"matchers": "nonsense"}, "is no matcher"),
        ({"matchers": 'host=~"(a"'}, "is no regular expression: missing )"),
        ({"matchers": 'host="' + "a" * 600 + '"'}, "At most 500 characters"),
        ({"comment": " "}, "Say why"),
        ({"lasts": "forever"}, "Choose how long"),
    ],
)
async def test_a_silence_that_makes_no_sense_is_refused_with_the_remedy(ana, parts, change, words):
    token = token_of(await ana.get("/silences"))
    good = {"form_token": token, "matchers": 'host="a"', "lasts": "1h", "comment": "why"}
    answer = await ana.post("/silences", data=good | change)
    assert answer.status_code == 400
    assert words in answer.text
    assert parts[2].made == []


async def test_the_preview_counts_what_would_be_muted(ana):
    token = token_of(await ana.get("/silences"))
    headers = {"x-form-token": token}
    hit = await ana.post("/silences/preview", data={"matchers": 'severity="P0"'}, headers=headers)
    miss = await ana.post("/silences/preview", data={"matchers": 'severity="P3"'}, headers=headers)
    assert "<b>1</b> alert" in hit.text
    assert "<b>0</b> alerts" in miss.text
    assert "<img" not in hit.text


async def test_a_silence_that_we_cannot_read_shows_a_question_mark(ana, parts):
    ends = NOW + timedelta(hours=1)
    odd = Matcher("host", "(?=a)", is_regex=True)
    parts[2].others = (Silence("a-2", (odd,), NOW, ends, "odd", "why", "active"),)
    answer = await ana.get("/silences")
    assert answer.status_code == 200
    assert 'data-name="mutes now">?<' in answer.text


async def test_a_form_that_is_too_large_is_413(ana):
    answer = await ana.post("/silences", content=b"x" * 100_000)
    assert answer.status_code == 413


async def test_assets_are_kept_for_ever_by_their_content(ana):
    page = (await ana.get("/")).text
    for address in re.findall(r'(?:src|href)="(/static/[^"]+)"', page):
        answer = await ana.get(address)
        assert answer.status_code == 200
        assert "immutable" in answer.headers["cache-control"]
    assert (await ana.get("/static/000000000000/frame.js")).status_code == 404
    assert (await ana.get("/static/000000000000/..%2F..%2Fsite.py")).status_code == 404


async def test_critical_alerts_stand_on_every_page(ana):
    for page in PAGES:
        assert 'class="banner" role="alert"' in (await ana.get(page)).text


async def test_history_is_bounded_and_escaped(ana):
    at = NOW.timestamp()
    good = await ana.get(f"/boards/trading/history?from={at - 600}&to={at}")
    assert good.headers["content-type"].startswith("application/json")
    assert any(frame["state"] == "ok" for frame in good.json())
    for query in (f"from={at}&to={at}", "from=0&to=99999999999", "from=a&to=b", "from=nan&to=1"):
        assert (await ana.get(f"/boards/trading/history?{query}")).status_code == 400


async def test_a_hostile_incident_is_shown_as_text(ana, parts):
    alert = fired(
        fingerprint="h",
        labels={"alertname": "Hostile", "severity": "P1", "subject": "x", "token": HOSTILE},
        annotations={"summary": HOSTILE, "query": HOSTILE, "unit": HOSTILE, "limit": HOSTILE},
        starts_at=NOW,
        upstream=HOSTILE,
        suppressed_by=None,
    )
    applied = await parts[3].apply([alert], NOW)
    page = await ana.get(f"/incidents/{applied[0].incident_id}")
    assert page.status_code == 200
    assert "<img src=x" not in page.text
