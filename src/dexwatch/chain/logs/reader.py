"""Logs of a range of blocks, in spans as wide as the node allows.

Nodes bound a range by blocks, by results or by time, each with a code and words of its own; so a
span that fails is asked in smaller ones unless that is plainly of no use, and widened again by and
by. A failure that says nothing of the width is doubted: one block alone is asked first. Where fewer
blocks than the node takes so fail, that tells of these blocks only, and of no others.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dexwatch import clock
from dexwatch.chain.adaptive_size import AdaptiveSize
from dexwatch.chain.endpoint import Endpoint, resting
from dexwatch.chain.logs.refusals import Cause, cause, permitted_blocks
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
        self._doubted: dict[str, int] = {}
        """The span that failed without a word of its width, by endpoint."""

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
        span, found, begin, size = self.span(endpoint), list[Log](), first, 0
        most = last - first + 1
        failure: SourceError | None = None
        for _ in range(max_requests):
            # It rests, too, for as long as it asked us to wait.
            if begin > last or endpoint.resting:
                break
            doubted = self._doubted.pop(endpoint.name, 0)
            size = 1 if doubted else min(span.now, most, last - begin + 1)
            try:
                found.extend(await ask_logs(endpoint, address, topics, (begin, begin + size - 1)))
            except SourceError as error:
                failure, why = error, cause(error)
                if size == 1 or why is Cause.ELSEWHERE:
                    break
                if why is Cause.UNKNOWN and begin == first:
                    # One block alone tells whether the width was the reason; in an outage it
                    # fails, too, and the span stays as wide as it was.
                    self._doubted[endpoint.name] = size
                elif why is Cause.WIDTH or size == span.now:
                    span.refused(size, permitted=permitted_blocks(error))
                else:
                    most = size // 2
                continue
            begin += size
            if doubted == span.now:
                span.refused(doubted)
            elif doubted:
                most = max(doubted // 2, 1)
            elif size == span.now:
                span.accepted()
        if begin == first <= last:
            raise _unread(endpoint, first, failure, alone=size == 1)
        return LogPage(tuple(found), begin - 1)


def _unread(
    endpoint: Endpoint, block: int, failure: SourceError | None, *, alone: bool
) -> SourceError:
    if failure is None:
        return resting()
    unasked = failure.outcome is Outcome.CONNECTION
    if unasked or not alone or cause(failure) is Cause.ELSEWHERE:
        return failure
    return SourceError(
        failure.outcome,
        f"{endpoint.name} does not give the logs of block {block} even alone ({failure.detail});"
        " raise its limits for eth_getLogs, or name an endpoint that has them",
        code=failure.code,
    )


async def ask_logs(
    endpoint: Endpoint,
    address: str | Sequence[str],
    topics: Sequence[object],
    ends: tuple[int, int],
) -> list[Log]:
    """Ask once for the logs between two blocks, both included; without an address for those of all.

    Raises:
        SourceError: no usable answer.
    """
    wanted = {"topics": list(topics), "fromBlock": hex(ends[0]), "toBlock": hex(ends[1])}
    emitters = {"address": address} if address else {}
    answer = await endpoint.call("eth_getLogs", {**emitters, **wanted})
    if not isinstance(answer, list):
        raise SourceError(Outcome.MALFORMED, "logs are not a list")
    try:
        return [blocks.parse_log(record) for record in answer]
    except MalformedError as error:
        raise SourceError(Outcome.MALFORMED, str(error)) from error
