"""Signing in: who gets in, who must wait, and that nobody can lock another out."""

import asyncio
from collections import Counter
from datetime import timedelta

import pytest

from dexwatch.console.pages.signin import MOST_WAITING_OF_ONE
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
