"""Debian packages of which the tests need a program, unpacked and not installed.

A mail server that is installed takes the place of the machine's own, and a service with it. Its
archive is fetched by apt, which checks its signature, and unpacked below the home folder: no rights
are needed, and nothing of the machine changes.
"""

import shutil
import tempfile
from pathlib import Path

from tools.setup.steps import Place, run, say

PACKAGES = {"chasquid": ("usr/bin/chasquid", "usr/bin/chasquid-util")}
"""Name of the package: the files that are taken out of it, into the home folder's bin."""
FETCH_SECONDS = 600


def ensure(place: Place) -> str:
    """Unpack what is missing; where there is no apt, tests of it are skipped."""
    folder = place.home / "bin"
    due = [
        name
        for name, files in PACKAGES.items()
        if not all((folder / Path(file).name).is_file() for file in files)
    ]
    if not due:
        return f"all {len(PACKAGES)} present"
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        return f"there is no apt here: tests with {', '.join(due)} are skipped"
    for name in due:
        with tempfile.TemporaryDirectory(prefix="dexwatch-deb-") as scratch:
            _unpack(name, Path(scratch), folder)
    return f"unpacked {len(due)}: {' '.join(due)}"


def _unpack(name: str, scratch: Path, folder: Path) -> None:
    say(f"fetching: {name}")
    remedy = "Put apt right (try, as root: apt-get update), then start again."
    fetch = ["apt-get", "--quiet", "download", name]
    run(fetch, remedy=remedy, timeout_seconds=FETCH_SECONDS, cwd=scratch)
    [archive] = scratch.glob("*.deb")
    opened = scratch / "opened"
    run(["dpkg-deb", "-x", str(archive), str(opened)], remedy=remedy, timeout_seconds=60)
    folder.mkdir(parents=True, exist_ok=True)
    for file in PACKAGES[name]:
        target = folder / Path(file).name
        draft = target.with_name(target.name + ".new")
        shutil.copyfile(opened / file, draft)
        draft.chmod(0o755)
        # Replacing works while the old program runs; writing into it would not.
        draft.replace(target)
