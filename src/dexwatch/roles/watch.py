"""The role that watches the chain, the exchange and the business."""

import asyncio

import structlog

from dexwatch.collectors.run import Watch
from dexwatch.roles import exposition
from dexwatch.roles.registry import build_info
from dexwatch.settings import Settings

_log = structlog.get_logger(__name__)


async def run(settings: Settings, stop: asyncio.Event) -> None:
    """Watch until `stop` is set; a mistake of ours ends the role, and it is started again."""
    port = settings.watch.port
    if settings.chain is None:
        _log.warning("watch.idle", reason="the configuration has no `chain`")
        async with exposition.serve(lambda: (build_info("watch"),), port, setting="watch.port"):
            await stop.wait()
        return
    watch = Watch(
        settings.chain,
        settings.dex,
        settings.database,
        config=settings.watch,
        folder=settings.folder,
    )
    async with (
        exposition.serve(
            lambda: (*watch.samples(), build_info("watch")), port, setting="watch.port"
        ),
        watch.run(),
    ):
        await stop.wait()
