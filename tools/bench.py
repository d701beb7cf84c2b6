"""Run the benchmarks one after the other, and keep what each prints.

    python -m tools.bench              all of them
    python -m tools.bench console      one of them

A benchmark is a script in benchmarks/ that prints one JSON object: the measurement, and what it was
compared with.
The results are kept in .dexwatch/bench/NAME.json.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "benchmarks"
TIMEOUT_SECONDS = 3600


def main(arguments: list[str] | None = None) -> int:
    """Run the chosen benchmarks; the status is 1 when any of them failed."""
    scripts = {path.stem: path for path in sorted(FOLDER.glob("[a-z]*.py"))}
    chosen = (sys.argv[1:] if arguments is None else arguments) or list(scripts)
    unknown = [name for name in chosen if name not in scripts]
    if unknown:
        print(f"unknown: {', '.join(unknown)}; there are: {', '.join(scripts) or 'none'}")
        return 2
    results = [_run(name, scripts[name]) for name in chosen]
    return 0 if all(results) else 1


def _run(name: str, script: Path) -> bool:
    print(f"{name} ...", file=sys.stderr, flush=True)
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, str(script)],
        cwd=ROOT,
        # Some measure with what the tests use.
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        check=False,
        timeout=TIMEOUT_SECONDS,
        text=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
    )
    print(done.stdout, end="", flush=True)
    passed = done.returncode == 0 and _keep(name, done.stdout)
    verdict = "done" if passed else f"FAILED (status {done.returncode})"
    print(f"{name}: {verdict} ({time.monotonic() - began:.0f} s)", file=sys.stderr, flush=True)
    return passed


def _keep(name: str, output: str) -> bool:
    try:
        result = json.loads(output)
    except ValueError:
        print(f"{name}: its output is not one JSON object", file=sys.stderr)
        return False
    folder = Path(os.environ.get("DEXWATCH_HOME", ROOT / ".dexwatch")) / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.json").write_text(json.dumps(result, indent=2) + "\n")
    return True


if __name__ == "__main__":
    sys.exit(main())
