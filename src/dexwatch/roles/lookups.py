"""Name lookups that are shared: one under way for each name, in a thread of its own.

The system's lookup cannot be stopped: while the name server is silent it holds its thread for half
a minute. The loop's own few threads would soon be full of them, and a receiver that is well, or
has no name at all, would wait behind the name of one that is not.
"""

import asyncio
import socket
import threading
from contextlib import suppress
from typing import Any

MOST = 64
"""Names looked up at once; further ones fail until one of these ends."""

_Key = tuple[Any, Any, int, int, int, int]
_Found = list[tuple[Any, ...]]


def share_lookups() -> None:
    """Let the running loop look names up in this way, for whatever connects."""
    loop = asyncio.get_running_loop()
    loop.getaddrinfo = SharedLookups(loop)  # type: ignore[method-assign]


class SharedLookups:
    """Stands in for `loop.getaddrinfo`, which says what the arguments mean."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._under_way: dict[_Key, asyncio.Future[_Found]] = {}

    async def __call__(
        self,
        host: bytes | str | None,
        port: bytes | str | int | None,
        *,
        family: int = 0,
        type: int = 0,  # noqa: A002
        proto: int = 0,
        flags: int = 0,
    ) -> _Found:
        """Return the addresses of a host.

        Raises:
            OSError: it has none, or too many names are being looked up.
        """
        key = host, port, family, type, proto, flags
        found = self._under_way.get(key)
        if found is None:
            if len(self._under_way) >= MOST:
                raise socket.gaierror(socket.EAI_AGAIN, "too many names are being looked up")
            # It must not keep the process from ending.
            thread = threading.Thread(target=self._ask, args=(key,), name="lookup", daemon=True)
            try:
                thread.start()
            except RuntimeError as error:
                raise socket.gaierror(socket.EAI_AGAIN, str(error)) from error
            found = self._under_way[key] = self._loop.create_future()
        return await asyncio.shield(found)

    def _ask(self, key: _Key) -> None:
        found: _Found | Exception
        try:
            found = list(socket.getaddrinfo(*key))
        except Exception as error:  # noqa: BLE001 - whoever asked gets it.
            found = error
        # The loop may have ended meanwhile.
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._settle, key, found)

    def _settle(self, key: _Key, found: _Found | Exception) -> None:
        waiting = self._under_way.pop(key)
        if isinstance(found, Exception):
            waiting.set_exception(found)
            # Nobody may be waiting any more.
            waiting.exception()
        else:
            waiting.set_result(found)
