"""`dexwatch demo` before anything runs: what it writes, and what it leaves alone."""

import logging
import os
import socket
from collections.abc import Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import structlog

from dexwatch.cli import app
from dexwatch.cli.demo import scenario_command, start_command
from dexwatch.daemons.program import DaemonError
from dexwatch.demo import config
from dexwatch.demo import run as sample_run
from tests.fakes.command_line import run


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    for handler in root.handlers:
        if handler not in handlers:
            handler.close()
    root.handlers[:], root.level = handlers, level
    structlog.reset_defaults()


@pytest.fixture
def without_chain(monkeypatch: pytest.MonkeyPatch) -> None:
    @asynccontextmanager
    async def no_chain(*_: Any) -> Any:
        raise DaemonError("no chain today")
        yield

    monkeypatch.setattr(sample_run, "sample_chain", no_chain)


@pytest.mark.usefixtures("without_chain")
def test_why_the_console_is_not_at_its_usual_port_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]
        monkeypatch.setattr(config, "CONSOLE_PORT", port)
        result = run(app, ["demo", "--folder", str(tmp_path / "demo")])

    assert f"port {port} is taken by " in result.output


@pytest.mark.usefixtures("without_chain")
def test_its_log_lies_in_its_folder_and_a_file_beside_it_stays(tmp_path: Path) -> None:
    beside = tmp_path / "demo.log"
    beside.write_text("years of work")

    result = run(app, ["demo", "--folder", str(tmp_path / "demo")])

    assert "no chain today" in result.output
    assert beside.read_text() == "years of work"
    assert (tmp_path / "demo" / "demo.log").is_file()


def test_a_folder_of_somebody_else_keeps_its_log(tmp_path: Path) -> None:
    log = tmp_path / "demo.log"
    log.write_text("years of work")

    result = run(app, ["demo", "--folder", str(tmp_path)])

    assert result.exit_code == 1
    assert "--folder" in result.output
    assert "Logs lie" not in result.output
    assert log.read_text() == "years of work"


@pytest.mark.usefixtures("without_chain")
@pytest.mark.parametrize("port", ["0", "99999", "-1"])
def test_a_port_that_cannot_be_is_refused(port: str, tmp_path: Path) -> None:
    result = run(app, ["demo", "--folder", str(tmp_path / "demo"), "--port", port])

    assert result.exit_code == 2
    assert "--port" in result.output
    assert not (tmp_path / "demo").exists()


def test_a_port_that_is_taken_is_refused_with_its_holder(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]
        result = run(app, ["demo", "--folder", str(tmp_path / "demo"), "--port", str(port)])

    assert result.exit_code == 2
    assert f"--port {port} is taken by " in result.output
    assert f"(pid {os.getpid()})" in result.output
    assert not (tmp_path / "demo").exists()


@pytest.mark.parametrize(
    ("by_make", "folder", "breaks", "starts"),
    [
        (False, "var/demo", "dexwatch scenario api-slow --seconds 60", "dexwatch demo"),
        (
            False,
            "/srv/two words",
            "dexwatch scenario api-slow --seconds 60 --folder '/srv/two words'",
            "dexwatch demo --folder '/srv/two words'",
        ),
        (True, "var/demo", "make scenario NAME=api-slow", "make run"),
        (
            True,
            "/srv/two",
            "make scenario NAME=api-slow ARGS='--folder /srv/two'",
            "make run ARGS='--folder /srv/two'",
        ),
    ],
)
def test_what_is_to_be_typed_names_the_folder_and_the_way_of_the_one_who_typed(
    monkeypatch: pytest.MonkeyPatch, *, by_make: bool, folder: str, breaks: str, starts: str
) -> None:
    monkeypatch.setenv("MAKELEVEL", "1" if by_make else "")
    monkeypatch.setattr("shutil.which", lambda _: "/usr/bin/dexwatch")

    assert scenario_command(Path(folder)) == breaks
    assert start_command(Path(folder)) == starts
