"""What `dexwatch doctor` tells of a thing that fails has the remedy of that failure."""

from pathlib import Path

import pytest

from dexwatch.cli.probing.reach import State, Trial, reach
from dexwatch.settings import load
from tests.fakes import need
from tests.fakes.chain import FakeChain
from tests.fakes.node import FakeNode, running

SMALLEST = "name: ana-dex\nrespond: {hook_token: a-token-that-is-long-enough}\n"


async def tried(node: FakeNode, folder: Path) -> Trial:
    file = folder / "dexwatch.yml"
    file.write_text(f"{SMALLEST}chain: {{endpoints: [{{name: node-a, http: '{node.http}'}}]}}\n")
    return next(one for one in await reach(load(file), file) if one.subject == "node-a")


async def test_an_endpoint_that_falsifies_a_receipt_fails_with_the_setting(tmp_path: Path) -> None:
    async with running(FakeNode(FakeChain())) as node:
        node.chain.mine(receipts=[{}])
        node.chain.mine(2)
        assert (await tried(node, tmp_path)).state is State.OK
        real = node._eth_getBlockReceipts
        node.answers["eth_getBlockReceipts"] = lambda params: [
            {**receipt, "status": "0x0"} for receipt in real(*params)
        ]
        found = await tried(node, tmp_path)
    assert found.state is State.FAILED
    assert "block 101 is not proved" in found.detail
    assert "chain.prove_blocks: false" in found.remedy


async def test_an_endpoint_that_does_not_answer_is_to_be_checked(tmp_path: Path) -> None:
    async with running(FakeNode(FakeChain())) as node:
        node.status = 503
        found = await tried(node, tmp_path)
    assert found.state is State.FAILED
    assert found.remedy.startswith("Check the address")


async def test_an_endpoint_without_receipts_yet_is_to_be_asked_again(tmp_path: Path) -> None:
    async with running(FakeNode(FakeChain())) as node:
        node.chain.mine(receipts=[{}])
        node.chain.mine(2)
        node.answers["eth_getBlockReceipts"] = lambda _: None
        found = await tried(node, tmp_path)
    assert found.state is State.FAILED
    assert found.remedy.startswith("Try again in a minute")


@pytest.mark.parametrize(
    "section",
    [
        "daemons: {targets: [{job: it, address: '127.0.0.1:PORT'}]}",
        "daemons: {probes: [{name: it, kind: tcp, target: '127.0.0.1:PORT'}]}",
        "daemons: {redis: {targets: [{name: it, url: 'redis://127.0.0.1:PORT'}]}}",
        "daemons: {nginx: {targets: [{name: it, status_url: 'http://127.0.0.1:PORT/'}]}}",
        "chain: {endpoints: [{name: it, http: 'http://127.0.0.1:PORT'}]}",
    ],
)
async def test_where_nothing_listens_that_is_said_and_no_word_of_python(
    tmp_path: Path, section: str
) -> None:
    file = tmp_path / "dexwatch.yml"
    file.write_text(f"{SMALLEST}{section.replace('PORT', str(need.free_port()))}\n")
    found = next(one for one in await reach(load(file), file) if one.subject.split()[0] == "it")
    assert found.state is State.FAILED
    assert "nothing listens there: check address and port" in found.detail
    assert "Error" not in found.detail
