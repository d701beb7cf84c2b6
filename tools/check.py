"""Run every static check, all to the end, and say which failed.

python -m tools.check            all of them
python -m tools.check types      one of them
"""

import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent
CHECKS: dict[str, tuple[str, ...]] = {
    "format": ("ruff", "format", "--check", "."),
    "lint": ("ruff", "check", "."),
    "types": ("mypy", "-p", "dexwatch", "-p", "dexwatch_instrument", "-p", "tools"),
    # No test runs them, so that nothing else tells when what they use has changed.
    "benchmarks": ("mypy", "--follow-imports=silent", "benchmarks"),
    "imports": ("lint-imports",),
    "budgets": ("python", "-m", "tools.budgets"),
    "words": ("python", "-m", "tools.words"),
    "documents": ("python", "-m", "tools.documents"),
    "locks": ("python", "-m", "tools.locks", "check"),
}
TIMEOUT_SECONDS = 900


def main(arguments: list[str] | None = None) -> int:
    """Run the chosen checks; the output of those that pass is not shown."""
    chosen = (sys.argv[1:] if arguments is None else arguments) or list(CHECKS)
    unknown = [name for name in chosen if name not in CHECKS]
    if unknown:
        print(f"unknown: {', '.join(unknown)}; there are: {', '.join(CHECKS)}")
        return 2
    failed = [name for name in chosen if not _passes(name)]
    if failed:
        print(f"\nfailed: {', '.join(failed)}")
        return 1
    print("all checks passed")
    return 0


def _passes(name: str) -> bool:
    program, *rest = CHECKS[name]
    began = time.monotonic()
    done = subprocess.run(
        [str(BIN / program), *rest],
        cwd=ROOT,
        check=False,
        timeout=TIMEOUT_SECONDS,
        text=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    verdict = "ok" if done.returncode == 0 else "FAILED"
    print(f"{name}: {verdict} ({time.monotonic() - began:.1f} s)", flush=True)
    if done.returncode != 0:
        print("\n".join(f"    {line}" for line in done.stdout.strip().splitlines()), flush=True)
    return done.returncode == 0


if __name__ == "__main__":
    sys.exit(main())
