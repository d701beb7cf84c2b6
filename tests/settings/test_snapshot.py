"""The last good configuration stays in use, and says so."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from dexwatch.settings import Settings, load
from dexwatch.settings.loading import folder_of
from dexwatch.settings.snapshot import Configuration, changed, keeping

TEXT = "name: ana-dex\nrespond: {hook_token: a-long-enough-token-for-tests}\n"


def settings(folder: Path, more: str = "") -> Settings:
    (folder / "dexwatch.yml").write_text(TEXT + more)
    return load(folder / "dexwatch.yml")


def told(configuration: Configuration) -> dict[str, float]:
    return {sample.metric.name: float(sample.value) for sample in configuration.samples()}


def test_versions_count_what_was_taken_into_use(tmp_path: Path) -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    times = iter(at + timedelta(minutes=step) for step in range(5))
    first = settings(tmp_path)
    configuration = Configuration(
        tmp_path / "dexwatch.yml", first, secrets=(), clock=lambda: next(times)
    )

    configuration.accept(first)
    assert configuration.current.version == 1, "nothing differs"

    configuration.accept(settings(tmp_path, "watch: {max_series: 50}\n"))
    assert (configuration.current.version, configuration.current.at) == (
        2,
        at + timedelta(minutes=1),
    )

    configuration.refuse()
    assert configuration.current.version == 2
    assert told(configuration)["dexwatch_config_last_reload_successful"] == 0

    configuration.accept(configuration.current.settings)
    assert told(configuration)["dexwatch_config_last_reload_successful"] == 1
    assert told(configuration)["dexwatch_config_version"] == 2


def test_differences_are_named_by_their_place(tmp_path: Path) -> None:
    former = settings(tmp_path)
    latter = settings(tmp_path, "watch: {max_series: 50, port: 7000}\nstorage: {url: null}\n")

    places = ("watch.port", "watch.max_series", "watch.host", "storage", "chain.chain_id")

    assert changed(former, latter, places) == ("watch.port", "watch.max_series")
    kept = keeping(former, latter, ("watch.port", "chain.chain_id"))
    assert (kept.watch.port, kept.watch.max_series) == (8910, 50)


@pytest.mark.parametrize(
    ("text", "folder"),
    [
        ("name: a\n", "dexwatch-state"),
        ("name: a\nfolder: ./elsewhere\n", "elsewhere"),
        ("folder: ./elsewhere   # ours\nname: [\n", "elsewhere"),
        ("folder: './elsewhere'\nx: *y\n", "elsewhere"),
        ("name: [\n", "dexwatch-state"),
        ("folder: [1]\n", "dexwatch-state"),
    ],
)
def test_folder_is_found_however_broken_the_rest_is(tmp_path: Path, text: str, folder: str) -> None:
    (tmp_path / "dexwatch.yml").write_text(text)

    assert folder_of(tmp_path / "dexwatch.yml") == tmp_path / folder


def test_folder_of_a_missing_file_is_the_usual_one(tmp_path: Path) -> None:
    assert folder_of(tmp_path / "absent.yml") == tmp_path / "dexwatch-state"
