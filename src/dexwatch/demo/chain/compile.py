"""Compile the sample's contracts into artefacts: `python -m dexwatch.demo.chain.compile`.

The artefacts lie in `$DEXWATCH_HOME/contracts` (default `.dexwatch/contracts`), one JSON a contract
with `bytecode` and the hash of all sources; while the hash is right nothing is compiled.
"""

import hashlib
import sys
from collections.abc import Mapping
from pathlib import Path

import orjson

from dexwatch.daemons.paths import home

SOURCES = Path(__file__).parent.parent / "contracts"
CONTRACTS = ("Token", "WrappedBnb", "Router", "Vault", "Farm", "PoolDeployer", "Bot")
PANCAKE = ("PancakeFactory", "PancakePair", "PancakeV3Factory", "PancakeV3Pool")


class ArtefactError(RuntimeError):
    """Artefacts are missing or broken; the message says what to run."""


def compile_contracts(folder: Path | None = None) -> dict[str, str]:
    """Return the creation code of our contracts by name, compiled now only if a source changed.

    It is 0x and hexadecimal, constructor arguments not included.

    Raises:
        ArtefactError: the compiler is not installed.
    """
    folder = folder or home() / "contracts"
    stamp = source_hash()
    found = {name: _stored(folder / f"{name}.json", stamp) for name in CONTRACTS}
    ready = {name: code for name, code in found.items() if code is not None}
    if len(ready) == len(CONTRACTS):
        return ready
    folder.mkdir(parents=True, exist_ok=True)
    fresh = {name: _compiled(name) for name in CONTRACTS}
    for name, code in fresh.items():
        text = {"bytecode": code, "source_hash": stamp}
        partial = folder / f"{name}.json.partial"
        partial.write_bytes(orjson.dumps(text))
        partial.replace(folder / f"{name}.json")
    return fresh


def load_artefacts() -> Mapping[str, str]:
    """Return the creation code of our contracts and PancakeSwap's, by name.

    Raises:
        ArtefactError: PancakeSwap's artefacts were not installed.
    """
    folder = home() / "artefacts"
    artefacts = compile_contracts()
    for name in PANCAKE:
        try:
            content = orjson.loads((folder / f"{name}.json").read_bytes())
            artefacts[name] = _prefixed(content["bytecode"])
        except (OSError, orjson.JSONDecodeError, KeyError) as error:
            raise ArtefactError(
                f"{folder / name}.json is missing or broken: run `make setup` in the project, "
                "or point DEXWATCH_HOME at the folder that holds `artefacts`"
            ) from error
    return artefacts


def source_hash() -> str:
    """Return the hash over all contract sources, which stamps the artefacts."""
    digest = hashlib.sha256()
    for source in sorted(SOURCES.glob("*.vy")):
        digest.update(source.name.encode() + b"\0" + source.read_bytes() + b"\0")
    return digest.hexdigest()


def _stored(path: Path, stamp: str) -> str | None:
    try:
        content = orjson.loads(path.read_bytes())
        return str(content["bytecode"]) if content["source_hash"] == stamp else None
    except (OSError, orjson.JSONDecodeError, KeyError):
        return None


def _compiled(name: str) -> str:
    try:
        from vyper.compiler import compile_from_file_input  # noqa: PLC0415 - slow, rarely needed.
        from vyper.compiler.input_bundle import FilesystemInputBundle  # noqa: PLC0415
    except ImportError as error:
        raise ArtefactError("Vyper is missing: install dexwatch with the extra `demo`") from error
    bundle = FilesystemInputBundle([SOURCES])
    source = bundle.load_file(Path(f"{name}.vy"))
    output = compile_from_file_input(source, input_bundle=bundle, output_formats=["bytecode"])
    return _prefixed(output["bytecode"])


def _prefixed(code: str) -> str:
    return code if code.startswith("0x") else "0x" + code


if __name__ == "__main__":
    compiled = compile_contracts()
    sys.stdout.write(f"{len(compiled)} contracts in {home() / 'contracts'}\n")
