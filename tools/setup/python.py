"""The Python environment: a venv with exactly what the lock files name, hashes checked."""

import shutil
import sys
from pathlib import Path

from tools.setup.steps import Place, Stamp, digest, run, say

PROJECTS = ("instrument", ".")
"""Our own distributions, in the order of their dependence; installed editable."""
UNLOCKED = ("setuptools", "pip")
"""What venv brings along; no part of dexwatch imports it."""
REMEDY = "Check the network and pip's settings, then start again; what is installed is kept."


def ensure(place: Place, *, tests: bool) -> str:
    """Bring the environment to the locked state; quick when it is there already.

    The stamp lies inside the environment, so that removing the one forgets the other.
    """
    stamp = Stamp(place.venv / "dexwatch-setup.json")
    wanted = wanted_state(place, tests=tests)
    done = stamp.read()
    interpreter = place.venv / "bin" / "python"
    if interpreter.exists() and all(done.get(key) == value for key, value in wanted.items()):
        return "up to date"
    stamp.forget()
    made = _make_environment(place, interpreter, known=done.get("python"))
    pip = [str(interpreter), "-m", "pip", "--disable-pip-version-check", "--no-input"]
    locks = [place.root / "requirements" / name for name in wanted if name.endswith(".txt")]
    if any(done.get(lock.name) != wanted[lock.name] for lock in locks) or made:
        say(f"installing {_count(locks[-1])} locked packages (about a minute)")
        run(
            [*pip, "install", "--quiet", "--require-hashes", "--requirement", str(locks[-1])],
            remedy=REMEDY,
            timeout_seconds=1800,
        )
    say("installing dexwatch and dexwatch-instrument from this checkout")
    editable = [part for name in PROJECTS for part in ("--editable", str(place.root / name))]
    run(
        [*pip, "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index", *editable],
        remedy=REMEDY,
        timeout_seconds=300,
    )
    # Those of the interpreter are old and in no lock; venv brings pip back when it is needed.
    run(
        [*pip, "uninstall", "--quiet", "--yes", *UNLOCKED],
        remedy="Remove the environment and start again.",
        timeout_seconds=120,
    )
    stamp.write(wanted)
    return "made" if made else "brought up to date"


def wanted_state(place: Place, *, tests: bool) -> dict[str, str]:
    """Return what the stamp must say: lock files by name, our project files, the interpreter.

    The lock of the tests holds all that the lock of the product holds, so an environment that is
    ready for the tests is ready to run.
    """
    names = ["run.txt", "dev.txt"] if tests else ["run.txt"]
    wanted = {name: digest([place.root / "requirements" / name]) for name in names}
    projects = [place.root / name / "pyproject.toml" for name in PROJECTS]
    wanted["projects"] = digest([*projects, str(place.root)])
    wanted["python"] = _version(sys.version_info[0], sys.version_info[1])
    return wanted


def _version(major: int, minor: int) -> str:
    return f"{major}.{minor}"


def _make_environment(place: Place, interpreter: Path, *, known: str | None) -> bool:
    """Create the venv, or give an existing one its pip; return whether it is new."""
    running = _version(sys.version_info[0], sys.version_info[1])
    library = place.venv / "lib" / f"python{running}"
    new = not interpreter.exists() or not library.is_dir()
    if new and place.venv.exists():
        say(f"replacing the environment of Python {known or 'unknown'} by one of {running}")
        shutil.rmtree(place.venv)
    if new or not (library / "site-packages" / "pip").is_dir():
        say(f"making {place.venv.name} with Python {sys.version.split()[0]}")
        run(
            [sys.executable, "-m", "venv", str(place.venv)],
            remedy="Python's venv module must work: on Debian, install python3-venv.",
            timeout_seconds=300,
        )
    return new


def _count(lock: Path) -> int:
    return sum("==" in line for line in lock.read_text().splitlines())
