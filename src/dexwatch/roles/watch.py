"""The role that watches the chain, the exchange and the business."""

import asyncio
from contextlib import AbstractAsyncContextManager

import structlog

from dexwatch.collectors.run import Watch
from dexwatch.daemons.programs.secrets import kept
from dexwatch.roles.http import exposition
from dexwatch.roles.process import build_info, health_socket
from dexwatch.settings import Settings

_log = structlog.get_logger(__name__)


async def run(settings: Settings, stop: asyncio.Event) -> None:
    """Watch until `stop` is set; a mistake of ours ends the role, and it is started again."""
    listen = settings.watch

    def serve(samples: exposition.Collect) -> AbstractAsyncContextManager[int]:
        return exposition.serve(
            lambda: (*samples(), build_info("watch")),
            listen.port,
            setting="watch.port",
            access=kept(settings.daemons, folder=settings.folder).access,
            host=listen.host,
            names=[listen.url],
            health=health_socket(settings, "watch"),
        )

    if settings.chain is None:
        _log.warning("watch.idle", reason="the configuration has no `chain`")
        async with serve(lambda: ()):
            await stop.wait()
        return
    watch = Watch(
        settings.chain,
        settings.dex,
        settings.database,
        config=settings.watch,
        folder=settings.folder,
    )
    async with serve(watch.samples), watch.run():
        await stop.wait()
