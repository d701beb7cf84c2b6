"""The sample's ports and its configuration."""

import socket
from pathlib import Path

from dexwatch.demo.chain.handle import ChainHandle, Node
from dexwatch.demo.config import Options, Ports
from dexwatch.demo.config_file import merged, write_config
from dexwatch.demo.node.faults import Faults
from dexwatch.settings import load
from dexwatch.settings.exposure import exposed
from tests.demo.trading.test_population import DEPLOYMENT


def test_each_name_keeps_its_port_and_no_port_is_given_twice() -> None:
    ports = Ports()
    taken = [ports.take(f"part {i}") for i in range(50)]
    assert len(set(taken)) == 50
    assert ports.take("part 7") == taken[7]


def test_a_wish_is_granted_only_when_the_port_is_free() -> None:
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        number = busy.getsockname()[1]
        assert Ports().take("console", wish=number) != number
    assert Ports().take("console", wish=number) == number


def test_merging_joins_lists_and_keeps_both_sides() -> None:
    first = {"a": {"x": [1], "y": 1}, "b": 1}
    second = {"a": {"x": [2], "z": 2}, "b": 2}
    assert merged(first, second) == {"a": {"x": [1, 2], "y": 1, "z": 2}, "b": 2}
    assert first == {"a": {"x": [1], "y": 1}, "b": 1}


def test_what_is_written_is_valid_and_secrets_are_for_us_alone(tmp_path: Path) -> None:
    nodes = tuple(
        Node(name, f"http://127.0.0.1:{i}", f"ws://127.0.0.1:{i}", Faults())
        for i, name in enumerate(("node-a", "node-b", "node-platform"), start=2000)
    )
    chain = ChainHandle(
        chain_id=56,
        anvil="http://127.0.0.1:1999",
        nodes=nodes[:2],
        platform=nodes[2],
        deployment=DEPLOYMENT,
    )
    file, sign_in = write_config(
        tmp_path,
        options=Options(exchange=False),
        ports=Ports(),
        chain=chain,
        parts={},
        exchange_secrets={"platform.dsn": "postgresql://x"},
        control_token="a-token-of-the-control-api",
        addresses={"mailbox": "http://127.0.0.1:1"},
    )
    settings = load(file)
    assert [pool.name for pool in settings.dex.pools] == list(DEPLOYMENT.pools)
    assert settings.chain is not None
    assert [endpoint.name for endpoint in settings.chain.endpoints] == ["node-a", "node-b"]
    assert settings.console.sample_control is not None
    assert sign_in.password not in file.read_text()
    assert sign_in.password not in repr(sign_in)
    assert list(exposed(file, settings)) == []
    for name in ("dexwatch.yml", "hook.token", "control.token", "platform.dsn", "users.json"):
        assert (tmp_path / name).stat().st_mode & 0o077 == 0, name
