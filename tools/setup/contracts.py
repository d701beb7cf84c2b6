"""The sample exchange's own contracts, compiled once by the environment's Vyper."""

from pathlib import Path

from tools.setup.steps import Place, Stamp, digest, run

MODULE = "dexwatch.demo.chain.compile"


def ensure(place: Place) -> str:
    """Compile when a source, the compiler's lock or the compiling module has changed."""
    demo = place.root / "src" / "dexwatch" / "demo"
    module = demo / "chain" / "compile.py"
    if not module.exists():
        return "none"
    sources = sorted(demo.glob("contracts/**/*.vy*"))
    lock = [place.root / "requirements" / "run.txt"]
    stamp = Stamp(place.home / "stamps" / "contracts.json")
    wanted = {"sources": digest([*sources, module, *lock])}
    if stamp.read() == wanted and _has_files(place.home / "contracts"):
        return f"all {len(sources)} compiled"
    run(
        [str(place.venv / "bin" / "python"), "-m", MODULE],
        remedy="The contracts are in src/dexwatch/demo/contracts.",
        timeout_seconds=600,
        env={"DEXWATCH_HOME": str(place.home)},
        cwd=place.root,
    )
    stamp.write(wanted)
    return f"compiled {len(sources)}"


def _has_files(folder: Path) -> bool:
    return folder.is_dir() and any(folder.iterdir())
