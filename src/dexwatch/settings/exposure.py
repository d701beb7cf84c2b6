"""What of a configuration others on the machine, or on the way, could read or change."""

import shlex
import stat
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from dexwatch.settings.document import Document, dotted, read
from dexwatch.settings.model import Settings
from dexwatch.settings.problems import Problem
from dexwatch.settings.schema import is_secret

_READ = stat.S_IROTH | stat.S_IXOTH
_WRITE = stat.S_IWGRP | stat.S_IWOTH


def exposed(file: Path, settings: Settings) -> Iterator[Problem]:
    """Yield a warning for each; what a group may read is left to who made the group.

    Raises:
        SettingsError: the file is no configuration.
    """
    document = read(file, Settings)
    secret_files = (*document.secret_files, settings.console.users_file)
    for path in document.files:
        inline = _inline(document, path)
        yield from _loose(path, secret=bool(inline), why=f" and holds {', '.join(inline)}")
    for path in dict.fromkeys(secret_files):
        yield from _loose(path, secret=True, why="")
    console = settings.console
    if not console.on_loopback and urlsplit(console.public_url).scheme != "https":
        mark = document.mark(("console", "host"))
        yield Problem(
            mark.file,
            mark.line,
            "console.host",
            f"passwords travel unencrypted to {console.host}",
            "Put a proxy with TLS before the console and name it in `console.public_url`.",
        )


def _loose(path: Path, *, secret: bool, why: str) -> Iterator[Problem]:
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
    except OSError:
        return
    wanted = mode & ~_WRITE & ~(_READ if secret else 0)
    if wanted != mode:
        may = "changed" if mode & _WRITE else "read"
        yield Problem(
            path,
            0,
            "",
            f"can be {may} by others (mode {mode:04o}){why if secret else ''}",
            f"chmod {wanted:04o} {shlex.quote(str(path))}",
        )


def _inline(document: Document, path: Path) -> list[str]:
    """Return the secrets that stand in the file itself."""
    return [
        dotted(place)
        for place, mark in document.marks.items()
        if mark.file == path
        and is_secret(Settings, place)
        and place not in document.fetched
        and document.at(place) is not None
    ]
