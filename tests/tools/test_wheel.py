"""The wheel works outside the checkout, with the console's scripts in it."""

import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

from tools.wheel_assets import NAMES

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory, home: Path) -> Path:
    """The interpreter of a fresh environment that holds our wheels.

    What they depend on is borrowed from the environment of the tests by a .pth file, so nothing
    is fetched; the editable install there is not seen, because its own .pth is not read.
    """
    folder = tmp_path_factory.mktemp("wheel")
    for project in (ROOT / "instrument", ROOT):
        hatchling = [sys.executable, "-m", "hatchling", "build", "-t", "wheel"]
        build([*hatchling, "-d", str(folder)], cwd=project)
    venv.create(folder / "venv", with_pip=False)
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    library = folder / "venv" / "lib" / version / "site-packages"
    for wheel in folder.glob("*.whl"):
        build([sys.executable, "-m", "zipfile", "-e", str(wheel), str(library)])
    (library / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder / "venv" / "bin" / "python"


def build(command: list[str], *, cwd: Path = ROOT) -> None:
    done = subprocess.run(
        command, cwd=cwd, capture_output=True, text=True, check=False, timeout=100
    )
    assert done.returncode == 0, done.stdout + done.stderr


def run(python: Path, *arguments: str) -> str:
    done = subprocess.run(
        [str(python), *arguments],
        cwd=python.parent,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_command_line_runs_from_the_wheel(python: Path) -> None:
    code = "import sys; sys.argv = ['dexwatch', '--help']; from dexwatch.cli import main; main()"
    assert "up" in run(python, "-c", code)
    where = run(python, "-c", "import dexwatch; print(dexwatch.__file__)")
    assert where.startswith(str(python.parents[1])), "the checkout was imported, not the wheel"


def test_the_scripts_of_the_console_are_in_the_wheel(python: Path) -> None:
    code = (
        "from importlib.resources import files\n"
        "folder = files('dexwatch') / 'console' / 'static' / 'vendor'\n"
        "print(*sorted(one.name for one in folder.iterdir()))"
    )
    assert run(python, "-c", code).split() == sorted(NAMES)


def test_both_distributions_say_that_they_are_typed(python: Path) -> None:
    code = (
        "from importlib.resources import files\n"
        "print(*((files(one) / 'py.typed').is_file() for one in"
        " ('dexwatch', 'dexwatch_instrument')))"
    )
    assert run(python, "-c", code).split() == ["True", "True"]
