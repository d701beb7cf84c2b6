"""One viewer's inbox: it keeps the newest message of each topic, so slow viewers cost little.

What is published is ready to be sent: an event's name and its text, made once for all viewers.
"""

import asyncio
from dataclasses import dataclass


@dataclass(frozen=True)
class Message:
    """What a topic says now; the same version says the same."""

    topic: str
    event: str
    text: str
    version: int


class Subscription:
    """Takes messages and gives each away once."""

    def __init__(self) -> None:
        self._waiting: dict[str, Message] = {}
        self._told: dict[str, int] = {}
        self._arrived = asyncio.Event()

    def put(self, message: Message) -> None:
        """Leave a message, in place of an older one of its topic; what was told is left out."""
        if self._told.get(message.topic) == message.version:
            self._waiting.pop(message.topic, None)
            return
        self._waiting[message.topic] = message
        self._arrived.set()

    async def take(self, within: float) -> list[Message]:
        """Return what has arrived; empty when nothing did `within` so many seconds."""
        try:
            async with asyncio.timeout(within):
                await self._arrived.wait()
        except TimeoutError:
            return []
        self._arrived.clear()
        messages, self._waiting = list(self._waiting.values()), {}
        self._told |= {one.topic: one.version for one in messages}
        return messages
