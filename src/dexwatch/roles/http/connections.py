"""Which connections a server of ours keeps: strangers can neither fill it nor hold it up.

    limits = Limits()
    uvicorn.Config(application, http=limits.protocol, ...)

A connection is idle until a whole request has come; each phase has a time limit.
Where there are too many, the oldest idle one of the peer that holds the most of them gives way, so
that who sends a request at once is always served. Connections over a Unix socket are not counted:
only our own user can open them.
"""

import asyncio
import math
import socket
from collections import Counter
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import structlog
from uvicorn.protocols.http.h11_impl import H11Protocol

_log = structlog.get_logger(__name__)

_UNSENT_BYTES = 256 * 1024
"""How much the kernel keeps for a peer that does not read; left alone it takes some megabytes."""


class Phase(Enum):
    """What a connection is waiting for."""

    HEAD = "head"
    """The head of a request, its first or its next one."""
    BODY = "body"
    """The rest of a request's body."""
    ANSWER = "answer"
    """Us."""


@dataclass
class Limits:
    """The limits of one server, and the connections that count."""

    most: int = 500
    head_seconds: float = 5.0
    """From the connection, or the last answer, to the end of the next request's head."""
    body_seconds: float = 15.0
    """From the end of the head to the end of the body."""
    stalled_seconds: float = 30.0
    """How long a peer may take nothing of an answer that waits for it."""
    refused: int = 0
    """How many connections had to give way or were turned away."""
    _open: "dict[_Protocol, None]" = field(default_factory=dict)

    def protocol(self, **given: Any) -> asyncio.Protocol:  # noqa: ANN401 - what uvicorn hands over.
        """Make the protocol of one connection; this is what uvicorn asks for."""
        return _Protocol(self, **given)

    def enter(self, connection: "_Protocol") -> None:
        """Count a connection; when there are too many, one gives way."""
        self._open[connection] = None
        if len(self._open) <= self.most:
            return
        idle = [each for each in self._open if each.phase is not Phase.ANSWER]
        held = Counter(each.peer for each in idle)
        greediest = max(held, key=lambda peer: held[peer])
        # The dictionary keeps the order of arrival, so the first is the oldest.
        next(each for each in idle if each.peer == greediest).give_up()
        self.refused += 1
        if self.refused % self.most == 1:
            _log.warning("server.crowded", connections=self.most, gave_way=self.refused)

    def leave(self, connection: "_Protocol") -> None:
        """Count it no more."""
        self._open.pop(connection, None)


class _Protocol(H11Protocol):
    def __init__(self, limits: Limits, **given: Any) -> None:  # noqa: ANN401 - see `Limits.protocol`.
        super().__init__(**given)
        self.phase = Phase.HEAD
        self.peer = ""
        self._limits = limits
        self._timer: asyncio.TimerHandle | None = None
        self._stalled: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._await(Phase.HEAD)
        ours = transport.get_extra_info("socket")
        if ours.family != socket.AF_UNIX:
            ours.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, _UNSENT_BYTES)
            self.peer = self.client[0] if self.client else ""
            self._limits.enter(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._limits.leave(self)
        for timer in (self._timer, self._stalled):
            if timer is not None:
                timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._look()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._look()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP; who works on its request hears that the sender has left."""
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
            if self.cycle.response_started:
                self.transport.close()
                return
        super().send_400_response(msg)

    def pause_writing(self) -> None:
        self._stall(math.inf)
        super().pause_writing()

    def resume_writing(self) -> None:
        if self._stalled is not None:
            self._stalled.cancel()
        super().resume_writing()

    def give_up(self) -> None:
        """End it without waiting for the peer."""
        self._limits.leave(self)
        self.transport.abort()

    def _stall(self, before: float) -> None:
        """Give up when the peer has taken nothing since so much was unsent."""
        unsent = self.transport.get_write_buffer_size()
        if unsent >= before:
            self.give_up()
            return
        self._stalled = self.loop.call_later(self._limits.stalled_seconds, self._stall, unsent)

    def _dawdle(self, before: float = math.inf) -> None:
        """Give up, unless the peer is slowly taking the rest of our last answer."""
        unsent = self.transport.get_write_buffer_size()
        if not 0 < unsent < before:
            self.give_up()
            return
        self._timer = self.loop.call_later(self._limits.stalled_seconds, self._dawdle, unsent)

    def _look(self) -> None:
        if self.cycle is None or self.cycle.response_complete:
            phase = Phase.HEAD
        else:
            phase = Phase.BODY if self.cycle.more_body else Phase.ANSWER
        if phase is not self.phase:
            self._await(phase)

    def _await(self, phase: Phase) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self.phase = phase
        seconds = {Phase.HEAD: self._limits.head_seconds, Phase.BODY: self._limits.body_seconds}
        self._timer = (
            self.loop.call_later(seconds[phase], self._dawdle) if phase in seconds else None
        )
