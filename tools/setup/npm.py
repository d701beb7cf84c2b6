"""Files out of npm packages: browser scripts, the anvil node, contract bytecode.

Packages are fetched as archives by `npm pack`, never by `npm install`: one of them would drag in
a whole tool chain, and none of their scripts is ours to run.
An archive whose hash differs from `tools/artefacts.toml` is refused.
"""

import base64
import hashlib
import io
import json
import platform
import tarfile
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path

from tools.setup.steps import Place, SetupError, Stamp, run, say

LARGEST_FILE_BYTES = 256 * 1024 * 1024
FETCH_SECONDS = 900


@dataclass(frozen=True)
class Artefact:
    """One npm package at one version, and the files that we take out of it."""

    name: str
    version: str
    integrity: str
    """`sha512-` and the hash in base64, as npm writes it."""
    files: tuple[tuple[str, str], ...]
    """Pairs: path inside the package, path inside the home folder."""
    machine: str | None = None
    """The kind of machine (as `uname -m` says) that it is for; None means all."""

    @property
    def spec(self) -> str:
        """The name and version as npm wants them."""
        return f"{self.name}@{self.version}"

    @property
    def stamp(self) -> str:
        """Changes whenever anything about the artefact changes."""
        return f"{self.integrity} {' '.join(target for _, target in self.files)}"


def read_artefacts(path: Path) -> tuple[Artefact, ...]:
    """Read `artefacts.toml`."""
    content = tomllib.loads(path.read_text())
    return tuple(
        Artefact(
            name=entry["name"],
            version=entry["version"],
            integrity=entry["integrity"],
            files=tuple(entry["files"].items()),
            machine=entry.get("machine"),
        )
        for entry in content["package"]
    )


def ensure(place: Place) -> str:
    """Fetch the packages whose files are not all there yet."""
    listed = read_artefacts(place.root / "tools" / "artefacts.toml")
    _require_node(place, listed, machine=platform.machine())
    wanted = [one for one in listed if one.machine in {None, platform.machine()}]
    stamp = Stamp(place.home / "stamps" / "npm.json")
    done = stamp.read()
    due = [one for one in wanted if not _is_done(one, done, place.home)]
    if not due:
        return f"all {len(wanted)} present"
    with tempfile.TemporaryDirectory(prefix="dexwatch-npm-") as folder:
        say(f"fetching: {' '.join(one.spec for one in due)}")
        archives = _fetch(due, Path(folder))
        for artefact in due:
            unpack(artefact, archives[artefact.name], place.home)
            done[artefact.name] = artefact.stamp
            stamp.write(done)
    return f"fetched {len(due)}"


def _is_done(artefact: Artefact, done: dict[str, str], home: Path) -> bool:
    there = all((home / target).is_file() for _, target in artefact.files)
    return there and done.get(artefact.name) == artefact.stamp


def _require_node(place: Place, listed: tuple[Artefact, ...], *, machine: str) -> None:
    """Refuse early where no anvil is locked for this kind of machine and none was put there."""
    kinds = sorted({one.machine for one in listed if one.machine})
    anvil = place.home / "bin" / "anvil"
    if machine not in kinds and not anvil.exists():
        raise SetupError(
            f"no anvil is locked for {machine} (only for {', '.join(kinds)}). "
            f"Put an anvil program of your own at {anvil} and start again."
        )


def _fetch(artefacts: list[Artefact], folder: Path) -> dict[str, bytes]:
    said = run(
        [
            "npm",
            "pack",
            "--json",
            "--ignore-scripts",
            "--loglevel=error",
            f"--pack-destination={folder}",
            *(one.spec for one in artefacts),
        ],
        remedy="Node.js with npm must be installed, and npm must reach its registry.",
        timeout_seconds=FETCH_SECONDS,
        cwd=folder,
    )
    return dict(_archives(said, folder))


def _archives(said: str, folder: Path) -> list[tuple[str, bytes]]:
    """Find the archives by what npm printed; its shape differs between npm's versions."""
    try:
        entries = json.loads(said)
    except ValueError as error:
        raise SetupError("npm pack printed no JSON; update npm to version 9 or newer.") from error
    entries = list(entries.values()) if isinstance(entries, dict) else entries
    found = []
    for entry in entries:
        # npm 9 names the file of a scoped package with a slash that the file does not have.
        name = entry["filename"].removeprefix("@").replace("/", "-")
        found.append((entry["name"], (folder / name).read_bytes()))
    return found


def unpack(artefact: Artefact, archive: bytes, home: Path) -> None:
    """Check an archive's hash and write its named files below `home`.

    Raises:
        SetupError: the hash differs, or a named file is missing or too large.
    """
    found = "sha512-" + base64.b64encode(hashlib.sha512(archive).digest()).decode()
    if found != artefact.integrity:
        raise SetupError(
            f"{artefact.spec}: the archive's hash is {found}, but tools/artefacts.toml says "
            f"{artefact.integrity}. Nothing was unpacked. The registry or a mirror gave other "
            "content than was locked: find out why before you trust it."
        )
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as tar:
        for inside, target in artefact.files:
            _write(_content(tar, artefact, inside), home / target)


def _content(tar: tarfile.TarFile, artefact: Artefact, inside: str) -> bytes:
    try:
        member = tar.getmember(f"package/{inside}")
    except KeyError as error:
        raise SetupError(f"{artefact.spec} holds no file {inside!r}") from error
    stream = tar.extractfile(member) if member.size <= LARGEST_FILE_BYTES else None
    if stream is None:
        raise SetupError(f"{artefact.spec}: {inside!r} is not a plain file of a sensible size")
    return stream.read()


def _write(content: bytes, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(path.name + ".new")
    draft.write_bytes(content)
    draft.chmod(0o755 if path.parent.name == "bin" else 0o644)
    # Replacing works while the old program runs; writing into it would not.
    draft.replace(path)
