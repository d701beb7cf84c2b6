"""Users, sessions and the throttle: bounded, expiring, and quiet about secrets."""

from datetime import UTC, datetime, timedelta

import pytest

from dexwatch.console.access.sessions import MOST_SESSIONS, Sessions
from dexwatch.console.access.throttle import MOST_KEYS, Throttle
from dexwatch.console.access.users import Role, Users, UsersError, read, write

START = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


@pytest.fixture
def moment():
    return [START]


@pytest.fixture
def sessions(moment):
    return Sessions(lasts=timedelta(hours=12), idle=timedelta(hours=2), now=lambda: moment[0])


def test_a_session_lasts_while_it_is_used_but_not_for_ever(sessions, moment):
    token = sessions.open("ana", Role.OPERATOR)
    for _ in range(12):
        assert sessions.find(token)
        moment[0] += timedelta(hours=1)
    moment[0] += timedelta(minutes=1)
    assert sessions.find(token) is None


def test_an_idle_session_ends(sessions, moment):
    token = sessions.open("ana", Role.OPERATOR)
    moment[0] += timedelta(hours=2, minutes=1)
    assert not sessions.alive(token)
    assert sessions.find(token) is None


def test_sessions_are_bounded_and_the_oldest_goes(sessions):
    first = sessions.open("ana", Role.OPERATOR)
    for _ in range(MOST_SESSIONS):
        last = sessions.open("cy", Role.VIEWER)
    assert sessions.find(first) is None
    assert sessions.find(last)


def test_a_session_shows_no_token(sessions):
    session = sessions.find(sessions.open("ana", Role.OPERATOR))
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


def test_the_throttle_is_bounded(moment):
    throttle = Throttle(failures=1, within=timedelta(minutes=5), now=lambda: moment[0])
    for n in range(MOST_KEYS + 10):
        throttle.failed(f"name {n}")
    assert throttle.wait("name 0") is None
    assert throttle.wait(f"name {MOST_KEYS + 9}") is not None


def test_a_user_is_written_found_and_changed(tmp_path):
    file = tmp_path / "users.json"
    write(file, "ana", "one", Role.VIEWER)
    assert oct(file.stat().st_mode)[-3:] == "600"
    users = Users(file)
    assert users.check("ana", "one")
    assert users.check("ana", "two") is None
    write(file, "ana", "a longer one", Role.OPERATOR)
    user = users.check("ana", "a longer one")
    assert user
    assert user.role is Role.OPERATOR
    assert user.hash not in repr(user)


def test_a_broken_file_keeps_the_users_that_were_known(tmp_path):
    file = tmp_path / "users.json"
    write(file, "ana", "one")
    users = Users(file)
    assert users.find("ana")
    file.write_text('{"users": [{"name": "ana", "hash": "$argon2id$secret"}]}')
    assert users.find("ana")
    with pytest.raises(UsersError) as error:
        read(file)
    assert "secret" not in str(error.value)
    assert "users.0.role" in str(error.value)


def test_without_a_file_nobody_gets_in(tmp_path):
    assert Users(tmp_path / "none.json").check("ana", "one") is None
