"""Write a program's files: checked in a staging copy, then swapped in, and put back if need be.

A bad new configuration therefore never replaces a good one, and a reader never sees half a file.
"""

import contextlib
import os
import secrets
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from dexwatch.daemons.program import (
    BinaryMissingError,
    DaemonError,
    File,
    Program,
    RefusedConfigError,
)

CHECK_SECONDS = 30.0


class Owner(NamedTuple):
    """Whom a program runs as, where that is not us."""

    user: int
    group: int


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
        with _opened(staging, None) as folder:
            for file in program.files:
                _write(folder, file, None)
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
    """Create the program's folders and swap its files in; return what stood there before.

    The folder of the files stays ours: the program's user may read it and not write there, so that
    nothing of root's can be led astray by what that user puts into it.

    Raises:
        DaemonError: a folder or file there belongs to somebody else.
        OSError: a file cannot be written, as on a full disk; those before it are put back.
    """
    owner = _owner(program.user)
    for path in program.data:
        _make_private(path, owner)
    former: dict[str, bytes | None] = {}
    if program.folder is None:
        return former
    try:
        with _opened(program.folder, owner) as folder:
            for file in program.files:
                former[file.name] = _read(folder, program.folder / file.name)
                if former[file.name] != file.content.encode() or file.secret:
                    _write(folder, file, owner)
    except OSError:
        restore(program, former)
        raise
    return former


def restore(program: Program, former: Former) -> None:
    """Put back what `write` replaced."""
    if program.folder is None:
        return
    owner = _owner(program.user)
    secret = {file.name: file.secret for file in program.files}
    with _opened(program.folder, owner) as folder:
        for name, content in former.items():
            if content is None:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(name, dir_fd=folder)
            else:
                file = File(name, content.decode(), secret=secret.get(name, False))
                _write(folder, file, owner)


def _folder(program: Program) -> Path:
    if program.folder is None:
        raise ValueError(f"{program.name}: files and checks need a folder")
    return program.folder


@contextlib.contextmanager
def _opened(path: Path, owner: Owner | None) -> Iterator[int]:
    """Yield a descriptor of a folder of ours; `owner`'s group may look into it."""
    with opened_folder(path, mode=0o750) as folder:
        _require_ours(os.fstat(folder), path)
        if owner:
            os.fchown(folder, -1, owner.group)
            os.fchmod(folder, 0o750)
        yield folder


@contextlib.contextmanager
def opened_folder(path: Path, *, mode: int) -> Iterator[int]:
    """Make a folder where there is none, and yield its descriptor; a link is not followed.

    Raises:
        DaemonError: what stands there is a link or no folder.
    """
    try:
        path.mkdir(parents=True, exist_ok=True, mode=mode)
        folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except (FileExistsError, NotADirectoryError):
        raise DaemonError(f"{path} is a link or no folder: put a folder in its place") from None
    try:
        yield folder
    finally:
        os.close(folder)


def _make_private(path: Path, owner: Owner | None) -> None:
    """Make a folder that belongs to the program's user, with mode 0700."""
    with opened_folder(path, mode=0o700) as folder:
        if owner:
            if os.fstat(folder).st_uid != owner.user:
                _require_ours(os.fstat(folder), path)
            os.fchown(folder, owner.user, owner.group)
        os.fchmod(folder, 0o700)


def _read(folder: int, path: Path) -> bytes | None:
    try:
        # Not blocking: a pipe in its place would otherwise hold us up.
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        descriptor = os.open(path.name, flags, dir_fd=folder)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise DaemonError(f"{path} cannot be read ({error.strerror}); remove it") from error
    try:
        about = os.fstat(descriptor)
        _require_ours(about, path)
        if not stat.S_ISREG(about.st_mode):
            raise DaemonError(f"{path} is a folder or a pipe; remove it, and it is written anew")
        with os.fdopen(descriptor, "rb", closefd=False) as stream:
            return stream.read()
    finally:
        os.close(descriptor)


def _write(folder: int, file: File, owner: Owner | None) -> None:
    if Path(file.name).name != file.name:
        raise ValueError(f"{file.name}: a program's files have names without folders")
    name = f".{file.name}-{secrets.token_hex(8)}"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(name, flags, 0o600, dir_fd=folder)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(file.content.encode())
            stream.flush()
            if owner:
                os.fchown(descriptor, -1, owner.group)
            os.fchmod(descriptor, (0o640 if owner else 0o600) if file.secret else 0o644)
            os.fsync(descriptor)
        os.rename(name, file.name, src_dir_fd=folder, dst_dir_fd=folder)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name, dir_fd=folder)
        raise


def _require_ours(about: os.stat_result, path: Path) -> None:
    if about.st_uid != os.geteuid():
        raise DaemonError(
            f"{path} belongs to another user, so what lies there is not trusted; "
            "remove it, and it is written anew"
        )


def _owner(user: str | None) -> Owner | None:
    if user is None or os.geteuid() != 0:
        return None
    import pwd  # noqa: PLC0415 - not on every platform, and only root needs it.

    entry = pwd.getpwnam(user)
    return Owner(entry.pw_uid, entry.pw_gid)
