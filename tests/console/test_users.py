"""The users file: private, whole, and known while it is broken."""

import os
from datetime import UTC, datetime

import pytest

from dexwatch.console.access.users import Role, Users, UsersError, read, sign_out, write

START = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


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


def test_a_file_of_users_is_private_whatever_it_was(tmp_path):
    file = tmp_path / "users.json"
    write(file, "ana", "one")
    file.chmod(0o644)
    write(file, "ben", "two")
    assert file.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["users.json"]


def test_who_could_read_the_file_still_can_when_a_user_is_added(tmp_path):
    file = tmp_path / "users.json"
    write(file, "ana", "one")
    if os.geteuid() == 0:
        os.chown(file, 12345, 54321)
    file.chmod(0o640)
    before = file.stat()
    write(file, "ben", "two")
    sign_out(file, "ana", at=START)
    after = file.stat()
    kept = (before.st_uid, before.st_gid, before.st_mode)
    assert (after.st_uid, after.st_gid, after.st_mode) == kept


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
