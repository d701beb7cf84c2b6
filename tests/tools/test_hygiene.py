"""A test session that leaves a process behind fails and names it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LEAVES_ONE = """
import subprocess, sys

def test_passes():
    subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(20)  # forgotten"], start_new_session=True
    )
"""


def session(folder: Path, text: str) -> subprocess.CompletedProcess[str]:
    (folder / "test_it.py").write_text(text)
    (folder / "pytest.ini").write_text("[pytest]\n")
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "tests.conftest", "-p", "no:cacheprovider"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_a_process_left_behind_fails_the_session(tmp_path: Path) -> None:
    done = session(tmp_path, LEAVES_ONE)
    assert done.returncode == pytest.ExitCode.TESTS_FAILED
    assert "left processes behind" in done.stdout
    assert "forgotten" in done.stdout
    for line in done.stdout.splitlines():
        pid, colon, command = line.strip().partition(": ")
        if colon and "forgotten" in command and pid.isdigit():
            os.kill(int(pid), 9)


def test_a_clean_session_passes(tmp_path: Path) -> None:
    assert session(tmp_path, "def test_passes():\n    pass\n").returncode == 0
