"""Write a program's files: checked in a staging copy, then swapped in, and put back if need be.

A bad new configuration therefore never replaces a good one, and a reader never sees half a file.
"""

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

from dexwatch.daemons.program import BinaryMissingError, File, Program, RefusedConfigError

CHECK_SECONDS = 30.0

Former = Mapping[str, bytes | None]
"""What stood in each file before; None where there was no file."""


def require_binaries(program: Program) -> None:
    """Check that the program and its checkers are installed.

    Raises:
        BinaryMissingError: names the Debian package.
    """
    search = program.env.get("PATH") or os.environ.get("PATH", os.defpath)
    for name in dict.fromkeys([program.argv[0], *(check[0] for check in program.checks)]):
        if shutil.which(name, path=search) is None:
            remedy = f"; install it: apt-get install {program.package}" if program.package else ""
            raise BinaryMissingError(f"{program.name}: {name} is not installed{remedy}")


def check(program: Program) -> None:
    """Let the program's own checkers judge the files in a staging copy; nothing is swapped.

    Raises:
        RefusedConfigError: with what the checker says.
    """
    if not program.checks:
        return
    near = _folder(program).parent
    near.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{program.name}-", dir=near) as name:
        staging = Path(name)
        for file in program.files:
            _write(staging / file.name, file, None)
        for command in program.checks:
            _run(program, command, staging)


def _run(program: Program, command: tuple[str, ...], staging: Path) -> None:
    try:
        done = subprocess.run(
            command, cwd=staging, capture_output=True, text=True, timeout=CHECK_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise RefusedConfigError(
            f"{program.name}: {command[0]} did not answer within {CHECK_SECONDS:g} s"
        ) from None
    if done.returncode != 0:
        said = (done.stdout + done.stderr).replace(str(staging), str(program.folder)).strip()
        raise RefusedConfigError(f"{program.name}: {' '.join(command[:2])} refuses it:\n{said}")


def write(program: Program) -> Former:
    """Create the program's folders and swap its files in; return what stood there before."""
    owner = _owner(program.user)
    for folder in (program.folder, *program.data):
        if folder is not None:
            folder.mkdir(
                parents=True, exist_ok=True, mode=0o700 if folder in program.data else 0o755
            )
            if owner:
                os.chown(folder, *owner)
    former: dict[str, bytes | None] = {}
    for file in program.files:
        path = _folder(program) / file.name
        former[file.name] = path.read_bytes() if path.exists() else None
        if former[file.name] != file.content.encode() or file.secret:
            _write(path, file, owner)
    return former


def restore(program: Program, former: Former) -> None:
    """Put back what `write` replaced."""
    owner = _owner(program.user)
    secret = {file.name: file.secret for file in program.files}
    for name, content in former.items():
        path = _folder(program) / name
        if content is None:
            path.unlink(missing_ok=True)
        else:
            file = File(name, content.decode(), secret=secret.get(name, False))
            _write(path, file, owner)


def _folder(program: Program) -> Path:
    if program.folder is None:
        raise ValueError(f"{program.name}: files and checks need a folder")
    return program.folder


def _write(path: Path, file: File, owner: tuple[int, int] | None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(file.content.encode())
            stream.flush()
            os.fsync(stream.fileno())
        Path(name).chmod(0o600 if file.secret else 0o644)
        if owner:
            os.chown(name, *owner)
        Path(name).replace(path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            Path(name).unlink()
        raise


def _owner(user: str | None) -> tuple[int, int] | None:
    if user is None or os.geteuid() != 0:
        return None
    import pwd  # noqa: PLC0415 - not on every platform, and only root needs it.

    entry = pwd.getpwnam(user)
    return entry.pw_uid, entry.pw_gid
