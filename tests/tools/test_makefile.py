"""The Makefile tells what it can do, and what it does not have fails clearly."""

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TARGETS = ("setup", "run", "scenario", "test", "check", "docs", "bench", "clean", "wheel")


OUTER = {"CI", "ARGS", "NAME", "TESTS", "MAKEFLAGS", "MAKEOVERRIDES", "MAKELEVEL"}
"""What a make that runs these tests hands down."""


def make(*arguments: str) -> str:
    env = {name: value for name, value in os.environ.items() if name not in OUTER}
    done = subprocess.run(
        ["make", "-C", str(ROOT), "--no-print-directory", *arguments],
        env=env,
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    return done.stdout


def test_make_alone_lists_every_target_with_what_it_does() -> None:
    listed = {line.split()[1] for line in make().splitlines()}
    assert listed >= set(TARGETS)


@pytest.mark.parametrize("target", TARGETS)
def test_every_target_is_known(target: str) -> None:
    assert make("--dry-run", target)


def test_the_flow_tests_run_in_ci_only() -> None:
    local, ci = make("--dry-run", "test"), make("--dry-run", "test", "CI=true")
    assert '-m "not flow"' in local
    assert '-m "not flow"' in ci
    assert "-m flow" not in local
    assert "-m flow" in ci
