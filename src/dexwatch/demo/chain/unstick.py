"""Free accounts whose transactions anvil holds back for ever.

When a block is made in the moment between anvil's check of a transaction and its filing, the
transaction waits for a predecessor that is already in a block, and everything after it waits too.
A real node looks again at every block; anvil does not, so the sample does.
"""

import asyncio
from collections.abc import Callable

import httpx
import structlog

from dexwatch.demo.chain.rpc import Rpc, RpcError

EVERY_SECONDS = 3.0

log = structlog.get_logger(__name__)


class Unsticker:
    """Watches anvil's queue; `freed` is told of every account whose queue was thrown away."""

    def __init__(self, rpc: Rpc, freed: Callable[[str], None]) -> None:
        self._rpc, self._freed = rpc, freed
        self._before: dict[str, int] = {}
        self.count = 0

    async def run(self) -> None:
        """Look every few seconds until cancelled."""
        while True:
            await asyncio.sleep(EVERY_SECONDS)
            try:
                await self.look()
            except (httpx.HTTPError, RpcError) as error:
                log.warning("sample_queue_unknown", error=str(error))

    async def look(self) -> None:
        """Free the accounts that wait since the last look without any progress.

        Raises:
            RpcError: anvil refuses to tell.
            httpx.HTTPError: anvil does not answer.
        """
        status = await self._rpc.call("txpool_status")
        if int(status["queued"], 16) == 0:
            self._before = {}
            return
        waiting = [who.lower() for who in (await self._rpc.call("txpool_content"))["queued"]]
        asked = [("eth_getTransactionCount", [who, "latest"]) for who in waiting]
        nonces = await self._rpc.batch(asked)
        now = {
            who: int(nonce, 16)
            for who, nonce in zip(waiting, nonces, strict=True)
            if not isinstance(nonce, RpcError)
        }
        for who, nonce in now.items():
            if self._before.get(who) == nonce:
                await self._rpc.call("anvil_removePoolTransactions", who)
                self._freed(who)
                self.count += 1
                log.warning("sample_account_freed", account=who, nonce=nonce)
        self._before = now
