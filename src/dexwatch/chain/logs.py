"""Logs of a range of blocks, in spans as wide as the node allows.

Nodes bound a range by blocks, by results or by time, each with a code and words of its own; so a
span is halved whenever it is refused, and widened again by and by.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dexwatch import clock
from dexwatch.chain.adaptive_size import AdaptiveSize
from dexwatch.chain.answers import MonstrousAnswerError, Refusal, RpcError
from dexwatch.chain.endpoint import Endpoint
from dexwatch.clients.http import Outcome, SourceError
from dexwatch.evm import block as blocks
from dexwatch.evm.block import Log
from dexwatch.evm.hexadecimal import MalformedError

MOST_BLOCKS = 5_000
"""bsc's own `--rangelimit`."""
FIRST_BLOCKS = 500
"""Public BSC nodes refuse spans from 1,000 blocks on."""


@dataclass(frozen=True)
class LogPage:
    """The logs of the blocks up to `last`, which may be less than was asked for."""

    logs: tuple[Log, ...]
    last: int


class LogReader:
    """Reads logs of an address; remembers the span that each endpoint takes."""

    def __init__(self, *, monotonic: Callable[[], float] = clock.monotonic) -> None:
        self._monotonic = monotonic
        self._spans: dict[str, AdaptiveSize] = {}

    def span(self, endpoint: Endpoint) -> AdaptiveSize:
        """Return how many blocks the endpoint takes at once, as far as we know."""
        if endpoint.name not in self._spans:
            self._spans[endpoint.name] = AdaptiveSize(
                MOST_BLOCKS, start=FIRST_BLOCKS, key=endpoint.name, monotonic=self._monotonic
            )
        return self._spans[endpoint.name]

    async def read(
        self,
        endpoint: Endpoint,
        *,
        address: str | Sequence[str],
        topics: Sequence[object],
        first: int,
        last: int,
        max_requests: int = 20,
    ) -> LogPage:
        """Return the logs from `first` on, both ends included, with at most so many requests.

        Go on at the page's `last + 1`.

        Raises:
            SourceError: not one span could be read; the next call tries the smaller span.
        """
        found: list[Log] = []
        begin = first
        for _ in range(max_requests):
            if begin > last:
                break
            span = self.span(endpoint)
            end = min(last, begin + span.now - 1)
            try:
                found.extend(await _ask(endpoint, address, topics, (begin, end)))
            except SourceError as error:
                if end > begin and _may_be_too_wide(error):
                    span.refused(end - begin + 1)
                    continue
                if begin > first:
                    break
                raise
            if end - begin + 1 == span.now:
                span.accepted()
            begin = end + 1
        if begin == first and first <= last:
            raise SourceError(Outcome.RPC_ERROR, "eth_getLogs was refused for every span tried")
        return LogPage(tuple(found), begin - 1)


def _may_be_too_wide(error: SourceError) -> bool:
    if isinstance(error, RpcError):
        return error.refusal not in (Refusal.UNSUPPORTED, Refusal.RATE_LIMITED)
    return (
        isinstance(error, MonstrousAnswerError)
        or error.outcome is Outcome.TIMEOUT
        or (error.outcome is Outcome.HTTP_ERROR and error.code in (400, 413))
    )


async def _ask(
    endpoint: Endpoint,
    address: str | Sequence[str],
    topics: Sequence[object],
    ends: tuple[int, int],
) -> list[Log]:
    wanted = {
        "address": address,
        "topics": list(topics),
        "fromBlock": hex(ends[0]),
        "toBlock": hex(ends[1]),
    }
    answer = await endpoint.call("eth_getLogs", wanted)
    if not isinstance(answer, list):
        raise SourceError(Outcome.MALFORMED, "logs are not a list")
    try:
        return [blocks.parse_log(record) for record in answer]
    except MalformedError as error:
        raise SourceError(Outcome.MALFORMED, str(error)) from error
