"""On PancakeSwap's own contracts the events keep the market as the contracts themselves tell it."""

import asyncio
from functools import partial

import pytest

from dexwatch.chain.calls import ViewCall, views
from dexwatch.chain.config import ChainConfig
from dexwatch.collectors.liquidity import state_calls, state_of
from dexwatch.collectors.run import Watch
from dexwatch.demo.chain.start import SampleChain
from dexwatch.demo.config_file import dex_of
from dexwatch.evm import topics
from dexwatch.evm.block import BlockRef
from dexwatch.market.config import DexConfig
from dexwatch.metrics import exchange
from tests.fakes.chain_talk import ask
from tests.fakes.patience import until

pytestmark = pytest.mark.asyncio(loop_scope="session")

BLOCKS = 30


def watched(chain: SampleChain) -> Watch:
    node = chain.handle.nodes[0]
    endpoint = {"name": node.name, "http": node.http, "ws": node.ws}
    # The gateway's headers do not give anvil's hashes.
    config = ChainConfig(chain_id=chain.handle.chain_id, endpoints=[endpoint], prove_blocks=False)
    return Watch(config, DexConfig.model_validate(dex_of(chain.handle.deployment)))


def figure(watch: Watch, name: str, pool: str) -> object:
    for sample in watch.samples():
        if sample.metric.name == name and sample.labels.get("pool") == pool:
            return sample.value
    return None


async def holders(chain: SampleChain, pair: str) -> int:
    """Count who holds a pair's token, by asking the token itself."""
    url = chain.handle.nodes[0].http
    wanted = {"address": pair, "topics": [topics.TRANSFER], "fromBlock": "0x1"}
    logs = (await ask(url, "eth_getLogs", wanted))["result"]
    people = {"0x" + log["topics"][2][-40:] for log in logs} - {pair, "0x" + 40 * "0"}
    count = 0
    for who in people:
        call = ViewCall(pair, "balanceOf(address)(uint256)", (who,))
        answer = await ask(url, "eth_call", {"to": pair, "data": call.data}, "latest")
        count += int(answer["result"], 16) > 0
    return count


async def test_the_state_by_events_is_the_contracts_own(chain: SampleChain) -> None:
    async with watched(chain).run() as watch:
        market, consumer = watch.context.market, watch.context.consumer
        await until(lambda: consumer.tip is not None)
        await until(lambda: figure(watch, exchange.tvl_usd.name, "WBNB/USDT-V3") is not None, 20)

        async def is_counted(name: str, pair: str) -> bool:
            # The providers of the past are read beside the blocks.
            counted = figure(watch, exchange.liquidity_providers.name, name)
            return counted == await holders(chain, pair)

        def is_past(ref: BlockRef) -> bool:
            return consumer.tip is not None and consumer.tip.number > ref.number

        compared: set[int] = set()
        async with asyncio.timeout(90):
            while len(compared) < BLOCKS:
                tip = consumer.tip
                if tip is None or tip.number in compared or consumer.behind:
                    # Only when all is taken in are the states those of the tip.
                    await asyncio.sleep(0.02)
                    continue
                states = [(pool, pool.state) for pool in market.pools.values()]
                # While anvil makes the next block it tells of its newest what the next leaves.
                await until(partial(is_past, tip))
                calls = [call for pool, _ in states for call in state_calls(pool)]
                answers = iter(await views(watch.stream.primary, calls, block=tip))
                told = [
                    state_of(pool, [next(answers) for _ in state_calls(pool)]) for pool, _ in states
                ]
                assert [state for _, state in states] == told, tip
                compared.add(tip.number)
        for pool in chain.handle.deployment.pools.values():
            if pool.kind == "v2":
                await until(partial(is_counted, pool.name, pool.address), seconds=20)
        spread = [s for s in watch.samples() if s.metric is exchange.price_spread_ratio]
        assert spread
        assert all(float(s.value) < 0.05 for s in spread if isinstance(s.value, float))
