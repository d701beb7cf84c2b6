"""Steps tell what they do, and failures tell what to do."""

import sys
from pathlib import Path

import pytest

from tools.setup import contracts, python
from tools.setup.steps import Place, SetupError, Stamp, Step, digest, run, run_step

ROOT = Path(__file__).resolve().parents[2]


def test_a_step_prints_its_number_name_outcome_and_time(
    capsys: pytest.CaptureFixture[str],
) -> None:
    run_step(Step("npm artefacts", lambda: "fetched 6"), 3, 4)
    assert capsys.readouterr().out.startswith("[3/4] npm artefacts: fetched 6 (0.0 s)")


def test_a_failed_program_is_told_with_its_words_and_a_remedy() -> None:
    with pytest.raises(SetupError, match=r"status 7\.\nno disk\nFree some space\."):
        run(
            [sys.executable, "-c", "import sys; print('no disk'); sys.exit(7)"],
            remedy="Free some space.",
            timeout_seconds=30,
        )


def test_a_missing_program_is_told_with_a_remedy() -> None:
    with pytest.raises(SetupError, match=r"frobnicate is not installed\. Install it\."):
        run(["frobnicate"], remedy="Install it.", timeout_seconds=30)


def test_a_program_that_hangs_is_ended() -> None:
    with pytest.raises(SetupError, match="took longer than 0 s"):
        run([sys.executable, "-c", "import time; time.sleep(60)"], remedy="", timeout_seconds=0.2)


def test_a_damaged_stamp_counts_as_none(tmp_path: Path) -> None:
    stamp = Stamp(tmp_path / "stamp.json")
    assert stamp.read() == {}
    stamp.write({"a": "1"})
    assert stamp.read() == {"a": "1"}
    (tmp_path / "stamp.json").write_text("[")
    assert stamp.read() == {}


def test_a_digest_keeps_contents_apart() -> None:
    assert digest(["ab", "c"]) != digest(["a", "bc"])


def test_an_environment_made_for_the_tests_is_ready_to_run(tmp_path: Path) -> None:
    place = Place(root=ROOT, home=tmp_path, venv=tmp_path)
    for_tests = python.wanted_state(place, tests=True)
    assert python.wanted_state(place, tests=False).items() <= for_tests.items()


def test_contracts_are_compiled_once_and_again_when_a_source_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Place(root=tmp_path, home=tmp_path / "home", venv=tmp_path / "venv")
    assert contracts.ensure(place) == "none"
    source = tmp_path / "src/dexwatch/demo/contracts/Vault.vy"
    for path in (
        source,
        tmp_path / "src/dexwatch/demo/chain/compile.py",
        tmp_path / "requirements/run.txt",
    ):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")

    def compile_all(*_: object, **__: object) -> str:
        (place.home / "contracts").mkdir(parents=True, exist_ok=True)
        (place.home / "contracts" / "Vault.json").write_text("{}")
        return ""

    monkeypatch.setattr(contracts, "run", compile_all)
    assert contracts.ensure(place) == "compiled 1"
    assert contracts.ensure(place) == "all 1 compiled"
    source.write_text("# another")
    assert contracts.ensure(place) == "compiled 1"
