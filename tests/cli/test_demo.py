"""`dexwatch demo` before anything runs: what it writes, and what it leaves alone."""

import logging
from collections.abc import Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import structlog

from dexwatch.cli import app
from dexwatch.daemons.program import DaemonError
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


def test_its_log_lies_in_its_folder_and_a_file_beside_it_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    @asynccontextmanager
    async def no_chain(*_: Any) -> Any:
        raise DaemonError("no chain today")
        yield

    monkeypatch.setattr(sample_run, "sample_chain", no_chain)
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
    assert log.read_text() == "years of work"
