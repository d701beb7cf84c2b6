"""Whatever stands where a file is named: reading it ends soon, is bounded and says what is wrong.

A pipe, a device, a folder, a file of gigabytes or no text at all: names come from settings, from
the command line and from folders that others can write into.
"""

import ast
import os
from collections.abc import Callable
from pathlib import Path

import pytest

import dexwatch
from dexwatch.bounded_file import read_file
from dexwatch.cli.check import findings_of
from dexwatch.clients.access import Access
from dexwatch.clients.http import HttpClient, SourceError
from dexwatch.collectors.lp_checkpoint import LpCheckpointFile
from dexwatch.console.access.users import Users, UsersError, read, sign_out, write
from dexwatch.daemons.child import Log
from dexwatch.daemons.pidfiles import PidFiles
from dexwatch.daemons.reaper import start_time
from dexwatch.reports.record import recorded_tests
from dexwatch.roles.reload.answer import answered, requested, supervisor_of
from tests.fakes.alerts import T0


def pipe(path: Path) -> Path:
    os.mkfifo(path)
    return path


def sparse(path: Path) -> Path:
    with path.open("wb") as file:
        file.truncate(2**31)
    return path


def junk(path: Path) -> Path:
    path.write_bytes(bytes(range(256)) * 40)
    return path


def folder(path: Path) -> Path:
    path.mkdir()
    return path


def link(to: str) -> Callable[[Path], Path]:
    def made(path: Path) -> Path:
        path.symlink_to(to)
        return path

    return made


ODD = {
    "a pipe that nobody writes": pipe,
    "an endless device": link("/dev/zero"),
    "a file of two gigabytes": sparse,
    "a folder": folder,
    "no text": junk,
}


@pytest.fixture(params=ODD)
def odd(request: pytest.FixtureRequest) -> Callable[[Path], Path]:
    return ODD[request.param]


def test_a_users_file_is_refused_by_name(odd: Callable[[Path], Path], tmp_path: Path) -> None:
    file = odd(tmp_path / "users.json")
    with pytest.raises(UsersError, match=r"users\.json"):
        read(file)
    with pytest.raises(UsersError, match=r"users\.json"):
        write(file, "ana", "long-enough-password")
    with pytest.raises(UsersError, match=r"users\.json"):
        sign_out(file, "ana", at=T0)
    assert Users(file).find("ana") is None


def test_a_rule_file_is_a_finding(odd: Callable[[Path], Path], tmp_path: Path) -> None:
    first = next(findings_of(odd(tmp_path / "mine.yml")))
    assert first.level == "error"
    assert "mine.yml" in first.place


async def test_an_authority_is_refused_by_name(odd: Callable[[Path], Path], tmp_path: Path) -> None:
    file = odd(tmp_path / "authority.pem")
    with pytest.raises(SourceError, match=r"authority\.pem"):
        HttpClient("https://127.0.0.1:1", timeout_seconds=1, access=Access(ca_file=file))


def test_what_stands_in_the_place_of_our_own_files_is_as_if_nothing_did(
    odd: Callable[[Path], Path], tmp_path: Path
) -> None:
    for name in ("tests.json", "a.pid", "answer", "request", "liquidity-providers.json"):
        odd(tmp_path / name)
    assert recorded_tests(tmp_path) == {}
    assert answered(tmp_path, name="answer") is None
    assert len(requested(tmp_path, name="request")) <= 64
    assert LpCheckpointFile(tmp_path, {}).read() is None
    assert PidFiles(tmp_path).leftovers() == {}


def test_a_program_log_is_a_file_or_refused_by_name(
    odd: Callable[[Path], Path], tmp_path: Path
) -> None:
    log = Log(odd(tmp_path / "watch.log"))
    log.tail()
    if not log.path.is_file():
        assert log.tail() == []
        with pytest.raises(OSError, match=r"watch\.log"):
            log.open()


def test_a_program_log_is_cut_whatever_stands_in_the_place_of_the_older_one(
    odd: Callable[[Path], Path], tmp_path: Path
) -> None:
    log = Log(tmp_path / "watch.log", bound=10)
    log.path.write_text("more than ten bytes")
    odd(tmp_path / "watch.log.1")
    assert log.cut()
    assert log.size() == 0


def test_a_child_is_noted_whatever_stands_in_the_place_of_its_note(
    odd: Callable[[Path], Path], tmp_path: Path
) -> None:
    noted, mine = PidFiles(tmp_path), os.getpid()
    file = odd(tmp_path / "run" / "watch.pid")
    if file.is_dir():
        pytest.skip("only a person makes a folder there")
    noted.note("watch", mine, start_time(mine))
    assert noted.leftovers() == {"watch": (mine, start_time(mine))}


def test_no_supervisor_works_where_its_lock_is_no_file(
    odd: Callable[[Path], Path], tmp_path: Path
) -> None:
    odd(tmp_path / "supervisor.lock")
    assert supervisor_of(tmp_path) is None


@pytest.mark.parametrize("content", [b"", b"x" * 100])
def test_a_file_is_read_whole_also_by_a_descriptor_of_the_shell(
    tmp_path: Path, content: bytes
) -> None:
    file = tmp_path / "file"
    file.write_bytes(content)
    with file.open("rb") as opened:
        assert read_file(Path(f"/dev/fd/{opened.fileno()}"), 100) == content
    file.write_bytes(b"x" * 101)
    with pytest.raises(OSError, match="larger than 100 bytes"):
        read_file(file, 100)


PERMITTED = {
    "bounded_file.py": {"read_bounded", "read_file"},
    # What they read lies in the package.
    "console/rendering.py": {"_asset"},
    "demo/exchange/database.py": {"fill_database"},
    "demo/chain/compile.py": {"source_hash", "_stored", "load_artefacts"},
    "reports/record.py": {"judged_rules"},
    "reports/requirements.py": {"requirements"},
    # The kernel's own files, and a terminal.
    "daemons/launch.py": {"main"},
    "daemons/reaper.py": {"start_time", "tree", "_carries"},
    "roles/process.py": {"_has_terminal"},
    # A folder or a lock is opened to be held; a program's own log is read from its end.
    "daemons/child.py": {"tail", "cut"},
    "daemons/pidfiles.py": {"_boot"},
    "daemons/ports.py": {"short_path"},
    "roles/reload/answer.py": {"supervisor_of", "turn"},
    # They refuse what is not theirs before they read it, and never wait for a pipe.
    "daemons/files.py": {"opened_folder", "_read"},
    "daemons/programs/secrets.py": {"_read"},
    # The sample's processes, in a folder that it has just made.
    "demo/exchange/process.py": {"read"},
    "demo/exchange/programs.py": {"nginx", "_root"},
}


def reads(call: ast.Call) -> bool:
    """Tell whether a call opens or reads a file, and not only to write it."""
    name, said = ast.unparse(call.func), ast.unparse(call)
    if name.endswith((".read_text", ".read_bytes")):
        return True
    opens = name in ("open", "os.open", "os.fdopen") or name.endswith(("path.open", ").open"))
    return opens and not any(mark in said for mark in ("'w", "'a'", "O_WRONLY", "_OLDER", "flags"))


def test_what_reads_a_file_by_itself_was_judged() -> None:
    home = Path(dexwatch.__file__).parent
    found: dict[str, set[str]] = {}
    for file in home.rglob("*.py"):
        for function in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef) and any(
                isinstance(node, ast.Call) and reads(node) for node in ast.walk(function)
            ):
                found.setdefault(str(file.relative_to(home)), set()).add(function.name)
    assert found == PERMITTED, "use `read_file`, or say above why a raw read is harmless there"
