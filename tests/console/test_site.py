"""The site over HTTP: what people may see and do, and that nothing foreign ever runs."""

import re
from datetime import timedelta

import pytest

from dexwatch.clients.alertmanager import Matcher, Silence
from dexwatch.clients.prometheus import ActiveAlert, Point, RuleGroup, RuleState, Series
from dexwatch.console.layout import board_address
from dexwatch.dashboards.registry import BOARDS
from dexwatch.incidents.policy import Policy
from dexwatch.response.apply import apply_events
from dexwatch.response.ingest import fired
from dexwatch.rules.arming import signals
from dexwatch.rules.registry import ALERTS
from tests.fakes.console import HOSTILE
from tests.fakes.hostile import NOW, PAGES, token_of

PROVES = ("C-CONSOLE", "K-RBAC")
"""Requirements that these tests prove, for `dexwatch coverage`."""


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


@pytest.mark.parametrize(
    ("address", "shown"),
    [("https://wiki.example/it", True), ("javascript:alert(1)", False), ("/runbooks/It", False)],
)
async def test_no_alert_or_rule_leads_to_a_runbook_that_is_not_there(
    ana, parts, monkeypatch, address, shown
):
    foreign = ActiveAlert(
        {"alertname": "It"}, {"runbook_url": address}, "firing", NOW.isoformat(), 1.0
    )

    async def alerts():
        return (foreign,)

    monkeypatch.setattr(parts[1], "alerts", alerts)
    for page in ("/alerts", "/rules"):
        text = (await ana.get(page)).text
        for link in re.findall(r'href="(/runbooks/[^"]+)"', text):
            assert (await ana.get(link)).status_code == 200, link
    text = (await ana.get("/alerts")).text
    assert "<b>It</b>" in text
    assert (f'href="{address}"' in text) is shown


@pytest.mark.parametrize("page", ["/nowhere", "/boards/nope", "/incidents/INC-99", "/runbooks/X"])
async def test_what_is_not_there_is_404_with_a_page(ana, page):
    answer = await ana.get(page)
    assert answer.status_code == 404
    assert "System Overview" in answer.text


async def test_an_operator_answers_an_incident(ana):
    page = await ana.get("/incidents/INC-2")
    fields = {"form_token": token_of(page), "idempotency_key": "p1", "note": HOSTILE}
    assert (await ana.post("/incidents/INC-2/acknowledge", data=fields)).status_code == 303
    assert (await ana.post("/incidents/INC-2/acknowledge", data=fields)).status_code == 303
    page = await ana.get("/incidents/INC-2")
    assert "acknowledged by <b>ana</b>" in page.text
    assert "&lt;img src=x" in page.text
    assert (
        await ana.post("/incidents/INC-2/resolve", data=fields | {"idempotency_key": "p2"})
    ).status_code == 303
    again = await ana.post("/incidents/INC-2/resolve", data=fields | {"idempotency_key": "p3"})
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
    assert "Viewers cannot do this" in answer.text
    assert "Acknowledge</button>" not in (await cy.get("/incidents/INC-2")).text


async def test_a_silence_is_made_with_name_reason_and_end(ana, parts):
    token = token_of(await ana.get("/silences"))
    fields = {
        "form_token": token,
        "matchers": 'alertname="ApiLatencyHigh", host=~"dex-.*"',
        "lasts": "1h",
        "comment": "planned work",
    }
    assert (await ana.post("/silences", data=fields)).status_code == 303
    ((matchers, _, ends, by, comment),) = parts[2].made
    assert [str(one) for one in matchers] == ['alertname="ApiLatencyHigh"', 'host=~"dex-.*"']
    assert (ends - NOW, by, comment) == (timedelta(hours=1), "ana", "planned work")


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


@pytest.mark.parametrize(
    ("severity", "sign"), [("P0", "critical"), ("P1", "warning"), ("P2", "info")]
)
async def test_evidence_has_the_sign_that_its_severity_has_among_alerts(ana, parts, severity, sign):
    alert = fired(
        fingerprint="e",
        labels={"alertname": "EvidenceSign", "severity": severity, "alert_group": "signs"},
        annotations={},
        starts_at=NOW,
        upstream="",
        suppressed_by=None,
    )
    applied = await apply_events(parts[3], [alert], NOW, policy=Policy())
    page = (await ana.get(f"/incidents/{applied[0].incident_id}")).text
    evidence = page[page.index('id="evidence"') :]
    assert f'<i class="lv {sign}"' in evidence[: evidence.index("EvidenceSign")]


