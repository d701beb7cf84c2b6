"""Debian packages: the daemons that dexwatch supervises and the servers of the sample exchange.

A package counts as present when what we need of it is found, however it came to be there, so the
same check works on machines without apt.
Installing leaves no service running or enabled: see `services`.
"""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tools.setup import services
from tools.setup.steps import Place, SetupError, on_a_terminal, run, say

SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
WAIT_SECONDS = 15 * 60
POLL_SECONDS = 2.0
BY_HAND = 3
"""Exit status that says: a person has to install packages."""


@dataclass(frozen=True)
class Package:
    """A Debian package and how to see that what we need of it is there."""

    name: str
    present: Callable[[], bool]


def program(name: str, *globs: str) -> Callable[[], bool]:
    """Return a check that finds a program on the path, the system path, or by pattern."""

    def present() -> bool:
        path = os.environ.get("PATH", "") + ":" + SYSTEM_PATH
        return shutil.which(name, path=path) is not None or any(_glob(one) for one in globs)

    return present


def file(pattern: str) -> Callable[[], bool]:
    """Return a check that finds at least one file by an absolute pattern."""
    return lambda: _glob(pattern)


def _glob(pattern: str) -> bool:
    return next(Path("/").glob(pattern.lstrip("/")), None) is not None


def _can_make_environments() -> bool:
    # Debian ships the module venv with python3 but leaves out ensurepip, without which it fails.
    try:
        import ensurepip  # noqa: F401, PLC0415 - whether it is there is the question.
        import venv  # noqa: F401, PLC0415
    except ImportError:
        return False
    return True


def _exporters() -> list[str]:
    """Return the exporters' packages; they are read as text, since nothing is installed yet."""
    folder = Path(__file__).parents[2] / "src/dexwatch/daemons/exporters"
    text = "".join(file.read_text(encoding="utf-8") for file in sorted(folder.glob("*.py")))
    return re.findall(r'^    package="(.+)",$', text, re.MULTILINE)


RUN = (
    Package("prometheus", program("promtool")),
    Package("prometheus-alertmanager", program("amtool")),
    *(Package(name, program(name)) for name in _exporters()),
    Package("postgresql", program("postgres", "/usr/lib/postgresql/*/bin/postgres")),
    Package("redis-server", program("redis-server")),
    Package("nginx", program("nginx")),
    Package("openssl", program("openssl")),
    Package("python3-venv", _can_make_environments),
)
TESTS = (
    Package("chromium", program("chromium")),
    Package("fonts-dejavu-core", file("/usr/share/fonts/truetype/dejavu/*.ttf")),
    Package("fonts-inter", file("/usr/share/fonts/opentype/inter/*.otf")),
)


def missing(packages: tuple[Package, ...]) -> list[str]:
    """Return the names of the packages of which nothing is found."""
    return [package.name for package in packages if not package.present()]


def ensure(place: Place, *, tests: bool) -> str:
    """Install what is missing, by the strongest means at hand, or ask for it.

    Raises:
        SetupError: status 3 when a person has to install packages and nobody is there to wait for.
    """
    wanted = RUN + (TESTS if tests else ())
    services.finish_interrupted()
    absent = missing(wanted)
    if not absent:
        return f"all {len(wanted)} present"
    if shutil.which("apt-get", path=SYSTEM_PATH) is None:
        return _ask(place, wanted, tests=tests)
    if os.geteuid() == 0:
        install(absent)
    elif _sudo_without_password():
        say(f"installing through sudo: {' '.join(absent)}")
        _install_through_sudo(place, tests=tests)
    else:
        return _ask(place, wanted, tests=tests)
    still = missing(wanted)
    if still:
        raise SetupError(
            f"apt-get succeeded, but what we need of {', '.join(still)} was not found. "
            "Look at the package's files with: dpkg -L NAME"
        )
    return f"installed {len(absent)}: {' '.join(absent)}"


