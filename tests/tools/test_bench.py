"""Benchmarks are run one by one, and what they print is kept."""

import json
from pathlib import Path

import pytest

from tools import bench


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(bench, "FOLDER", tmp_path)
    monkeypatch.setenv("DEXWATCH_HOME", str(tmp_path / "home"))
    (tmp_path / "good.py").write_text("import tests.fakes\nprint('{\"p95\": 5.5}')")
    return tmp_path


def test_the_result_is_kept_under_the_name_of_the_script(folder: Path) -> None:
    assert bench.main(["good"]) == 0
    assert json.loads((folder / "home/bench/good.json").read_text()) == {"p95": 5.5}


@pytest.mark.parametrize("script", ["raise SystemExit(3)", "print('fast')"])
def test_one_that_fails_or_prints_no_json_fails_the_run(folder: Path, script: str) -> None:
    (folder / "bad.py").write_text(script)
    assert bench.main([]) == 1
    assert (folder / "home/bench/good.json").exists(), "the others are run all the same"


def test_an_unknown_name_is_told(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert bench.main(["bad"]) == 2
    assert "unknown: bad; there are: good" in capsys.readouterr().out
