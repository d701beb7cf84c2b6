"""Each endpoint seen from outside: up, head, lag, peers, syncing; the primary's gas price."""

import asyncio
from typing import Any, ClassVar

import structlog

from dexwatch import clock
from dexwatch.chain.endpoint import Endpoint, Request
from dexwatch.chain.heads import HeadFeed
from dexwatch.clients.http import SourceError
from dexwatch.collectors.collector import Collector, CollectorContext
from dexwatch.evm.hexadecimal import MalformedError, hex_quantity
from dexwatch.metrics import chain
from dexwatch.metrics.metric import Metric
from dexwatch.metrics.series import Series

_QUESTIONS = tuple(Request(method) for method in ("eth_syncing", "net_peerCount", "eth_chainId"))
_ASK_SECONDS = 10.0
_GAS_PRICE_SECONDS = 5.0

_log = structlog.get_logger("dexwatch.endpoints")


class EndpointsCollector(Collector):
    """Shows what the head feeds know; what they do not know is asked now and then.

    Nobody asks for a head that was pushed: each question of each endpoint is paid for.
    """

    name: ClassVar[str] = "endpoints"

    def __init__(self, context: CollectorContext, series: Series) -> None:
        super().__init__(context, series)
        self._wrong_chains: set[str] = set()
        self._asked: dict[str, float] = {}
        self._answers: dict[str, bool] = {}
        self._gas_asked = float("-inf")

    @property
    def every_seconds(self) -> float | None:
        """Every second: the chain moves faster, and a node's death must show at once."""
        return 1.0

    async def collect(self) -> None:
        """Show every endpoint's head, and ask those whose turn it is."""
        feeds = self.context.stream.feeds
        now = clock.monotonic()
        due = [feed for feed in feeds if self._is_due(feed, now)]
        await asyncio.gather(*(self._ask(feed.endpoint, now) for feed in due))
        election = self.context.stream.election
        for feed in feeds:
            name = feed.name
            up = feed.up and feed.head is not None and self._answers.get(name, False)
            if not up and self.series.value(chain.endpoint_up, endpoint=name) == 1:
                # What it said before it went down is not known any more.
                self.series.forget(chain.endpoint_peers, endpoint=name)
                self.series.forget(chain.endpoint_syncing, endpoint=name)
            self.series.set(chain.endpoint_up, float(up), endpoint=name)
            head = feed.head.ref.number if feed.head and up else None
            self._show(chain.endpoint_head, head, name)
            best, lag = election.best_head, None
            # No lag is measured against an endpoint of another chain, nor for one.
            if best is not None and head is not None and election.belongs(feed):
                lag = max(best - head, 0)
            self._show(chain.endpoint_lag, lag, name)
        if now - self._gas_asked >= _GAS_PRICE_SECONDS:
            self._gas_asked = now
            await self._gas_price()

    def _show(self, metric: Metric, value: int | None, endpoint: str) -> None:
        if value is None:
            self.series.forget(metric, endpoint=endpoint)
        else:
            self.series.set(metric, value, endpoint=endpoint)

    def _is_due(self, feed: HeadFeed, now: float) -> bool:
        # One that is down is asked each second, so that its return shows at once.
        well = feed.up and not feed.endpoint.resting and self._answers.get(feed.name, False)
        return now - self._asked.get(feed.name, float("-inf")) >= (_ASK_SECONDS if well else 0.5)

    async def _ask(self, node: Endpoint, now: float) -> None:
        self._asked[node.name] = now
        syncing, peers, chain_id = await node.batch(_QUESTIONS)
        told = int(bool(syncing)) if isinstance(syncing, bool | dict) else None
        self._show(chain.endpoint_syncing, told, node.name)
        self._show(chain.endpoint_peers, _number(peers), node.name)
        found_id = _number(chain_id)
        self._answers[node.name] = found_id == self.context.chain.chain_id
        if found_id is not None and found_id != self.context.chain.chain_id:
            self._wrong_chain(node, found_id)

    def _wrong_chain(self, node: Endpoint, found_id: int) -> None:
        if node.name not in self._wrong_chains:
            self._wrong_chains.add(node.name)
            _log.error(
                "endpoint is of another chain: correct its address or chain_id",
                endpoint=node.name,
                found=found_id,
                expected=self.context.chain.chain_id,
            )

    async def _gas_price(self) -> None:
        try:
            answer = await self.context.stream.primary.call("eth_gasPrice")
            price = hex_quantity(answer, "gasPrice", bits=128)
        except (SourceError, MalformedError):
            self.series.forget(chain.gas_price, source="oracle")
            return
        self.series.set(chain.gas_price, price, source="oracle")


def _number(answer: Any) -> int | None:  # noqa: ANN401 - unchecked JSON.
    try:
        return None if isinstance(answer, SourceError) else hex_quantity(answer, "answer")
    except MalformedError:
        return None
