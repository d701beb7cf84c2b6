"""Watched contracts: calls by method and outcome, gas, why calls revert, changes, pause, views."""

from collections import Counter, deque
from typing import Any, ClassVar

import structlog

from dexwatch.chain.calls import ViewCall, revert_reason, selector, topic, views
from dexwatch.clients.http import SourceError
from dexwatch.collectors.block_counters import BlockCounters
from dexwatch.collectors.collector import Collector, CollectorContext
from dexwatch.evm import topics
from dexwatch.evm.block import Block, Transaction
from dexwatch.evm.sequence import Reorg
from dexwatch.market.config import ContractConfig, ViewConfig
from dexwatch.metrics import exchange
from dexwatch.metrics.series import Series

_REPLAYS_WAITING = 64
_REPLAYS_A_ROUND = 5
_REASONS_A_CONTRACT = 20

_log = structlog.get_logger("dexwatch.contracts")


class ContractsCollector(Collector):
    """Takes calls and events from blocks; reads `paused` and the configured views every second."""

    name: ClassVar[str] = "contracts"

    def __init__(self, context: CollectorContext, series: Series) -> None:
        super().__init__(context, series)
        self._contracts = {contract.address: contract for contract in context.dex.contracts}
        self._methods = {c.address: _methods(c) for c in context.dex.contracts}
        self._changes = {c.address: _changes(c) for c in context.dex.contracts}
        self._counters = BlockCounters(series, context.chain.safe_depth_blocks)
        self._reverted: deque[tuple[Transaction, int, bool]] = deque(maxlen=_REPLAYS_WAITING)
        self._reasons: Counter[str] = Counter()
        self._known_reasons: set[tuple[str, str]] = set()
        for contract in context.dex.contracts:
            series.add(exchange.contract_gas, 0, contract=contract.name)
            # A series that began with its first event would hide that event from `increase`.
            for event in self._changes[contract.address].values():
                series.add(exchange.contract_changes, 0, contract=contract.name, event=event)
            for method in {*self._methods[contract.address].values(), "other"}:
                for outcome in ("success", "reverted"):
                    series.add(
                        exchange.contract_calls,
                        0,
                        contract=contract.name,
                        method=method,
                        outcome=outcome,
                    )

    @property
    def every_seconds(self) -> float | None:
        """Every second: a pause must show at once; None without contracts."""
        return 1.0 if self._contracts else None

    def on_block(self, block: Block) -> None:
        """Take calls and administrative events."""
        self._counters.begin(block.ref.hash)
        for call, receipt in zip(block.transactions, block.receipts, strict=True):
            contract = self._contracts.get(receipt.to or "")
            if contract is not None:
                method = self._methods[contract.address].get(call.selector, "other")
                outcome = "success" if receipt.success else "reverted"
                self._counters.add(
                    exchange.contract_calls, contract=contract.name, method=method, outcome=outcome
                )
                self._counters.add(exchange.contract_gas, receipt.gas_used, contract=contract.name)
                if not receipt.success:
                    out_of_gas = receipt.gas_used >= call.gas_limit
                    self._reverted.append((call, block.ref.number, out_of_gas))
            for log in receipt.logs:
                event = self._changes.get(log.address, {}).get(log.topics[0] if log.topics else "")
                if event is not None:
                    name = self._contracts[log.address].name
                    self._counters.add(exchange.contract_changes, contract=name, event=event)
                    _log.warning("contract changed", contract=name, event_name=event)

    def on_reorg(self, reorg: Reorg) -> None:
        """Take back what dropped blocks counted, and ask no more why their calls reverted."""
        for ref in reorg.blocks:
            self._counters.retract(ref.hash)
        lowest = min(ref.number for ref in reorg.blocks)
        kept = [waiting for waiting in self._reverted if waiting[1] < lowest]
        self._reverted = deque(kept, maxlen=_REPLAYS_WAITING)

    async def collect(self) -> None:
        """Read pause and views, and find out why calls reverted."""
        failure = await self._read_views()
        for _ in range(min(len(self._reverted), _REPLAYS_A_ROUND)):
            call, number, out_of_gas = self._reverted.popleft()
            contract = self._contracts[call.to or ""].name
            reason = "out of gas"
            if not out_of_gas:
                reason = await revert_reason(self.context.stream.primary, call, block=number)
            self._count_reason(contract, reason)
        if failure is not None:
            raise failure

    async def _read_views(self) -> SourceError | None:
        wanted: list[tuple[ContractConfig, ViewConfig | None, ViewCall]] = []
        for contract in self._contracts.values():
            if contract.pausable:
                paused = ViewCall(contract.address, "paused()(bool)")
                wanted.append((contract, None, paused))
            for view in contract.views:
                call = ViewCall(contract.address, view.signature, view.arguments)
                wanted.append((contract, view, call))
        if not wanted:
            return None
        failure = None
        calls, tip = [call for _, _, call in wanted], self.context.consumer.tip
        answers = await views(self.context.stream.primary, calls, block=tip)
        for (contract, configured, _), answer in zip(wanted, answers, strict=True):
            self._show(contract.name, configured, answer)
            if isinstance(answer, SourceError):
                failure = answer
        return failure

    def _show(
        self, contract: str, view: ViewConfig | None, answer: tuple[Any, ...] | SourceError
    ) -> None:
        if isinstance(answer, SourceError):
            if view is None:
                self.series.forget(exchange.contract_paused, contract=contract)
            else:
                self.series.forget(exchange.contract_view, contract=contract, view=view.name)
        elif view is None:
            self.series.set(exchange.contract_paused, float(answer[0]), contract=contract)
        else:
            value = float(answer[0]) / 10**view.decimals
            self.series.set(exchange.contract_view, value, contract=contract, view=view.name)

    def _count_reason(self, contract: str, reason: str) -> None:
        # Contracts write their own reasons, so a hostile one could write a new one in each call.
        if (contract, reason) not in self._known_reasons:
            if self._reasons[contract] >= _REASONS_A_CONTRACT:
                reason = "other"
            else:
                self._reasons[contract] += 1
                self._known_reasons.add((contract, reason))
        self.series.add(exchange.contract_failures, contract=contract, reason=reason)


def _methods(contract: ContractConfig) -> dict[str, str]:
    return {selector(signature).hex(): signature.split("(", 1)[0] for signature in contract.methods}


def _changes(contract: ContractConfig) -> dict[str, str]:
    own = {topic(signature): signature.split("(", 1)[0] for signature in contract.events}
    return {**topics.ADMINISTRATIVE, **own}
