"""What the processes of the exchange have in common: what they use, and how they serve."""

import asyncio
import logging
import sys
from collections.abc import Callable
from pathlib import Path

import uvicorn
from starlette.applications import Starlette

from dexwatch.demo.exchange.cache import Cache
from dexwatch.demo.exchange.process import TRANSACTIONS, FaultReader, ProcessSettings
from dexwatch.demo.exchange.store import Store
from dexwatch.demo.exchange.swaps import SwapClient
from dexwatch_instrument import Platform, SuspiciousSources, logs


class Service:
    """The chain, the metrics, the faults injected now, the database and the cache."""

    def __init__(self, settings: ProcessSettings) -> None:
        self.swaps = SwapClient(settings.rpc, settings.deployment)
        self.platform = Platform(
            pairs=self.swaps.pairs,
            transactions=TRANSACTIONS,
            sources=SuspiciousSources(
                limit=settings.suspicious_failures, window=settings.suspicious_seconds
            ),
        )
        self.faults = FaultReader(settings.faults_file)
        self.store = Store(settings.dsn.get_secret_value(), self.platform, self.faults)
        self.cache = Cache(settings.redis_url.get_secret_value(), self.platform, self.faults)

    async def close(self) -> None:
        """Give all connections back."""
        await asyncio.gather(self.store.close(), self.cache.close(), self.swaps.close())


def serve(build: Callable[[ProcessSettings], Starlette], *, proxied: bool) -> None:
    """Serve until SIGTERM; the settings stand in the file that the command line names.

    `proxied` says that nginx is before us: it writes the header that tells the origin of a request,
    which is ignored from anybody else.
    """
    settings = ProcessSettings.read(Path(sys.argv[1]))
    logs.configure(settings.name)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    uvicorn.run(
        build(settings),
        port=settings.port,
        log_config=None,
        access_log=False,
        proxy_headers=proxied,
        forwarded_allow_ips="127.0.0.1",
        timeout_graceful_shutdown=2,
    )
