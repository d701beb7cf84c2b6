"""Hardhat's node, the second kind of EVM node that the tests talk to, installed by npm's own lock.

It is many packages that find one another by `node_modules`, so it cannot be taken out of archives
as everything else is. npm checks each by the hash in the lock, and none of their scripts is run.
"""

import platform
import shutil

from tools.setup.steps import Place, Stamp, digest, run, say

MACHINE = "x86_64"
"""The kind of machine (as `uname -m` says) whose engine is locked."""
FILES = ("package.json", "package-lock.json")
INSTALL_SECONDS = 600


def ensure(place: Place) -> str:
    """Install it anew when its lock has changed; where it is not for this machine, do nothing."""
    if platform.machine() != MACHINE:
        return f"it is locked for {MACHINE} only: tests with it are skipped"
    source, folder = place.root / "requirements" / "hardhat", place.home / "hardhat"
    stamp = Stamp(place.home / "stamps" / "hardhat.json")
    wanted = {"lock": digest([source / name for name in FILES])}
    if stamp.read() == wanted and (folder / "node_modules" / "hardhat").is_dir():
        return "present"
    say("installing the packages of Hardhat's node")
    stamp.forget()
    folder.mkdir(parents=True, exist_ok=True)
    for name in FILES:
        shutil.copyfile(source / name, folder / name)
    run(
        ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"],
        remedy="Node.js with npm must be installed, and npm must reach its registry.",
        timeout_seconds=INSTALL_SECONDS,
        cwd=folder,
    )
    stamp.write(wanted)
    return "installed"
