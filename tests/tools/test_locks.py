"""Locks that no longer answer what is asked for are told."""

from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tools import locks
from tools.locks import OWN, ROOT, read_lock, unlocked

HASH = " \\\n    --hash=sha256:" + "0" * 64


def test_versions_that_differ_by_marker_are_all_read() -> None:
    text = f"numpy==2.4.6 ; python_full_version < '3.12'{HASH}\nnumpy==2.5.5 ; x{HASH}\n"
    assert read_lock(text) == {"numpy": {"2.4.6", "2.5.5"}}


def test_names_are_compared_in_their_canonical_form() -> None:
    assert read_lock(f"Ruamel_YAML==0.19{HASH}\n") == {"ruamel-yaml": {"0.19"}}


def test_a_missing_package_and_an_old_version_are_told() -> None:
    asked = [Requirement("httpx>=0.28"), Requirement("rich>=15"), Requirement("typer>=0.29")]
    problems = list(unlocked(asked, {"httpx": {"0.27"}, "rich": {"15.0"}}, where="run.txt"))
    assert problems == [
        "run.txt: httpx is locked at 0.27, asked for is httpx>=0.28",
        "run.txt: typer is not locked",
    ]


def test_a_line_with_an_address_is_told(tmp_path: Path) -> None:
    path = tmp_path / "run.txt"
    path.write_text(f"--find-links /somewhere\nrich==15.0{HASH}\nx @ file:///y\n")
    lines = [problem.split(":")[1] for problem in locks._foreign(path)]
    assert lines == ["1", "4"]


def test_the_environment_holds_nothing_that_is_not_locked() -> None:
    locked = read_lock((ROOT / "requirements/dev.txt").read_text())
    installed = {canonicalize_name(one.metadata["Name"]) for one in metadata.distributions()}
    assert installed - OWN <= locked.keys()
