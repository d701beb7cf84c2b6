"""Where a process of ours writes what happens, and when it stops or reads its settings anew."""

import asyncio
import contextlib
import io
import json
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dexwatch.roles import process
from dexwatch.roles.reload.answer import answered
from tests.fakes.need import free_port
from tests.fakes.patience import until


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    for handler in root.handlers:
        if handler not in handlers:
            handler.close()
    root.handlers[:], root.level = handlers, level
    structlog.reset_defaults()


def test_log_of_a_terminal_begins_anew_and_is_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "LOG_BYTES", 2_000)
    file = tmp_path / "logs" / "up.log"
    file.parent.mkdir()
    file.write_text("of yesterday\n")

    process.log_to_file(file)
    log = structlog.get_logger("dexwatch.test")
    for number in range(200):
        log.info("counted", number=number)

    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert lines[-1]["number"] == 199
    assert sum(one.stat().st_size for one in file.parent.iterdir()) < 5_000
    assert {one.name for one in file.parent.iterdir()} == {"up.log", "up.log.1"}


def test_the_log_before_is_kept_also_for_who_still_writes_it(tmp_path: Path) -> None:
    file = tmp_path / "up.log"
    with file.open("w") as earlier:
        process.log_to_file(file)
        earlier.write("still running\n")

    assert (tmp_path / "up.log.1").read_text() == "still running\n"
    assert file.read_text() == ""


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(st.characters(exclude_categories=())))
def test_any_text_can_be_logged_and_ours_is_one_line_of_json(text: str) -> None:
    written = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", newline="")
    process.log_to(written)
    structlog.get_logger().error(text, alert=text)
    logging.StreamHandler(process._NeverFails(written)).emit(
        logging.makeLogRecord({"msg": text, "levelno": logging.ERROR})
    )
    first, *_ = written.buffer.getvalue().splitlines()
    assert json.loads(first)["alert"] == text
    assert text.encode(errors="backslashreplace") in written.buffer.getvalue()


def test_warnings_of_libraries_are_logged(tmp_path: Path) -> None:
    process.log_to_file(tmp_path / "up.log")

    logging.getLogger("httpx").info("a request")
    logging.getLogger("httpx").warning("a broken certificate")

    assert (tmp_path / "up.log").read_text() == "a broken certificate\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_signals_to_stop(number: signal.Signals) -> None:
    stop = process.stop_event()

    os.kill(os.getpid(), number)

    await asyncio.wait_for(stop.wait(), 5)
    asyncio.get_running_loop().remove_signal_handler(number)


@pytest.mark.parametrize(
    ("terminal", "stops"), [((True, True), False), ((True, False), True), ((False, False), False)]
)
async def test_hang_up_reloads_but_a_closed_terminal_ends(
    monkeypatch: pytest.MonkeyPatch, terminal: tuple[bool, bool], stops: bool
) -> None:
    answers = iter(terminal)
    monkeypatch.setattr(process, "_has_terminal", lambda: next(answers))
    stop = asyncio.Event()
    again = process.reload_event(stop)

    os.kill(os.getpid(), signal.SIGHUP)

    await asyncio.wait_for((stop if stops else again).wait(), 5)
    assert (stop.is_set(), again.is_set()) == (stops, not stops)
    asyncio.get_running_loop().remove_signal_handler(signal.SIGHUP)


async def test_hang_up_while_a_role_begins_is_kept_and_answered(tmp_path: Path) -> None:
    file = tmp_path / "dexwatch.yml"
    file.write_text(
        "name: ana-dex\nrespond: {hook_token: a-long-enough-token-for-tests}\n"
        f"watch: {{port: {free_port()}}}\n"
    )
    role = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "dexwatch.roles", "watch", str(file), stderr=subprocess.DEVNULL
    )
    try:
        # From its first line on; its imports take long, and it listens to signals after them.
        await until(lambda: _holds_back(role.pid, signal.SIGHUP))
        role.send_signal(signal.SIGHUP)

        run = tmp_path / "dexwatch-state" / "run"
        given = await until(lambda: answered(run, name="reload-watch.json"), seconds=60)

        assert given.good
        role.terminate()
        assert await asyncio.wait_for(role.wait(), 30) == 0
    finally:
        if role.returncode is None:
            role.kill()
            await role.wait()


def _holds_back(pid: int, number: signal.Signals) -> bool:
    status = Path(f"/proc/{pid}/status").read_text()
    blocked = next(line for line in status.splitlines() if line.startswith("SigBlk:"))
    return bool(int(blocked.split()[1], 16) >> (number - 1) & 1)


def test_a_log_that_cannot_be_written_ends_nothing_and_tells_what_is_missing(
    small_disk: Path,
) -> None:
    """On a full disk a role that died of a log line would tell nobody of the full disk."""
    with (small_disk / "role.log").open("w") as stream:
        process.log_to(stream)
        log = structlog.get_logger("dexwatch.test")
        with contextlib.suppress(OSError), (small_disk / "fill").open("wb", buffering=0) as fill:
            while fill.write(b"x" * 4096):
                pass
        for number in range(100):
            log.error("lost", number=number, text="y" * 1000)
        (small_disk / "fill").unlink()
        log.error("room again")

    lines = (small_disk / "role.log").read_text().splitlines()
    assert json.loads(lines[-1])["event"] == "room again"
    assert any('"log.lines_missing"' in line for line in lines)


def test_a_store_that_cannot_be_opened_is_told_in_a_line_with_its_remedy(tmp_path: Path) -> None:
    # Root may open any file, but nobody opens a folder as a database.
    (tmp_path / "state" / "dexwatch.sqlite").mkdir(parents=True)
    file = tmp_path / "dexwatch.yml"
    file.write_text(f"name: a\nfolder: ./state\nrespond: {{hook_token: {'h' * 32}}}\n")
    argv = (sys.executable, "-m", "dexwatch.roles", "respond", str(file))
    ended = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 1
    said = [line for line in ended.stderr.splitlines() if line.startswith("the database refused")]
    assert len(said) == 1
    assert "may this user read and write the database" in said[0]
