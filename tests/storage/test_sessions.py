"""Sign-in sessions over both databases."""

from dexwatch.storage.sessions import Session, SqlSessionStore
from dexwatch.storage.store import SqlStore
from tests.fakes.alerts import at


async def test_a_session_lives_until_it_expires_or_is_ended(store: SqlStore) -> None:
    sessions = SqlSessionStore(store.database)
    await sessions.add(Session("h1", "ana", "c1", at(0), at(100)))
    await sessions.add(Session("h2", "ana", "c2", at(1), at(100)))
    await sessions.add(Session("h3", "bo", "c3", at(2), at(100)))
    assert (await sessions.get("h1", at(99))).csrf == "c1"
    assert await sessions.get("h1", at(100)) is None
    await sessions.extend("h1", at(200))
    assert await sessions.get("h1", at(150)) is not None
    await sessions.end("h1")
    assert await sessions.get("h1", at(3)) is None
    assert await sessions.end_all("ana") == 1
    assert await sessions.get("h3", at(3)) is not None


async def test_a_new_session_sweeps_away_the_expired_ones(store: SqlStore) -> None:
    sessions = SqlSessionStore(store.database)
    await sessions.add(Session("old", "ana", "c", at(0), at(10)))
    await sessions.add(Session("new", "ana", "c", at(20), at(30)))
    assert await sessions.get("old", at(5)) is None
