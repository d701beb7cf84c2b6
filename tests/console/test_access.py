"""Sessions and the throttle: bounded, expiring, and quiet about secrets."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from dexwatch.console.access.bodies import BoundedBodies
from dexwatch.console.access.sessions import FRESH, MOST_OF_USER, Sessions
from dexwatch.console.access.throttle import LONGEST_DELAY, MOST_KEYS, Throttle
from dexwatch.console.access.users import Role, Users, UsersError, sign_out, write
from dexwatch.response.store import StoreUnavailableError
from dexwatch.storage.sessions import SqlSessionStore
from dexwatch.storage.store import open_store

PROVES = ("K-RBAC",)
"""Requirements that these tests prove, for `dexwatch coverage`."""


START = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


@pytest.fixture
def moment():
    return [START]


class Flaky:
    """The real store, until it is told to be gone; counts how often it is read."""

    def __init__(self, store):
        self._store, self.gone, self.reads, self.writes = store, False, 0, 0

    async def add(self, token_hash, **values):
        await self._store.add(token_hash, **values)

    async def get(self, token_hash, now):
        self.reads += 1
        if self.gone:
            raise StoreUnavailableError("gone")
        return await self._store.get(token_hash, now)

    async def extend(self, token_hash, until):
        self.writes += 1
        await self._store.extend(token_hash, until)

    async def end(self, token_hash):
        await self._store.end(token_hash)


@pytest.fixture
async def store(tmp_path):
    opened = await open_store(f"sqlite+aiosqlite:///{tmp_path / 'dexwatch.sqlite'}")
    yield Flaky(SqlSessionStore(opened.database))
    await opened.close()


@pytest.fixture
def console(tmp_path, moment, store):
    """Make one of several consoles over the same database and users file."""
    write(tmp_path / "users.json", "ana", "one", Role.OPERATOR)
    lasts, idle = timedelta(hours=12), timedelta(hours=2)

    def make():
        users = Users(tmp_path / "users.json")
        return Opened(store, users, lasts=lasts, idle=idle, now=lambda: moment[0], most_kept=3)

    return make


class Opened(Sessions):
    """Opens sessions by name."""

    async def open(self, name):
        return await super().open(self._users.find(name))


@pytest.fixture
def sessions(console):
    return console()


async def test_a_session_lasts_while_it_is_used_but_not_for_ever(sessions, moment):
    token = await sessions.open("ana")
    for _ in range(12):
        assert await sessions.find(token)
        moment[0] += timedelta(hours=1)
    moment[0] += timedelta(minutes=1)
    assert await sessions.find(token) is None


async def test_an_idle_session_ends(sessions, moment):
    token = await sessions.open("ana")
    moment[0] += timedelta(hours=2, minutes=1)
    assert not await sessions.alive(token)
    assert await sessions.find(token) is None


async def test_an_open_page_does_not_keep_a_session_alive(sessions, moment):
    token = await sessions.open("ana")
    for _ in range(5):
        moment[0] += timedelta(minutes=30)
        alive = await sessions.alive(token)
    assert not alive


async def test_another_console_knows_the_session_and_learns_of_its_end(console, moment):
    one, other = console(), console()
    token = await one.open("ana")
    assert (await other.find(token)).user == "ana"
    await one.close(token)
    assert await one.find(token) is None
    moment[0] += FRESH + timedelta(seconds=1)
    assert await other.find(token) is None


async def test_busy_pages_hardly_ask_the_database(sessions, store, moment):
    token = await sessions.open("ana")
    for _ in range(100):
        assert await sessions.find(token)
        moment[0] += timedelta(milliseconds=100)
    assert store.reads <= 4
    assert store.writes == 0


async def test_made_up_tokens_are_not_remembered(sessions):
    token = await sessions.open("ana")
    assert await sessions.find(token)
    for n in range(20):
        assert await sessions.find(f"made up {n}") is None
    assert len(sessions._kept) == 1


async def test_what_is_remembered_is_bounded(sessions):
    for _ in range(5):
        assert await sessions.find(await sessions.open("ana"))
    assert len(sessions._kept) == 3


async def test_a_known_session_outlives_a_short_loss_of_the_database(sessions, store, moment):
    token = await sessions.open("ana")
    assert await sessions.find(token)
    store.gone = True
    moment[0] += timedelta(minutes=1)
    assert await sessions.find(token)
    moment[0] += timedelta(minutes=2)
    with pytest.raises(StoreUnavailableError):
        await sessions.find(token)
    assert await sessions.alive(token), "an open page stays and says what is wrong"


async def test_who_leaves_the_users_file_is_signed_out(sessions, tmp_path):
    token = await sessions.open("ana")
    (tmp_path / "users.json").unlink()
    assert await sessions.find(token) is None


async def test_a_role_in_the_users_file_holds_at_once(sessions, tmp_path):
    file = tmp_path / "users.json"
    token = await sessions.open("ana")
    file.write_text(file.read_text().replace("operator", "viewer"))
    assert not (await sessions.find(token)).may_act


async def test_a_new_password_ends_the_sessions_from_before(sessions, tmp_path):
    token = await sessions.open("ana")
    write(tmp_path / "users.json", "ana", "two", Role.OPERATOR)
    assert await sessions.find(token) is None
    assert await sessions.find(await sessions.open("ana"))


async def test_a_user_who_is_created_anew_revives_no_session(sessions, tmp_path):
    token = await sessions.open("ana")
    (tmp_path / "users.json").unlink()
    assert await sessions.find(token) is None
    write(tmp_path / "users.json", "ana", "one", Role.OPERATOR)
    assert await sessions.find(token) is None


async def test_to_sign_out_ends_all_sessions_of_one_user(sessions, tmp_path, moment):
    write(tmp_path / "users.json", "bo", "one", Role.VIEWER)
    ana, bo = await sessions.open("ana"), await sessions.open("bo")
    sign_out(tmp_path / "users.json", "ana", at=moment[0])
    assert await sessions.find(ana) is None
    assert await sessions.find(bo)
    with pytest.raises(UsersError, match="no user cy"):
        sign_out(tmp_path / "users.json", "cy", at=moment[0])


async def test_a_token_of_one_user_opens_nothing_of_another(sessions, tmp_path):
    write(tmp_path / "users.json", "bo", "one", Role.OPERATOR)
    token = await sessions.open("bo")
    assert await sessions.find(token.replace("bo.", "ana.", 1)) is None
    for odd in ("", ".", "ana", "ana.", "\x00.x", "ana." + "\ud800"):
        assert await sessions.find(odd) is None


async def test_sessions_of_a_user_are_bounded_and_the_oldest_ends(sessions, moment):
    tokens = []
    for _ in range(MOST_OF_USER + 2):
        tokens.append(await sessions.open("ana"))
        moment[0] += timedelta(seconds=10)
    assert [bool(await sessions.find(token)) for token in tokens] == [False] * 2 + [
        True
    ] * MOST_OF_USER


async def test_a_session_shows_no_token(sessions):
    session = await sessions.find(await sessions.open("ana"))
    assert session.form_token not in repr(session)


def test_failures_must_wait_and_are_forgotten_in_time(moment):
    throttle = Throttle(failures=3, within=timedelta(minutes=5), now=lambda: moment[0])
    for _ in range(3):
        assert throttle.wait("ana") is None
        throttle.failed("ana", "127.0.0.1")
    assert throttle.wait("ana") == timedelta(minutes=5)
    assert throttle.wait("bo") is None
    moment[0] += timedelta(minutes=5)
    assert throttle.wait("ana") is None


def test_a_delay_grows_stays_short_and_ends(moment):
    throttle = Throttle(failures=3, within=timedelta(minutes=5), now=lambda: moment[0])
    delays = []
    for _ in range(40):
        delays.append(throttle.delay("name ana", "address a"))
        throttle.failed("name ana")
    assert delays[:5] == [0, 0, 0, 0.25, 0.5]
    assert max(delays) == delays[-1] == LONGEST_DELAY <= 5
    moment[0] += timedelta(minutes=5)
    assert throttle.delay("name ana") == 0


async def test_a_body_that_comes_too_slowly_is_408():
    sent = []

    async def never():
        await asyncio.sleep(60)

    async def send(message):
        sent.append(message)

    async def site(scope, receive, send):
        pytest.fail("reached the site")

    scope = {"type": "http", "method": "POST", "headers": [(b"content-length", b"10")]}
    await BoundedBodies(site, seconds=0.05)(scope, never, send)
    assert sent[0]["status"] == 408


def test_the_throttle_is_bounded(moment):
    throttle = Throttle(failures=1, within=timedelta(minutes=5), now=lambda: moment[0])
    for n in range(MOST_KEYS + 10):
        throttle.failed(f"name {n}")
    assert throttle.wait("name 0") is None
    assert throttle.wait(f"name {MOST_KEYS + 9}") is not None
