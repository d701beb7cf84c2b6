"""Each endpoint seen from outside: up, head, lag, peers, syncing; the primary's gas price."""

import asyncio
from typing import Any, ClassVar

import structlog

from dexwatch.chain.endpoint import Endpoint, Request
from dexwatch.clients.http import SourceError
from dexwatch.collectors.collector import Collector, CollectorContext
from dexwatch.evm.hexadecimal import MalformedError, hex_quantity
from dexwatch.metrics import chain
from dexwatch.metrics.series import Series

_QUESTIONS = tuple(
    Request(method) for method in ("eth_blockNumber", "eth_syncing", "net_peerCount", "eth_chainId")
)

_log = structlog.get_logger("dexwatch.endpoints")


class EndpointsCollector(Collector):
    """Asks all endpoints at once; one that does not answer is down, and no failure of ours."""

    name: ClassVar[str] = "endpoints"

    def __init__(self, context: CollectorContext, series: Series) -> None:
        super().__init__(context, series)
        self._wrong_chains: set[str] = set()

    @property
    def every_seconds(self) -> float | None:
        """Every second: the chain moves faster, and a node's death must show at once."""
        return 1.0

    async def collect(self) -> None:
        """Ask every endpoint, and compare their heads."""
        heads = await asyncio.gather(*(self._ask(node) for node in self.context.endpoints))
        known = [head for head in heads if head is not None]
        for node, head in zip(self.context.endpoints, heads, strict=True):
            self.series.set(chain.endpoint_up, float(head is not None), endpoint=node.name)
            if head is None:
                self.series.forget(chain.endpoint_lag, endpoint=node.name)
            else:
                self.series.set(chain.endpoint_head, head, endpoint=node.name)
                self.series.set(chain.endpoint_lag, max(known) - head, endpoint=node.name)
        await self._gas_price()

    async def _ask(self, node: Endpoint) -> int | None:
        height, syncing, peers, chain_id = await node.batch(_QUESTIONS)
        self._syncing(node, syncing)
        self._peers(node, peers)
        number, found_id = _number(height), _number(chain_id)
        if found_id is not None and found_id != self.context.chain.chain_id:
            self._wrong_chain(node, found_id)
            return None
        return number

    def _wrong_chain(self, node: Endpoint, found_id: int) -> None:
        if node.name not in self._wrong_chains:
            self._wrong_chains.add(node.name)
            _log.error(
                "endpoint is of another chain: correct its address or chain_id",
                endpoint=node.name,
                found=found_id,
                expected=self.context.chain.chain_id,
            )

    def _syncing(self, node: Endpoint, answer: Any) -> None:  # noqa: ANN401 - JSON of a stranger.
        if isinstance(answer, bool | dict):
            self.series.set(chain.endpoint_syncing, float(bool(answer)), endpoint=node.name)
        else:
            self.series.forget(chain.endpoint_syncing, endpoint=node.name)

    def _peers(self, node: Endpoint, answer: Any) -> None:  # noqa: ANN401 - JSON of a stranger.
        count = _number(answer)
        if count is None:
            self.series.forget(chain.endpoint_peers, endpoint=node.name)
        else:
            self.series.set(chain.endpoint_peers, count, endpoint=node.name)

    async def _gas_price(self) -> None:
        try:
            answer = await self.context.stream.primary.call("eth_gasPrice")
            price = hex_quantity(answer, "gasPrice", bits=128)
        except (SourceError, MalformedError):
            self.series.forget(chain.gas_price, source="oracle")
            return
        self.series.set(chain.gas_price, price, source="oracle")


def _number(answer: Any) -> int | None:  # noqa: ANN401 - JSON of a stranger.
    try:
        return None if isinstance(answer, SourceError) else hex_quantity(answer, "answer")
    except MalformedError:
        return None
