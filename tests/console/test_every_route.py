"""What holds for every route of the console, whatever is added: they come from the router."""

import pytest

from dexwatch.console.access.headers import HEADERS
from dexwatch.console.config import ConsoleConfig, SampleControlConfig
from dexwatch.console.site import build_site
from dexwatch.rules.registry import ALERTS
from dexwatch.storage.sessions import SqlSessionStore
from dexwatch.storage.store import open_store
from tests.fakes import need
from tests.fakes.console import seed, users, web
from tests.fakes.hostile import Alertmanager, Prometheus, browser, sign_in, token_of

PROVES = ("K-RBAC",)
"""Requirements that these tests prove, for `dexwatch coverage`."""

PUBLIC = {"/healthz", "/static/{digest}/{name}", "/favicon.ico", "/sign-in"}
"""What may be had without a session."""
OPEN_TO_VIEWERS = {"/sign-in", "/sign-out"}
PLAIN = {"incident_id": "INC-2", "action": "acknowledge", "board_id": "overview", "name": "x"}
ODD = ("%00", "%FF%FE", "..%2f..%2fetc%2fpasswd", "%E2%80%AE", "'%22><script>", "9" * 3_000)


@pytest.fixture
async def site(tmp_path):
    store = await open_store(f"sqlite+aiosqlite:///{tmp_path / 'dexwatch.sqlite'}")
    await seed(store, firing=True)
    control = SampleControlConfig(url=f"http://127.0.0.1:{need.free_port()}", token="secret-token")
    built = build_site(
        ConsoleConfig(users_file=users(tmp_path), sample_control=control),
        store=store,
        sessions=SqlSessionStore(store.database),
        prometheus=Prometheus(),
        alertmanager=Alertmanager(),
        alert_rules=ALERTS,
        vendor=web(),
    )
    async with built.router.lifespan_context(built):
        yield built
    await store.close()


def routes(site, method):
    """Return path template and example address of each route; the stream has no end of its own."""
    found = [
        (path, path.format_map(_Plain()))
        for path, methods in site.openapi()["paths"].items()
        if method.lower() in methods and path != "/stream"
    ]
    assert found
    return found


class _Plain(dict):
    def __missing__(self, name):
        return PLAIN.get(name, "x")


def dressed(answer):
    return all(answer.headers.get(name) == text for name, text in HEADERS.items())


async def test_nobody_reads_without_a_session_and_every_answer_bears_the_headers(site):
    async with browser(site) as outsider, browser(site) as ana:
        await sign_in(ana)
        for path, address in routes(site, "GET"):
            answer = await outsider.get(address)
            assert dressed(answer), path
            assert answer.status_code < 500, path
            if path not in PUBLIC:
                assert (answer.status_code, answer.headers["location"][:8]) == (303, "/sign-in")
            answer = await ana.get(address)
            assert dressed(answer), path
            # The sample's own control is away in this test.
            assert answer.status_code in {200, 303, 307, 400, 404, 502, 503}, path


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example", "sec-fetch-site": "cross-site"},
        {"origin": "http://127.0.0.1:9000", "sec-fetch-site": "same-site"},
        {"origin": "null"},
        # A name of theirs that was made to point here: the browser calls it the same origin.
        {"origin": "http://evil.example:8900", "host": "evil.example:8900"},
    ],
)
async def test_no_change_comes_from_a_page_of_another_address(site, headers):
    async with browser(site) as ana:
        await sign_in(ana)
        token = token_of(await ana.get("/incidents/INC-2"))
        for path, address in routes(site, "POST"):
            answer = await ana.post(address, data={"form_token": token}, headers=headers)
            assert answer.status_code == 403, path
            assert dressed(answer), path


@pytest.mark.parametrize("token", [None, "", "x", "é", "0" * 5_000])
async def test_no_change_without_the_sessions_own_form(site, token):
    async with browser(site) as ana:
        await sign_in(ana)
        for path, address in routes(site, "POST"):
            fields = {} if token is None else {"form_token": token}
            answer = await ana.post(address, data=fields)
            assert answer.status_code == 403, path
            assert dressed(answer), path


async def test_who_is_not_allowed_changes_nothing(site):
    async with browser(site) as outsider, browser(site) as cy:
        await sign_in(cy, "cy")
        token = token_of(await cy.get("/incidents/INC-2"))
        for path, address in routes(site, "POST"):
            answer = await outsider.post(address, data={"form_token": token})
            assert answer.status_code == (403 if path in PUBLIC else 401), path
            assert dressed(answer), path
            if path in OPEN_TO_VIEWERS:
                continue
            answer = await cy.post(address, data={"form_token": token})
            assert answer.status_code == 403, path
            assert dressed(answer), path


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "PUT", "PATCH", "DELETE", "TRACE", "ODD"])
async def test_other_methods_are_refused_with_the_headers(site, method):
    async with browser(site) as ana:
        await sign_in(ana)
        for path, address in {*routes(site, "GET"), *routes(site, "POST")}:
            answer = await ana.request(method, address)
            assert 400 <= answer.status_code < 500, path
            assert dressed(answer), path


@pytest.mark.parametrize("odd", ODD)
async def test_odd_addresses_and_forms_break_no_route(site, odd):
    async with browser(site) as ana:
        await sign_in(ana)
        token = token_of(await ana.get("/incidents/INC-2"))
        for path, _ in routes(site, "GET"):
            address = path.format_map(_Odd(odd))
            answer = await ana.get(f"{address}?span={odd}&state={odd}&back={odd}&page={odd}")
            assert answer.status_code in {200, 303, 307, 400, 404, 414, 502, 503}, path
            assert dressed(answer), path
        for path, _ in routes(site, "POST"):
            body = f"form_token={token}&note={odd}&matchers={odd}&ends={odd}&name={odd}&back={odd}"
            answer = await ana.post(
                path.format_map(_Odd(odd)),
                content=body,
                headers={"content-type": "application/x-www-form-urlencoded"},
            )
            assert answer.status_code != 500, path
            assert dressed(answer), path
            if path == "/sign-out":
                await sign_in(ana)
                token = token_of(await ana.get("/incidents/INC-2"))


class _Odd(dict):
    def __init__(self, odd):
        super().__init__()
        self.odd = odd

    def __missing__(self, name):
        return self.odd
