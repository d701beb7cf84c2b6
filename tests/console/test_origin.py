"""Only pages of ours change anything, every answer bears the headers, and proxies are named."""

from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dexwatch.console.access.headers import HEADERS, Headers
from dexwatch.console.access.origin import Proxies, SameOrigin, local, origin
from tests.fakes.console import PASSWORD
from tests.fakes.hostile import token_of

OURS = "https://watch.example"


async def answered(middleware, **scope):
    """Return the status that a request gets, 200 where it reaches the site."""
    seen = []

    async def send(message):
        if message["type"] == "http.response.start":
            seen.append(message["status"])

    given = {"type": "http", "method": "POST", "path": "/", "headers": [], "client": ("::1", 1)}
    await middleware({**given, **scope}, None, send)
    return seen[0]


async def site(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})


def headers(**fields):
    return [(key.replace("_", "-").encode(), text.encode()) for key, text in fields.items()]


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"origin": OURS}, 200),
        ({"origin": OURS, "sec_fetch_site": "same-origin"}, 200),
        ({"sec_fetch_site": "same-origin"}, 200),
        ({"origin": "http://127.0.0.1:8900"}, 200),
        ({"origin": "http://localhost:8900"}, 200),
        ({"origin": "http://[::1]:8900"}, 200),
        ({}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://127.0.0.1:9000"}, 403),
        ({"origin": "http://evil.example:8900"}, 403),
        ({"origin": "https://watch.example.evil.example"}, 403),
        ({"origin": "http://watch.example"}, 403),
        ({"origin": "http://["}, 403),
        ({"origin": OURS, "sec_fetch_site": "same-site"}, 403),
        ({"sec_fetch_site": "none"}, 403),
    ],
)
async def test_a_change_comes_from_a_page_of_ours(fields, status):
    middleware = SameOrigin(site, public_url=f"{OURS}/", port=8900)
    assert await answered(middleware, headers=headers(**fields)) == status
    assert await answered(middleware, method="GET", headers=headers(**fields)) == 200


async def test_a_page_of_another_port_can_neither_act_nor_sign_anybody_in(ana):
    page = await ana.get("/incidents/INC-2")
    other = {"origin": "http://127.0.0.1:9000", "sec-fetch-site": "same-site"}
    fields = {"form_token": token_of(page), "idempotency_key": "p1", "note": "x"}
    answer = await ana.post("/incidents/INC-2/acknowledge", data=fields, headers=other)
    assert answer.status_code == 403
    form = {"name": "cy", "password": PASSWORD, "form_token": "x", "back": "/"}
    assert (await ana.post("/sign-in", data=form, headers=other)).status_code == 403


@pytest.mark.parametrize(
    ("peer", "said", "seen"),
    [
        ("127.0.0.1", ["203.0.113.7"], "203.0.113.7"),
        ("127.0.0.1", ["10.9.9.9, 203.0.113.7"], "203.0.113.7"),
        ("127.0.0.1", ["10.9.9.9", "203.0.113.7, 10.0.0.2"], "203.0.113.7"),
        ("127.0.0.1", [], "127.0.0.1"),
        ("127.0.0.1", ["nonsense"], "127.0.0.1"),
        ("127.0.0.1", ["203.0.113.7, nonsense"], "127.0.0.1"),
        ("127.0.0.1", ["10.0.0.2"], "10.0.0.2"),
        ("198.51.100.1", ["203.0.113.7"], "198.51.100.1"),
        ("testclient", ["203.0.113.7"], "testclient"),
    ],
)
async def test_the_clients_address_is_what_our_own_proxy_saw(peer, said, seen):
    clients = []

    async def remember(scope, receive, send):
        clients.append(scope["client"][0])

    networks = [ip_network("127.0.0.1"), ip_network("10.0.0.0/24")]
    given = [(b"x-forwarded-for", text.encode()) for text in said]
    await Proxies(remember, trusted=networks)(
        {"type": "http", "client": (peer, 1), "headers": given}, None, None
    )
    assert clients == [seen]


async def test_without_trusted_proxies_nobody_chooses_an_address():
    clients = []

    async def remember(scope, receive, send):
        clients.append(scope["client"][0])

    given = [(b"x-forwarded-for", b"203.0.113.7")]
    scope = {"type": "http", "client": ("127.0.0.1", 1), "headers": given}
    await Proxies(remember, trusted=[])(scope, None, None)
    assert clients == ["127.0.0.1"]


async def test_an_exception_is_a_500_with_every_security_header():
    async def broken(scope, receive, send):
        raise ValueError("secret")

    sent = []

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": "/"}
    await Headers(broken, secure=True)(scope, None, send)
    start, body = sent
    assert start["status"] == 500
    given = {key.decode() for key, _ in start["headers"]}
    assert {key.lower() for key in HEADERS} | {"strict-transport-security"} <= given
    assert b"secret" not in body["body"]


async def test_any_page_that_fails_is_a_500_with_the_headers(ana, parts, monkeypatch):
    async def broken():
        raise RuntimeError("secret")

    monkeypatch.setattr(parts[1], "targets", broken)
    answer = await ana.get("/targets")
    assert answer.status_code == 500
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "secret" not in answer.text


@given(st.text(max_size=60))
def test_any_address_leads_to_a_page_of_ours(text):
    for address in (text, f"/{text}", f"//{text}", f"/\\{text}"):
        led = local(address)
        assert led[0] == "/"
        assert not led.startswith(("//", "/\\"))
        assert led.isascii()
        assert led.isprintable()


def test_an_origin_is_written_as_browsers_write_it():
    assert origin("https://Watch.example:443/x") == "https://watch.example"
    assert origin("http://[::1]:8900") == "http://[::1]:8900"
