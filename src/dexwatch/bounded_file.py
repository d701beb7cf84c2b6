"""Reads and writes files, whatever stands in their place: with a bound of bytes and of time."""

import errno
import os
import select
import stat
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

WAIT_SECONDS = 5.0
"""How long a pipe may take to be written; a process substitution of a shell is one."""

_FLAGS = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


class NamedFile(NamedTuple):
    """Marks a setting, by `Annotated`, as the path of a file that is read, or as such paths."""

    may_be_missing: bool = False


def read_bounded(path: Path, bytes_max: int, *, wait_seconds: float = WAIT_SECONDS) -> bytes:
    """Return the file's content, of which at most `bytes_max` + 1 bytes are read.

    Raises:
        OSError: it cannot be read; TimeoutError where a pipe is not written, or not ended, in time.
    """
    end = time.monotonic() + wait_seconds
    content = b""
    descriptor = os.open(path, _FLAGS)
    try:
        while len(content) <= bytes_max:
            try:
                part = os.read(descriptor, bytes_max + 1 - len(content))
            except BlockingIOError:
                _wait(descriptor, end)
                continue
            if part:
                content += part
                if time.monotonic() > end:
                    raise _late()
            elif content or _wait(descriptor, end):
                break
    finally:
        os.close(descriptor)
    return content


def read_file(path: Path, bytes_max: int) -> bytes:
    """Return the whole content of a file on a disk, at once: one that is read again, so no pipe.

    Raises:
        OSError: it cannot be read, is no regular file, or is larger than `bytes_max` bytes.
    """
    descriptor = os.open(path, _FLAGS)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise _no_file()
        parts, left = [], bytes_max + 1
        while left and (part := os.read(descriptor, left)):
            parts.append(part)
            left -= len(part)
    finally:
        os.close(descriptor)
    if not left:
        raise OSError(errno.EFBIG, f"it is larger than {bytes_max} bytes")
    return b"".join(parts)


def open_own(path: Path, flags: int, mode: int = 0o600) -> int:
    """Open a file of ours to write in it; the caller closes the descriptor.

    Raises:
        OSError: it cannot be opened, or is no file, or is another's that has a second name: what is
            written through a link, or to a file that is also elsewhere, changes what is not ours.
    """
    own = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
    try:
        descriptor = os.open(path, flags | own, mode)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENXIO, errno.EISDIR):
            raise _not_own(path) from None
        raise
    if not _is_own(os.fstat(descriptor)):
        os.close(descriptor)
        raise _not_own(path)
    os.set_blocking(descriptor, True)
    return descriptor


def require_own(path: Path) -> None:
    """Do as `open_own` for a file that others open, such as SQLite; there may be none yet.

    Raises:
        OSError: what stands there is no file, or is another's that has a second name.
    """
    try:
        about = path.lstat()
    except FileNotFoundError:
        return
    if not _is_own(about):
        raise _not_own(path)


def write_file(file: Path, content: bytes) -> None:
    """Write at once or not at all, under a name that nobody else could have laid there.

    Only the user that we are may read it.

    Raises:
        OSError: the folder is not ours, or full.
    """
    descriptor, fresh = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            stream.flush()
            # Else a power cut may leave an empty file under the name.
            os.fsync(stream.fileno())
        Path(fresh).replace(file)
    except OSError:
        Path(fresh).unlink(missing_ok=True)
        raise


def overwrite_file(file: Path, content: bytes, *, mode: int) -> None:
    """Write a file where it lies, so that its owner and mode stay; a new one gets the mode.

    Raises:
        OSError: it cannot be written, or is no regular file; a pipe is not waited for.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
    try:
        descriptor = os.open(file, flags, mode)
    except OSError as error:
        if error.errno == errno.ENXIO:
            raise _no_file() from None
        raise
    with os.fdopen(descriptor, "wb") as stream:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise _no_file()
        stream.truncate()
        stream.write(content)


def _wait(descriptor: int, end: float) -> bool:
    """Wait until there is something to read; return whether it is the end of the file.

    A pipe that no writer has opened yet reads as ended, but is not polled as such.
    """
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    events = poll.poll(max(0.0, end - time.monotonic()) * 1000)
    if not events:
        raise _late()
    # A pipe may be written and closed between our read and this poll: then it is readable still.
    if stat.S_ISFIFO(os.fstat(descriptor).st_mode):
        return not events[0][1] & select.POLLIN
    return True


def _is_own(about: os.stat_result) -> bool:
    # A backup gives our own files second names, and must not keep us from them.
    ours = about.st_nlink <= 1 or about.st_uid == os.geteuid()
    return stat.S_ISREG(about.st_mode) and ours


def _not_own(path: Path) -> OSError:
    said = "what stands there is a link, a folder, a pipe or another user's file: remove it"
    return OSError(errno.EINVAL, said, str(path))


def _no_file() -> OSError:
    """A pipe without a reader cannot even be opened, and says so in words that help nobody."""
    return OSError(errno.EINVAL, "it is a folder, a pipe or a device, not a file")


def _late() -> TimeoutError:
    return TimeoutError(errno.ETIMEDOUT, "nothing has written it to its end in time")
