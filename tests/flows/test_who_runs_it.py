"""`dexwatch up` by root and by a stranger to the checkout: all that runs is without rights."""

import os
import pwd
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest

from dexwatch.roles.registry import ROLES
from tests.fakes.need import free_port, missing
from tests.fakes.patience import until

pytestmark = [pytest.mark.flow, pytest.mark.timeout(180)]

USER = "nobody"
CONFIG = """
name: who-runs-it
base_port: {port}
folder: home/state
respond: {{hook_token_file: hook.token}}
daemons:
  user: {user}
  probes: [{{name: console, kind: tcp, target: "127.0.0.1:{port}"}}]
"""
PROGRAMS = {
    "prometheus",
    "prometheus-alertmanager",
    "prometheus-node-exporter",
    "prometheus-blackbox-exporter",
}


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder of root's that everybody can walk to, which is not true of pytest's own."""
    if os.geteuid() != 0:
        missing("only root can start it as root and as another user")
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o711)
        yield Path(name)


@pytest.fixture
def python() -> tuple[str, dict[str, str]]:
    """An interpreter that the user may run, and the environment in which it finds dexwatch."""
    version = f"import sys; assert sys.version_info[:2] == {sys.version_info[:2]}"
    paths = os.pathsep.join(path for path in sys.path if path.endswith(("src", "site-packages")))
    for found in (sys.executable, "/usr/bin/python3"):
        with suppress(OSError, subprocess.CalledProcessError):
            subprocess.run([found, "-c", version], user=USER, check=True, capture_output=True)
            return found, {"PYTHONPATH": paths}
    missing(f"{USER} may run no Python of this version")
    raise AssertionError


def write(file: Path, text: str) -> None:
    file.write_text(text)
    os.chown(file, 0, pwd.getpwnam(USER).pw_gid)
    file.chmod(0o640)


@contextmanager
def up(
    place: Path, user: str | None, python: tuple[str, dict[str, str]]
) -> Iterator[psutil.Process]:
    """Run `dexwatch up` as root or as that user, whose home and groups are its own."""
    home = {"HOME": "/nonexistent", "USER": user} if user else {}
    with (place / "up.log").open("wb") as log:
        process = subprocess.Popen(
            [python[0], "-m", "dexwatch", "up", "-c", str(place / "dexwatch.yml")],
            cwd=place,
            env=os.environ | python[1] | home,
            stdout=log,
            stderr=log,
            start_new_session=True,
            user=user,
            group=pwd.getpwnam(user).pw_gid if user else None,
            extra_groups=[] if user else None,
        )
        try:
            yield psutil.Process(process.pid)
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(40)


async def ready(place: Path, process: psutil.Process) -> None:
    """Wait until `up` says that every role and program answers."""

    def said() -> bool:
        log = (place / "up.log").read_text()
        assert process.status() != psutil.STATUS_ZOMBIE, log
        return "up.ready" in log

    await until(said, 90, every=0.2, why="all is ready")


def rights_of(process: psutil.Process) -> set[int]:
    """Return the users and groups of a process: real, effective, saved and further ones."""
    lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    return {
        int(word)
        for line in lines
        if line.startswith(("Uid:", "Gid:", "Groups:"))
        for word in line.split()[1:]
    }


@pytest.mark.parametrize("starter", [None, USER], ids=["root", "stranger"])
async def test_whoever_starts_it_all_runs_without_rights_in_a_private_folder(
    place: Path, python: tuple[str, dict[str, str]], starter: str | None
) -> None:
    entry, state = pwd.getpwnam(USER), place / "home" / "state"
    write(place / "hook.token", "a-long-enough-token-for-somebody\n")
    write(place / "dexwatch.yml", CONFIG.format(port=free_port(), user="" if starter else USER))
    state.parent.mkdir()
    if starter:
        os.chown(state.parent, entry.pw_uid, entry.pw_gid)

    with up(place, starter, python) as process:
        await ready(place, process)
        running = [process, *process.children(recursive=True)]
        names = {Path(each.cmdline()[0]).name for each in running}
        words = {word for each in running for word in each.cmdline()}
        rights = {id_ for each in running for id_ in rights_of(each)}

    assert names >= PROGRAMS
    assert words >= {spec.name for spec in ROLES}
    assert rights == {entry.pw_uid, entry.pw_gid}
    kept = [state, *state.rglob("*")]
    assert {each.lstat().st_uid for each in kept} == {entry.pw_uid}
    assert state.stat().st_mode & 0o777 == 0o700
    assert not [each for each in kept if not each.is_symlink() and each.stat().st_mode & 0o002]
