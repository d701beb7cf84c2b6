"""One viewer's inbox: it keeps the newest of each kind of news, so slow viewers cost little."""

import asyncio
from collections.abc import Hashable


class Watcher:
    """Takes news by key and gives it away once."""

    def __init__(self) -> None:
        self._waiting: dict[Hashable, object] = {}
        self._arrived = asyncio.Event()

    def put(self, key: Hashable, news: object) -> None:
        """Leave news, in place of older news of the same key."""
        self._waiting[key] = news
        self._arrived.set()

    async def take(self, within: float) -> list[object]:
        """Return what has arrived; empty when nothing did `within` so many seconds."""
        try:
            async with asyncio.timeout(within):
                await self._arrived.wait()
        except TimeoutError:
            return []
        self._arrived.clear()
        news, self._waiting = list(self._waiting.values()), {}
        return news
