"""Write the lock files, and check that they still answer what the projects ask for.

    python -m tools.locks update    resolve anew (needs the package index)
    python -m tools.locks check     offline: everything asked for is locked, with a hash

`requirements/run.txt` locks the product and the sample exchange, `requirements/dev.txt` the same
and what the tests and checks need.
The files hold names, versions and hashes, and no address of any index.
"""

import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
OWN = {"dexwatch", "dexwatch-instrument"}
SOURCES = ("pyproject.toml", "instrument/pyproject.toml", "requirements/build.in")
OPTIONS = (
    "--quiet",
    "--universal",
    "--generate-hashes",
    "--no-emit-index-url",
    "--no-emit-find-links",
    "--no-header",
    "--no-annotate",
    "--python-version=3.11",
    "--no-emit-package=dexwatch-instrument",
    "--extra=demo",
)


def main(arguments: list[str] | None = None) -> int:
    """Carry out `update` or `check`."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments == ["update"]:
        update(ROOT)
        return 0
    if arguments == ["check"]:
        problems = list(check(ROOT))
        for problem in problems:
            print(problem)
        if problems:
            print("\nBring the locks up to date with: make locks")
        return 1 if problems else 0
    print(__doc__)
    return 2


def update(root: Path) -> None:
    """Resolve both files; versions already locked are kept where they still fit."""
    env = {name: value for name, value in os.environ.items() if name != "PIP_FIND_LINKS"}
    base = [sys.executable, "-m", "uv", "pip", "compile", *SOURCES, *OPTIONS]
    subprocess.run([*base, "-o", "requirements/run.txt"], cwd=root, env=env, check=True)
    constraints = ["--group=dev", "--constraint=requirements/run.txt"]
    subprocess.run(
        [*base, *constraints, "-o", "requirements/dev.txt"], cwd=root, env=env, check=True
    )


def check(root: Path) -> Iterator[str]:
    """Yield a line for each thing that is wrong with the locks."""
    run, dev = (root / "requirements" / name for name in ("run.txt", "dev.txt"))
    pinned = {path: read_lock(path.read_text()) for path in (run, dev)}
    for path, asked in ((run, _asked(root, dev=False)), (dev, _asked(root, dev=True))):
        yield from unlocked(asked, pinned[path], where=f"requirements/{path.name}")
        yield from _foreign(path)
    for name, versions in pinned[run].items():
        if pinned[dev].get(name) != versions:
            yield f"requirements/dev.txt: {name} differs from requirements/run.txt"


def read_lock(text: str) -> dict[str, set[str]]:
    """Return the locked versions by canonical name (several where they differ by marker)."""
    pinned: dict[str, set[str]] = {}
    for name, version in re.findall(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", text, re.MULTILINE):
        pinned.setdefault(canonicalize_name(name), set()).add(version)
    return pinned


def unlocked(asked: list[Requirement], pinned: dict[str, set[str]], *, where: str) -> Iterator[str]:
    """Yield what is asked for and not locked, or locked at a version that does not fit."""
    for requirement in asked:
        versions = pinned.get(canonicalize_name(requirement.name))
        if versions is None:
            yield f"{where}: {requirement.name} is not locked"
        elif not all(requirement.specifier.contains(one, prereleases=True) for one in versions):
            found = ", ".join(sorted(versions))
            yield f"{where}: {requirement.name} is locked at {found}, asked for is {requirement}"


def _asked(root: Path, *, dev: bool) -> list[Requirement]:
    lines: list[str] = []
    for path in ("pyproject.toml", "instrument/pyproject.toml"):
        content = tomllib.loads((root / path).read_text())
        lines += content["project"].get("dependencies", [])
        for extra in content["project"].get("optional-dependencies", {}).values():
            lines += extra
        lines += content.get("dependency-groups", {}).get("dev", []) if dev else []
    lines += (root / "requirements" / "build.in").read_text().splitlines()
    return [one for one in map(_requirement, lines) if one is not None]


def _requirement(line: str) -> Requirement | None:
    try:
        requirement = Requirement(line)
    except InvalidRequirement:
        return None  # A comment or an empty line of build.in.
    if requirement.name in OWN:
        return None
    return None if requirement.marker and not requirement.marker.evaluate() else requirement


def _foreign(path: Path) -> Iterator[str]:
    """Yield lines that are neither a pinned version nor a hash: addresses, paths, options."""
    pinned = re.compile(r"^[A-Za-z0-9._-]+==\S+( ; [^\\]+)? \\$")
    hashed = re.compile(r"^    --hash=sha256:[0-9a-f]{64}( \\)?$")
    for number, line in enumerate(path.read_text().splitlines(), start=1):
        if not pinned.match(line) and not hashed.match(line):
            yield f"requirements/{path.name}:{number}: unexpected line {line!r}"


if __name__ == "__main__":
    sys.exit(main())
