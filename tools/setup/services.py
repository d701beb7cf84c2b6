"""Install packages without their services.

Debian starts and enables what it installs.
For the installation we forbid starting (policy-rc.d) and the default PostgreSQL cluster, and
afterwards we disable exactly what became enabled, and nothing that was enabled before.
Both are only lent: an interrupted installation is finished by the next run.
"""

import contextlib
import json
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tools.setup.steps import say

MARK = "# Written by dexwatch set-up, which removes it when it has finished installing packages."
NO_START = f"#!/bin/sh\n{MARK}\nexit 101\n"
NO_CLUSTER = f"{MARK}\ncreate_main_cluster = false\n"


@dataclass(frozen=True)
class Machine:
    """The places of a Debian system that say what starts by itself; `root` differs in tests."""

    root: Path = Path("/")

    @property
    def policy(self) -> Path:
        """The program that Debian asks whether a service may be started."""
        return self.root / "usr/sbin/policy-rc.d"

    @property
    def cluster_settings(self) -> Path:
        """Our drop-in for the PostgreSQL packages."""
        return self.root / "etc/postgresql-common/createcluster.d/dexwatch.conf"

    @property
    def journal(self) -> Path:
        """What was enabled before an installation; it exists only while one is under way."""
        return self.root / "var/lib/dexwatch-setup.json"

    def enabled(self) -> frozenset[str]:
        """Return all links, relative to the root, by which something starts by itself."""
        units = self.root / "etc/systemd/system"
        found = [
            path
            for pattern in ("*", "*.wants/*", "*.requires/*", "*.upholds/*")
            for path in units.glob(pattern)
            if path.is_symlink()
        ]
        found += self.root.glob("etc/rc[0-6S].d/S*")
        return frozenset(str(path.relative_to(self.root)) for path in found)


@contextlib.contextmanager
def kept_quiet(machine: Machine | None = None) -> Iterator[None]:
    """Within this block packages may be installed; after it no new service is enabled."""
    machine = machine or Machine()
    before = machine.enabled()
    machine.journal.parent.mkdir(parents=True, exist_ok=True)
    machine.journal.write_text(json.dumps(sorted(before)))
    try:
        _lend(machine.policy, NO_START, mode=0o755)
        _lend(machine.cluster_settings, NO_CLUSTER, mode=0o644)
        yield
    finally:
        _restore(machine, before)


def finish_interrupted(machine: Machine | None = None) -> None:
    """Undo what a killed installation left behind; does nothing where there is nothing."""
    machine = machine or Machine()
    try:
        before = frozenset(json.loads(machine.journal.read_text()))
    except FileNotFoundError:
        return
    except (PermissionError, ValueError):
        say(f"{machine.journal} is left of an interrupted installation: run this once as root")
        return
    with contextlib.suppress(PermissionError):
        say("finishing an installation that was interrupted")
        _restore(machine, before)


def _lend(path: Path, content: str, *, mode: int) -> None:
    if path.exists():
        return  # The machine has a policy of its own: its owner's wish goes before ours.
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    path.chmod(mode)


def _take_back(path: Path) -> None:
    with contextlib.suppress(FileNotFoundError):
        if MARK in path.read_text():
            path.unlink()


def _restore(machine: Machine, before: frozenset[str]) -> None:
    new = machine.enabled() - before
    disable(machine, new)
    _take_back(machine.policy)
    _take_back(machine.cluster_settings)
    with contextlib.suppress(OSError):
        # The packages do not ship this folder; a folder with other drop-ins in it stays.
        machine.cluster_settings.parent.rmdir()
    machine.journal.unlink(missing_ok=True)


def disable(machine: Machine, links: frozenset[str]) -> None:
    """Take back the given links.

    Removing the links is what `systemctl disable` does too; Debian remembers it as the
    administrator's choice, so upgrades do not enable the services again.
    """
    names = set()
    for link in sorted(links):
        path = machine.root / link
        if path.parent.name.startswith("rc"):
            # S99name -> K01name: what update-rc.d calls disabled.
            service = path.name[3:]
            path.rename(path.with_name(f"K01{service}"))
            names.add(f"{service} (init script)")
        else:
            path.unlink()
            names.add(path.name)
    if names:
        say(f"left disabled: {', '.join(sorted(names))}")
        _reload_systemd(machine)


def _reload_systemd(machine: Machine) -> None:
    running = (machine.root / "run/systemd/system").is_dir()
    if machine.root == Path("/") and running and shutil.which("systemctl"):
        subprocess.run(["systemctl", "daemon-reload"], check=False, timeout=60)
