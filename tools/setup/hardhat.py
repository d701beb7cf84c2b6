"""Hardhat's node, the second kind of EVM node that the tests talk to, out of npm archives.

It is many packages that find one another by `node_modules`, so each is unpacked whole to the place
that npm's own lock names. Its hash has to be that of the lock, and none of their scripts is run.
"""

import base64
import hashlib
import io
import json
import platform
import shutil
import tarfile
import tempfile
from pathlib import Path, PurePosixPath

from tools.setup.steps import Place, SetupError, Stamp, digest, run, say

MACHINE = "x86_64"
"""The kind of machine (as `uname -m` says) whose engine is locked."""
FETCH_SECONDS = 600


def ensure(place: Place) -> str:
    """Unpack it anew when its lock has changed; where it is not for this machine, do nothing."""
    if platform.machine() != MACHINE:
        return f"it is locked for {MACHINE} only: tests with it are skipped"
    lock, folder = place.root / "requirements/hardhat/package-lock.json", place.home / "hardhat"
    stamp = Stamp(place.home / "stamps" / "hardhat.json")
    wanted = {"unpacked": digest([lock])}
    if stamp.read() == wanted and folder.is_dir():
        return "present"
    stamp.forget()
    shutil.rmtree(folder, ignore_errors=True)
    packages = read_lock(lock)
    say(f"fetching the {len(packages)} packages of Hardhat's node")
    with tempfile.TemporaryDirectory(prefix="dexwatch-npm-") as scratch:
        archives = _fetch(sorted({spec for spec, _ in packages.values()}), Path(scratch))
        for path, (spec, integrity) in packages.items():
            if integrity not in archives:
                raise SetupError(
                    f"no archive of {spec} has the hash that {lock.name} says. The registry or a"
                    " mirror gave other content than was locked: find out why before you trust it."
                )
            _unpack(archives[integrity], folder / path)
    stamp.write(wanted)
    return f"unpacked {len(packages)} packages"


def read_lock(lock: Path) -> dict[str, tuple[str, str]]:
    """Return by place below the folder what belongs there: name and version, and hash.

    What stands under another name than its own replaces what the node does not load.
    """
    return {
        path: (f"{path.rpartition('node_modules/')[2]}@{entry['version']}", entry["integrity"])
        for path, entry in json.loads(lock.read_text())["packages"].items()
        if path and "name" not in entry
    }


def _fetch(specs: list[str], folder: Path) -> dict[str, Path]:
    """Fetch archives, and return them by their hash as npm writes it."""
    run(
        ["npm", "pack", "--ignore-scripts", "--loglevel=error", *specs],
        remedy="Node.js with npm must be installed, and npm must reach its registry.",
        timeout_seconds=FETCH_SECONDS,
        cwd=folder,
    )
    found = {}
    for archive in folder.glob("*.tgz"):
        hashed = hashlib.sha512(archive.read_bytes()).digest()
        found["sha512-" + base64.b64encode(hashed).decode()] = archive
    return found


def _unpack(archive: Path, folder: Path) -> None:
    with tarfile.open(fileobj=io.BytesIO(archive.read_bytes()), mode="r:gz") as tar:
        for member in tar:
            # The first part is the archive's own folder, which is not always called the same.
            inside = PurePosixPath(*PurePosixPath(member.name).parts[1:])
            stream = tar.extractfile(member) if member.isfile() else None
            if stream is None or ".." in inside.parts:
                continue
            target = folder / inside
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(stream.read())
