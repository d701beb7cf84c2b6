"""Sign-in sessions over both databases."""

from typing import Any

from dexwatch.storage.sessions import SqlSessionStore
from dexwatch.storage.store import SqlStore
from tests.fakes.alerts import at


async def test_a_session_lives_until_it_expires_or_is_ended(store: SqlStore) -> None:
    sessions = SqlSessionStore(store.database)
    await sessions.add("h1", **_session("ana", "c1", begins=0, ends=100))
    await sessions.add("h2", **_session("ana", "c2", begins=1, ends=100))
    await sessions.add("h3", **_session("bo", "c3", begins=2, ends=100))
    assert (await sessions.get("h1", at(99))).csrf == "c1"
    assert await sessions.get("h1", at(100)) is None
    await sessions.extend("h1", at(200))
    assert await sessions.get("h1", at(150)) is not None
    await sessions.end("h1")
    assert await sessions.get("h1", at(3)) is None
    assert await sessions.get("h3", at(3)) is not None


async def test_a_new_session_sweeps_away_the_expired_ones(store: SqlStore) -> None:
    sessions = SqlSessionStore(store.database)
    await sessions.add("old", **_session("ana", "c", begins=0, ends=10))
    await sessions.add("new", **_session("ana", "c", begins=20, ends=30))
    assert await sessions.get("old", at(5)) is None


def _session(username: str, csrf: str, *, begins: int, ends: int) -> dict[str, Any]:
    return {
        "username": username,
        "csrf": csrf,
        "created_at": at(begins),
        "expires_at": at(ends),
    }
