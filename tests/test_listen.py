"""Where a process listens, and which address others are told."""

import pytest
from pydantic import ValidationError

from dexwatch.listen import ListenConfig


@pytest.mark.parametrize(
    ("config", "others", "here"),
    [
        ({}, "http://127.0.0.1:8900", "http://127.0.0.1:8900"),
        ({"host": "10.0.0.7"}, "http://10.0.0.7:8900", "http://10.0.0.7:8900"),
        (
            {"host": "0.0.0.0", "advertise": "10.0.0.7"},
            "http://10.0.0.7:8900",
            "http://127.0.0.1:8900",
        ),
        ({"advertise": "dex.example.org:80"}, "http://dex.example.org:80", "http://127.0.0.1:8900"),
        (
            {"advertise": "https://dex.example.org"},
            "https://dex.example.org",
            "http://127.0.0.1:8900",
        ),
        ({"host": "::1"}, "http://[::1]:8900", "http://[::1]:8900"),
        (
            {"host": "::", "advertise": "[fd00::7]"},
            "http://[fd00::7]:8900",
            "http://127.0.0.1:8900",
        ),
    ],
)
def test_others_are_told_the_advertised_address(config: dict, others: str, here: str) -> None:
    listen = ListenConfig(port=8900, **config)

    assert (listen.url, listen.local_url) == (others, here)


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_every_address_is_no_address_for_others(host: str) -> None:
    with pytest.raises(ValidationError, match="advertise"):
        ListenConfig(port=8900, host=host)


@pytest.mark.parametrize(
    "advertise",
    [
        *("http://a/path", "a b", "ftp://a", "http://user@a", ""),
        *("a:99999", "a:0", "[:::::]:1", "a..b", "https://a:65536"),
    ],
)
def test_advertised_address_has_no_more_than_host_and_port(advertise: str) -> None:
    with pytest.raises(ValidationError):
        ListenConfig(port=8900, advertise=advertise)


@pytest.mark.parametrize(
    ("host", "loopback"),
    [("127.0.0.1", True), ("localhost", True), ("::1", True), ("10.0.0.7", False)],
)
def test_loopback_is_known(host: str, loopback: bool) -> None:
    assert ListenConfig(port=1, host=host).on_loopback is loopback
