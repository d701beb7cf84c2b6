"""Which request the present work belongs to: W3C Trace Context.

Source: W3C Recommendation "Trace Context", level 1, `traceparent` version 00.
"""

import re
import secrets
from contextvars import ContextVar
from dataclasses import dataclass

_HEADER = re.compile(r"^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$")


@dataclass(frozen=True)
class Span:
    """One piece of work within a trace; ids are lower-case hexadecimal."""

    trace_id: str
    span_id: str
    parent_id: str | None = None
    sampled: bool = True

    @property
    def traceparent(self) -> str:
        """The header that passes this span on as the parent."""
        return f"00-{self.trace_id}-{self.span_id}-{'01' if self.sampled else '00'}"


current: ContextVar[Span | None] = ContextVar("span", default=None)
"""The span of the request that this task or thread works for."""


def begin(traceparent: str | None) -> Span:
    """Return a new span: a child of `traceparent`, or a root where that is absent or wrong."""
    match = _HEADER.match(traceparent or "")
    if match is None or not _valid(match):
        return Span(secrets.token_hex(16), secrets.token_hex(8))
    flags = int(match[4], 16)
    return Span(match[2], secrets.token_hex(8), parent_id=match[3], sampled=bool(flags & 1))


def outgoing() -> dict[str, str]:
    """Return the headers to send along with requests to other services."""
    span = current.get()
    return {"traceparent": span.traceparent} if span else {}


def _valid(match: re.Match[str]) -> bool:
    version, trace_id, parent_id, rest = match[1], match[2], match[3], match[5]
    if version == "ff" or (version == "00" and rest):
        return False
    return set(trace_id) != {"0"} and set(parent_id) != {"0"}
