"""Signing in: who gets in, who must wait, and that nobody can lock another out."""

import asyncio
from collections import Counter
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from dexwatch.console.access.queue import MOST_OF_ADDRESS
from dexwatch.console.access.users import Role, write
from tests.fakes.console import PASSWORD
from tests.fakes.hostile import PAGES, browser, sign_in, token_of


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
    "back",
    [
        *("https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)"),
        *("///evil.example/x", "//[", "http://[::1", "/\t/evil.example", "\\/evil.example", ""),
        *("/\n/evil.example", "////", "/ok\r\nlocation: x", "/\u2028", "/\\/evil.example", "x"),
    ],
)
async def test_sign_in_never_leads_elsewhere(outsider, back):
    page = await outsider.get("/sign-in", params={"back": back})
    assert page.status_code == 200
    fields = {"name": "ana", "password": PASSWORD, "form_token": token_of(page), "back": back}
    assert (await outsider.post("/sign-in", data=fields)).headers["location"] == "/"
    again = await outsider.get("/sign-in", params={"back": back})
    assert again.headers["location"] == "/"


@pytest.mark.parametrize(
    "address",
    [
        "/silences?matchers=alertname%3D%22Api%20%26%20more%22%2C%20host%3D~%22dex-.*%22",
        "/incidents?state=all&severity=P0&q=%25%2B%23",
        "/runbooks/Api%20x",
    ],
)
async def test_sign_in_leads_back_to_the_very_address(outsider, address):
    asked = await outsider.get(address)
    target = parse_qs(urlsplit(asked.headers["location"]).query)["back"][0]
    assert target == address
    page = await outsider.get(asked.headers["location"])
    fields = {"name": "ana", "password": PASSWORD, "form_token": token_of(page), "back": target}
    assert (await outsider.post("/sign-in", data=fields)).headers["location"] == address
    outsider.cookies.clear()
    again = await outsider.get(address, headers={"sec-fetch-site": "cross-site"})
    assert f'url={address.replace("&", "&amp;")}"' in again.text


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


async def test_a_flood_from_one_address_is_refused(outsider):
    page = await outsider.get("/sign-in")
    fields = {"password": "wrong", "form_token": token_of(page), "back": "/"}
    answers = await asyncio.gather(
        *(outsider.post("/sign-in", data={**fields, "name": f"n-{n}"}) for n in range(15))
    )
    refused = [answer for answer in answers if answer.status_code == 503]
    assert len(refused) == 15 - MOST_OF_ADDRESS
    assert all(int(answer.headers["retry-after"]) > 0 for answer in refused)


async def test_failures_from_elsewhere_lock_nobody_out(outsider, parts):
    for _ in range(8):
        await sign_in(outsider, "ana", "wrong")
    assert (await sign_in(outsider)).status_code == 429
    async with browser(parts[0], "10.0.0.7") as on_call:
        assert (await sign_in(on_call)).status_code == 303


async def test_floods_from_two_addresses_keep_nobody_out(parts):
    """Each of seven right sign-ins from a third address gets in while the flood goes on."""
    stop = asyncio.Event()

    async def flood(address):
        async with browser(parts[0], address) as client:
            page = await client.get("/sign-in")
            fields = {"password": "wrong", "form_token": token_of(page), "back": "/"}
            number = 0
            while not stop.is_set():
                number += 20
                names = [f"n-{number + n}" for n in range(20)]
                await asyncio.gather(
                    *(client.post("/sign-in", data={**fields, "name": name}) for name in names)
                )

    floods = [asyncio.create_task(flood(address)) for address in ("10.0.0.1", "10.0.0.2")]
    try:
        async with asyncio.timeout(60):
            for n in range(7):
                async with browser(parts[0], f"10.0.1.{n}") as on_call:
                    assert (await sign_in(on_call, "cy")).status_code == 303
    finally:
        stop.set()
        await asyncio.gather(*floods)


async def test_a_browser_that_signed_in_before_has_a_lane_of_its_own(parts):
    """Behind a proxy that tells no address, somebody else's failures do not count against it."""
    async with browser(parts[0]) as ana, browser(parts[0]) as guesser:
        assert (await sign_in(ana)).status_code == 303
        ana.cookies.delete("dexwatch")
        for _ in range(6):
            await sign_in(guesser, "ana", "wrong")
        assert (await sign_in(guesser)).status_code == 429
        assert (await sign_in(ana)).status_code == 303
        # Its own failures do, and then it is a browser like any other.
        ana.cookies.delete("dexwatch")
        for _ in range(5):
            assert (await sign_in(ana, "ana", "wrong")).status_code == 401
        assert (await sign_in(ana)).status_code == 429


async def test_a_known_browser_is_known_for_its_user_and_password_only(parts, tmp_path):
    async with browser(parts[0]) as ana, browser(parts[0]) as guesser:
        assert (await sign_in(ana)).status_code == 303
        known = ana.cookies["dexwatch-known"]
        for name in ("ana", "cy"):
            for _ in range(5):
                await sign_in(guesser, name, "wrong")
        guesser.cookies.set("dexwatch-known", known)
        assert (await sign_in(guesser, "cy")).status_code == 429
        write(tmp_path / "users.json", "ana", PASSWORD, Role.OPERATOR)
        assert (await sign_in(guesser)).status_code == 429


async def test_a_form_fits_its_own_cookie_and_for_an_hour(parts):
    async with browser(parts[0]) as one, browser(parts[0]) as other:
        page, _ = await one.get("/sign-in"), await other.get("/sign-in")
        fields = {"name": "ana", "password": PASSWORD, "form_token": token_of(page), "back": "/"}
        assert (await other.post("/sign-in", data=fields)).status_code == 403
        made_up = {**fields, "form_token": one.cookies["dexwatch-form"]}
        assert (await one.post("/sign-in", data=made_up)).status_code == 403
        parts[4][0] += timedelta(minutes=61)
        assert (await one.post("/sign-in", data=fields)).status_code == 403


async def test_sign_in_needs_a_form_of_ours(outsider):
    answer = await outsider.post("/sign-in", data={"name": "ana", "password": PASSWORD})
    assert answer.status_code == 403


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
