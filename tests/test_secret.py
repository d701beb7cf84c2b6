"""Addresses that can name no host or port are refused where they are set, by what is wrong."""

from pathlib import Path

import pytest

from dexwatch.secret import with_host
from dexwatch.settings import SettingsError, load

HOST, PORT = "names no host", "the port of the address is no number from 1 to 65535"
SESAME = "open-sesame"
BASE = f"name: a\nrespond: {{hook_token: {'h' * 32}}}\n"


@pytest.mark.parametrize(
    ("address", "wrong"),
    [
        (f"postgresql://bo:{SESAME}@db:99999/dex", PORT),
        (f"postgresql://bo:{SESAME}@db:0/dex", PORT),
        (f"postgresql://bo:{SESAME}@db:none/dex", PORT),
        (f"postgresql://bo:{SESAME}@/dex", HOST),
        (f"postgresql://bo:{SESAME}@a..b/dex", HOST),
        (f"postgresql://bo:{SESAME}@{'a' * 70}.example/dex", HOST),
        (f"postgresql://bo:{SESAME}@a b/dex", HOST),
        (f"postgresql://bo:{SESAME}@[::1/dex", HOST),
    ],
)
def test_an_address_that_cannot_be_is_refused_by_what_is_wrong_and_untold(
    address: str, wrong: str
) -> None:
    with pytest.raises(ValueError, match=wrong) as raised:
        with_host(address)
    assert SESAME not in str(raised.value)


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://bo:pa%2Fss@[::1]:5432/dex",
        "https://bücher.example",
        "http://some_service.docker:80/x",
    ],
)
def test_an_address_that_can_be_stays_as_it_is(address: str) -> None:
    assert with_host(address) == address


@pytest.mark.parametrize(
    ("place", "setting"),
    [
        ("storage.url", "storage: {url: 'postgresql://db:99999/dex'}"),
        ("daemons.prometheus.url", "daemons: {prometheus: {url: 'http://prometheus:99999'}}"),
        ("daemons.alertmanager.url", "daemons: {alertmanager: {url: 'http://a..b:9093'}}"),
        ("daemons.deadman.outside_url", "daemons: {deadman: {outside_url: 'https://x:99999/p'}}"),
        ("console", "console: {public_url: 'https://watch.example:99999'}"),
        ("console", "console: {public_url: 'watch.example'}"),
        ("watch", "watch: {advertise: 'https://watch.example:99999'}"),
        ("notify.slack.api_url", "notify: {slack: {token: x, api_url: 'https://s:99999/api'}}"),
    ],
)
def test_a_setting_that_is_no_address_is_named(tmp_path: Path, place: str, setting: str) -> None:
    file = tmp_path / "dexwatch.yml"
    file.write_text(f"{BASE}{setting}\n")
    with pytest.raises(SettingsError, match=r"host|port|must begin with") as raised:
        load(file)
    assert [problem.key for problem in raised.value.problems if place in problem.key]


def test_a_database_in_a_file_has_no_host(tmp_path: Path) -> None:
    file, url = tmp_path / "dexwatch.yml", f"sqlite+aiosqlite:///{tmp_path}/dex.sqlite"
    file.write_text(f"{BASE}storage: {{url: '{url}'}}\n")
    assert load(file).storage.database_url(tmp_path) == url
