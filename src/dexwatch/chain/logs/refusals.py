"""What a failed eth_getLogs says of the span that was asked for.

There is no code for a span that is too wide: nodes and providers use -32000, -32005, -32600,
-32602, -32614, -32701, 35 and others, under HTTP 200, 400, 403, 413, 422, 429 or 503, or time out.
The texts are those of Alchemy, Ankr, BlockPI, dRPC, Infura, Nodies, PublicNode, QuickNode, Tenderly
and of the nodes bsc, erigon, frontier and geth.
"""

import re
from enum import Enum, auto

from dexwatch.chain.answers import MonstrousAnswerError, RpcError
from dexwatch.chain.refusals import Refusal
from dexwatch.clients.http import Outcome, SourceError


class Cause(Enum):
    """Why a span was not read."""

    WIDTH = auto()
    """It says that there are too many blocks, results or bytes."""
    ELSEWHERE = auto()
    """A narrower span would fail as well, or would be one request more where there are too many."""
    UNKNOWN = auto()
    """It may be either: a proxy's time-out, a null, an answer that was cut off."""


_OTHER_STATUSES = frozenset({401, 402, 404, 405, 407, 429})
_WIDTH = re.compile(
    r"(?<!out of )\brange|more than \d+ (?:results|logs)|too many (?:blocks|logs|results|events)"
    r"|max(?:imum)? (?:results|logs)|response size|response is too (?:big|large)"
    r"|block (?:span|limit)"
).search
_AHEAD = re.compile(
    r"beyond (?:the )?(?:current )?head|invalid block range|(?:after|greater than) (?:the )?last"
).search
"""The node has not come so far yet: its newest block is older than the span's last."""
_SUGGESTED = re.compile(r"\[(0x[0-9a-f]{1,16}), ?(0x[0-9a-f]{1,16})\]|range (\d{1,19})-(\d{1,19})")
_PERMITTED = re.compile(
    r"(?:up to|limit|max|over)[^\d]{0,60}(?:0 - )?(\d[\d,]{0,15})(k?)\b"
    r"(?! ?(?:results|logs|events|seconds|ms|s|bytes|[km]b)\b)"
)


def cause(error: SourceError) -> Cause:
    """Return why a span of several blocks was not read."""
    if isinstance(error, MonstrousAnswerError):
        return Cause.WIDTH
    if isinstance(error, RpcError):
        if _AHEAD(error.detail.lower()):
            return Cause.ELSEWHERE
        # The text goes before the code: a span that is too wide may come under any of them.
        if error.refusal is Refusal.TOO_LARGE or _WIDTH(error.detail.lower()):
            return Cause.WIDTH
        other = error.refusal in (Refusal.UNSUPPORTED, Refusal.RATE_LIMITED)
        return Cause.ELSEWHERE if other else Cause.UNKNOWN
    if error.outcome is Outcome.HTTP_ERROR:
        if error.code == 413:
            return Cause.WIDTH
        return Cause.ELSEWHERE if error.code in _OTHER_STATUSES else Cause.UNKNOWN
    return Cause.UNKNOWN


def permitted_blocks(error: SourceError) -> int | None:
    """Return how many blocks the text says that it would give; None where it says nothing."""
    text = error.detail.lower()
    suggested = _SUGGESTED.search(text)
    if suggested is not None:
        first, last = (
            int(end, 16 if end.startswith("0x") else 10)
            for end in suggested.groups()
            if end is not None
        )
        return last - first + 1 if last >= first else None
    # Of several numbers the least is the bound: the others are what was asked for.
    named = _PERMITTED.findall(text)
    return min(
        (int(digits.replace(",", "")) * (1_000 if thousand else 1) for digits, thousand in named),
        default=None,
    )