async def test_what_is_over_says_when_it_ended_and_that_who_answered_did_not_close_it(ana, parts):
    view = await parts[3].incident("INC-1")
    page = (await ana.get("/incidents/INC-1")).text
    evidence = page[page.index('id="evidence"') : page.index('id="timeline"')]
    assert "since" not in evidence
    assert view.alerts[0].resolved_at.isoformat(timespec="seconds") in evidence
    assert "answered by bo" in (await ana.get("/incidents?state=resolved")).text


async def test_the_page_of_targets_says_what_up_means_of_an_exporter(ana):
    assert "Up means that metrics come" in (await ana.get("/targets")).text


async def test_a_hostile_incident_is_shown_as_text(ana, parts):
    alert = fired(
        fingerprint="h",
        labels={"alertname": "Hostile", "severity": "P1", "alert_group": "x", "token": HOSTILE},
        annotations={"summary": HOSTILE, "query": HOSTILE, "unit": HOSTILE, "threshold": HOSTILE},
        starts_at=NOW,
        upstream=HOSTILE,
        suppressed_by=None,
    )
    applied = await apply_events(parts[3], [alert], NOW, policy=Policy())
    page = await ana.get(f"/incidents/{applied[0].incident_id}")
    assert page.status_code == 200
    assert "<img src=x" not in page.text


async def test_a_rule_that_cannot_see_is_called_blind(ana, parts, monkeypatch):
    rules = {rule.id: rule for rule in ALERTS}

    def state(name):
        labels = {"severity": rules[name].severity.value}
        return RuleState(name, "alerting", "x", "ok", "", "", 0.1, "inactive", 0.0, labels)

    async def listed():
        return (RuleGroup("g", "f", 5, (state("DatabaseDown"), state("DatabaseSlow"))),)

    async def query(expression, *, at=None):
        lost = set(signals([rules["DatabaseDown"]]))
        there = set(signals(ALERTS)) - (lost if "[900s]" in expression else set())
        return tuple(Series({"signal": name}, (Point(0.0, 1.0),)) for name in sorted(there))

    monkeypatch.setattr(parts[1], "rules", listed)
    monkeypatch.setattr(parts[1], "query", query)
    page = (await ana.get("/rules")).text
    assert '<span class="arming blind">blind</span>' in page
    assert '<span class="arming armed">armed</span>' in page
    assert "Blind at P0: DatabaseDown" in page


async def test_the_help_lists_every_board_and_each_key_once(ana):
    page = (await ana.get("/")).text
    keys = re.findall(r'data-key="(.)" data-address="([^"]+)"', page)
    addresses = [address for _, address in keys]
    assert len({key for key, _ in keys}) == len(keys)
    assert ("o", "/") in keys
    for board in BOARDS:
        assert board_address(board.id) in addresses


async def test_an_open_incident_shows_although_nothing_fires(ana, parts):
    parts[1].nothing = parts[2].nothing = True
    page = (await ana.get("/")).text
    assert "All is well" not in page
    assert '<div class="overall warning">' in page


@pytest.mark.parametrize("address", ["/alerts", "/incidents", "/silences", "/rules", "/"])
async def test_the_menu_marks_the_page_that_is_shown(ana, address):
    marked = re.findall(r'<a href="([^"]*)" aria-current="page"', (await ana.get(address)).text)
    assert marked == [address]


async def test_the_times_of_a_response_name_their_zone(ana):
    text = (await ana.get("/incidents/INC-1")).text
    steps = re.search(r'<ol class="steps".*?</ol>', text, re.DOTALL)
    assert steps is not None
    assert re.search(r'<time [^>]*datetime="[^"]+\+00:00"[^>]*>\d\d:\d\d:\d\d UTC</time>', steps[0])