def install(names: list[str]) -> None:
    """Install packages as root, with no service started, enabled or created by it."""
    say(f"installing: {' '.join(names)}")
    env = {"DEBIAN_FRONTEND": "noninteractive", "PATH": SYSTEM_PATH}
    base = ["apt-get", "--quiet", "--yes", "-o", "DPkg::Lock::Timeout=120"]
    remedy = "Put apt right (try: apt-get update; apt-get --fix-broken install), then start again."
    if not _known_to_apt(names):
        say("apt-get update")
        run([*base, "update"], remedy=remedy, timeout_seconds=600, env=env)
    command = [*base, "install", "--no-install-recommends", *names]
    with services.kept_quiet():
        try:
            run(command, remedy=remedy, timeout_seconds=1800, env=env)
        except SetupError:
            # Package lists that are days old name versions that the mirror no longer has.
            say("apt-get install failed; once more with fresh package lists")
            run([*base, "update"], remedy=remedy, timeout_seconds=600, env=env)
            run(command, remedy=remedy, timeout_seconds=1800, env=env)


def _known_to_apt(names: list[str]) -> bool:
    asked = subprocess.run(
        ["apt-cache", "show", "--no-all-versions", *names],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        timeout=120,
    )
    return asked.returncode == 0


def _sudo_without_password() -> bool:
    if shutil.which("sudo") is None:
        return False
    tried = subprocess.run(
        ["sudo", "-n", "true"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        timeout=30,
    )
    return tried.returncode == 0


def _install_through_sudo(place: Place, *, tests: bool) -> None:
    # Root runs the same step. -B: no byte code of root's may lie in the checkout.
    command = ["sudo", "-n", sys.executable, "-B", "-m", "tools.setup", "--packages"]
    done = subprocess.run(
        [*command, *(["--tests"] if tests else [])], cwd=place.root, check=False, timeout=3600
    )
    if done.returncode != 0:
        raise SetupError("installing through sudo failed; its own message stands above.")


def request(place: Place, absent: list[str], *, tests: bool, apt: bool) -> str:
    """Return the text that tells a person exactly what to type."""
    names = " ".join(absent)
    if not apt:
        return (
            f"There is no apt-get here. Install what these Debian packages hold: {names}\n"
            "Their programs must be found on PATH under Debian's names."
        )
    level = " TESTS=1" if tests else ""
    return (
        f"Debian packages are missing: {names}\n"
        "Type this in another terminal; it installs them and leaves no service enabled:\n\n"
        f"    sudo make -C {place.root} packages{level}\n\n"
        "or, where services that Debian enables are welcome:\n\n"
        f"    sudo apt-get install --no-install-recommends {names}\n"
    )


def _ask(place: Place, wanted: tuple[Package, ...], *, tests: bool) -> str:
    absent = missing(wanted)
    apt = shutil.which("apt-get", path=SYSTEM_PATH) is not None
    text = request(place, absent, tests=tests, apt=apt)
    if not on_a_terminal():
        raise SetupError(text + "\nThen start set-up again.", status=BY_HAND)
    print(f"\n{text}\nSet-up goes on by itself when they are there (Ctrl-C ends it).", flush=True)
    return wait_for(wanted, wait_seconds=WAIT_SECONDS, poll_seconds=POLL_SECONDS)


def wait_for(wanted: tuple[Package, ...], *, wait_seconds: float, poll_seconds: float) -> str:
    """Poll until all packages are there, telling each that arrives.

    Raises:
        SetupError: status 3 when some are still missing after the wait.
    """
    deadline = time.monotonic() + wait_seconds
    absent = missing(wanted)
    while absent:
        if time.monotonic() >= deadline:
            raise SetupError(f"still missing: {' '.join(absent)}", status=BY_HAND)
        time.sleep(poll_seconds)
        left = missing(wanted)
        for name in absent:
            if name not in left:
                say(f"{name} is there")
        absent = left
    return f"all {len(wanted)} present"
