"""Run the steps of set-up that are not done yet.

    python3 -m tools.setup            what `make run` needs
    python3 -m tools.setup --tests    the same, and what `make test` needs
    python3 -m tools.setup --packages the Debian packages only (as root, leaves no service enabled)

Exit status: 0 done, 1 a step failed, 3 Debian packages are missing and must be installed by hand.
"""

import sys

# This comes before every other import: an older Python lacks modules that those imports need.
if sys.version_info < (3, 11):  # noqa: UP036 - it is told, not assumed.
    sys.exit(
        "dexwatch needs Python 3.11 or newer, this is "
        + sys.version.split()[0]
        + ".\nInstall a newer one and name it: make setup PYTHON=python3.11"
    )

import argparse
import signal
import time
from types import FrameType

from tools.setup import contracts, debian, hardhat, npm, python, unpacked
from tools.setup.steps import Place, SetupError, Step, run_step


def main(arguments: list[str] | None = None) -> int:
    """Parse the command line, run the steps in order, return the exit status."""
    parser = argparse.ArgumentParser(prog="setup", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--tests", action="store_true", help="also what the tests need")
    parser.add_argument("--packages", action="store_true", help="only the Debian packages")
    chosen = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, _interrupt)
    began = time.monotonic()
    steps = steps_for(Place.here(), tests=chosen.tests, packages_only=chosen.packages)
    try:
        for number, step in enumerate(steps, start=1):
            run_step(step, number, len(steps))
    except SetupError as error:
        print(f"\nset-up stopped: {error}", file=sys.stderr)
        return error.status
    except KeyboardInterrupt:
        print("\nset-up was interrupted; start it again to go on.", file=sys.stderr)
        return 130
    print(f"set-up is complete ({time.monotonic() - began:.1f} s)", flush=True)
    return 0


def steps_for(place: Place, *, tests: bool, packages_only: bool = False) -> list[Step]:
    """List the steps in the order in which each can rely on those before it."""
    packages = Step("Debian packages", lambda: debian.ensure(place, tests=tests))
    if packages_only:
        return [packages]
    return [
        packages,
        Step("Python environment", lambda: python.ensure(place, tests=tests)),
        Step("npm artefacts", lambda: npm.ensure(place)),
        Step("sample contracts", lambda: contracts.ensure(place)),
        *(_for_tests(place) if tests else []),
    ]


def _for_tests(place: Place) -> list[Step]:
    return [
        Step("unpacked packages", lambda: unpacked.ensure(place)),
        Step("Hardhat's node", lambda: hardhat.ensure(place)),
    ]


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    # A polite kill must undo what is only lent (policy-rc.d) just as Ctrl-C does.
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
