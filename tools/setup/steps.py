"""What a step is, where things lie, and how a program is run on a step's behalf."""

import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


class SetupError(Exception):
    """A step could not be done; the message tells the operator what to do."""

    def __init__(self, message: str, *, status: int = 1) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class Place:
    """The folders that set-up reads and fills."""

    root: Path
    """The checkout."""
    home: Path
    """What is fetched and built: web/, bin/, artefacts/, contracts/, stamps/."""
    venv: Path

    @classmethod
    def here(cls) -> "Place":
        """Return the checkout that this file lies in; DEXWATCH_HOME may name another home."""
        root = Path(__file__).resolve().parents[2]
        named = os.environ.get("DEXWATCH_HOME")
        return cls(
            root=root,
            home=Path(named).resolve() if named else root / ".dexwatch",
            venv=root / ".venv",
        )


@dataclass(frozen=True)
class Step:
    """One named piece of set-up; `act` returns what it did in a few words."""

    name: str
    act: Callable[[], str]


def run_step(step: Step, number: int, total: int) -> None:
    """Run a step and print its name, what it did, and how long that took."""
    head = f"[{number}/{total}] {step.name}"
    began = time.monotonic()
    try:
        outcome = step.act()
    except SetupError:
        print(f"{head}: failed after {time.monotonic() - began:.1f} s", flush=True)
        raise
    print(f"{head}: {outcome} ({time.monotonic() - began:.1f} s)", flush=True)


def say(text: str) -> None:
    """Print one line of progress inside a step."""
    print(f"      {text}", flush=True)


def run(
    command: Sequence[str],
    *,
    remedy: str,
    timeout_seconds: float,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> str:
    """Run a program to its end and return its output.

    Raises:
        SetupError: it is missing, failed, or took longer than the time-out; with the end of what
            it said and the remedy.
    """
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout_seconds,
            env=None if env is None else {**os.environ, **env},
            cwd=cwd,
            check=False,
        )
    except FileNotFoundError as error:
        raise SetupError(f"{command[0]} is not installed. {remedy}") from error
    except subprocess.TimeoutExpired as error:
        raise SetupError(
            f"{_short(command)} took longer than {timeout_seconds:.0f} s. {remedy}"
        ) from error
    if done.returncode != 0:
        said = "\n".join((done.stdout + done.stderr).strip().splitlines()[-15:])
        raise SetupError(
            f"{_short(command)} ended with status {done.returncode}.\n{said}\n{remedy}"
        )
    return done.stdout


def _short(command: Sequence[str]) -> str:
    line = " ".join(command)
    return line if len(line) <= 160 else line[:157] + "..."


def digest(parts: Iterable[Path | str]) -> str:
    """Return a hash over the contents of files and over strings: equal when nothing changed."""
    total = hashlib.sha256()
    for part in parts:
        content = part.read_bytes() if isinstance(part, Path) else part.encode()
        total.update(len(content).to_bytes(8, "big"))
        total.update(content)
    return total.hexdigest()


class Stamp:
    """A small file that remembers for which inputs a step was last done."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> dict[str, str]:
        """Return what was remembered; nothing where the file is missing or damaged."""
        try:
            content = json.loads(self._path.read_text())
        except (OSError, ValueError):
            return {}
        return content if isinstance(content, dict) else {}

    def write(self, content: Mapping[str, str]) -> None:
        """Remember; a crash leaves either the old file or the new one."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        draft = self._path.with_suffix(".new")
        draft.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n")
        draft.replace(self._path)

    def forget(self) -> None:
        """Remove the file, so that a step that is now begun counts as undone until it ends."""
        self._path.unlink(missing_ok=True)


def on_a_terminal() -> bool:
    """Tell whether a person can read what we say and act on it while we wait."""
    return sys.stdin.isatty() and sys.stdout.isatty()
