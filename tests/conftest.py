"""What all tests share: ports, the home folder, real programs, and no process left behind."""

import functools
import gc
import os
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from hypothesis import HealthCheck, settings

from dexwatch.storage import store
from tests.fakes import need
from tests.fakes.new_database import Copies
from tests.fakes.record import pytest_runtest_logreport, pytest_unconfigure

__all__ = ["pytest_runtest_logreport", "pytest_unconfigure"]

ROOT = Path(__file__).resolve().parents[1]
SESSION = "DEXWATCH_TEST_SESSION"
LAST = ("slow", "browser", "flow")
"""Markers of slow tests, in the order in which they come after all others."""
GRACE_SECONDS = 3.0

# How long an example takes says something of the machine, not of what is tested.
settings.register_profile(
    "any machine", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any machine")


@pytest.fixture
def free_port() -> int:
    """A loopback port that nobody listened on a moment ago."""
    return need.free_port()


@pytest.fixture(scope="session", autouse=True)
def new_databases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Let the migrations make one database, of which each new store gets a copy."""
    copies = Copies(tmp_path_factory.mktemp("schema"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(store, "open_database", copies.open_database)
        yield


@pytest.fixture(scope="session", autouse=True)
def shared_authorities() -> Iterator[None]:
    """Let the clients of tests share the public authorities, which take 25 ms to read."""
    read = functools.cache(httpx.create_ssl_context)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("httpx._transports.default.create_ssl_context", read)
        yield


@pytest.fixture(scope="session")
def home() -> Path:
    """The folder that set-up fills with scripts, programs and artefacts."""
    folder = Path(os.environ.get("DEXWATCH_HOME", ROOT / ".dexwatch"))
    if not folder.is_dir():
        need.missing(f"{folder} is missing: run make setup")
    return folder


@pytest.fixture(scope="session")
def require(home: Path) -> Callable[[str], str]:
    """Returns the path of a program; where it is missing, skips locally and fails in CI."""

    def find(name: str) -> str:
        servers = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
        return need.program(name, home / "bin", *servers, Path("/usr/sbin"))

    return find


def pytest_configure(config: pytest.Config) -> None:
    """Mark the environment, so that what a test starts can be told from all else.

    The workers of a parallel run keep the mark of the process that started them.
    """
    if not _is_worker(config):
        os.environ[SESSION] = uuid.uuid4().hex


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Run the quick tests first; side by side the slow ones, so that none ends alone."""

    def rank(item: pytest.Item) -> int:
        return max(
            (LAST.index(mark.name) + 1 for mark in item.iter_markers() if mark.name in LAST),
            default=0,
        )

    items.sort(key=rank, reverse=_is_worker(config))


def pytest_collection_finish() -> None:
    """Let no collection of garbage look again at what lives to the end: modules and tests."""
    gc.freeze()


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail a session that leaves processes behind, however they were started or adopted."""
    if _is_worker(session.config):
        return
    deadline = time.monotonic() + GRACE_SECONDS
    while (left := list(_left_behind())) and time.monotonic() < deadline:
        time.sleep(0.1)
    if left:
        lines = "\n".join(f"  {pid}: {command}" for pid, command in left)
        reporter = session.config.pluginmanager.get_plugin("terminalreporter")
        if reporter is not None:
            reporter.write_line(f"\nThe tests left processes behind:\n{lines}", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _is_worker(config: pytest.Config) -> bool:
    return hasattr(config, "workerinput")


def _left_behind() -> Iterator[tuple[int, str]]:
    """Yield process id and command of all others that carry this session's mark."""
    mark = f"{SESSION}={os.environ[SESSION]}".encode()
    for folder in Path("/proc").glob("[0-9]*"):
        pid = int(folder.name)
        try:
            if pid == os.getpid() or mark not in (folder / "environ").read_bytes().split(b"\0"):
                continue
            if (folder / "stat").read_text().rpartition(")")[2].split()[0] == "Z":
                continue
            command = (
                (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            )
        except OSError:
            continue  # It ended while we looked, or belongs to somebody else.
        yield pid, command[:200]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Return a folder on a file system of 256 kB, which a test can fill."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = [need.program("mount"), "-t", "tmpfs", "-o", "size=256k", "none", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        need.missing("a small file system cannot be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)
