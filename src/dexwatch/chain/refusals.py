"""Why a node refused: one ordered table of codes and words, since every provider has its own.

The first row that fits decides: by the code, then by the words, then by the HTTP status. Reverts
come first, since a contract chooses their words. Limits pass, so they come before what is held
against the node for an hour. What no row knows is a passing refusal: asked again, and elsewhere.
Sources: JSON-RPC 2.0, EIP-1474, EIP-1193, the nodes' code, providers' pages and bug reports.
"""

import re
from collections.abc import Container
from dataclasses import dataclass
from enum import StrEnum

_MOST_CHARACTERS = 600
"""Of a refusal's words no more is read."""


class Refusal(StrEnum):
    """Why a node refused."""

    UNSUPPORTED = "unsupported"
    """It does not have the method; asking again soon is of no use."""
    RATE_LIMITED = "rate_limited"
    REVERTED = "reverted"
    """The contract call itself failed: by the contract's will, or by a fault of the EVM."""
    TOO_LARGE = "too_large"
    """The answer, the range, or the batch is larger than the node allows."""
    LIMITED = "limited"
    """A limit that the node does not name: too often, or too much at once."""
    OTHER = "other"
    """Passing or about this request only, such as `header not found`."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A row: it fits where the code, every list of words and the status fit; None fits any."""

    refusal: Refusal
    source: str
    codes: Container[int] | None = None
    words: tuple[re.Pattern[str], ...] = ()
    status: int | None = None

    def fits(self, code: int | None, text: str, status: int) -> bool:
        """Does it speak of such a refusal?"""
        return (
            (self.codes is None or (code is not None and code in self.codes))
            and (self.status is None or self.status == status)
            and all(words.search(text) for words in self.words)
        )


_ANY_CODE = range(-(2**63), 2**63)
"""Some code: without one it is no answer of a JSON-RPC server, and proves nothing for long."""

_REVERT = re.compile(
    r"\brevert(?:ed|s)?\b"
    "|vm exception"
    "|vm execution error"
    "|evm error"
)
_EVM_FAULT = re.compile(
    "out of gas"
    "|invalid opcode"
    "|invalid jump"
    "|bad jump destination"
    "|bad instruction"
    "|stack underflow"
    "|stack limit reached"
    "|execution failed due to an exception"
)
_RATE = re.compile("rate.?limit|per second|/ ?sec")
_BATCH = re.compile(r"\bbatch")
_SIZE = re.compile(
    "block range"
    "|blocks range"
    "|range is too"
    "|range too"
    "|ranges? over"
    r"|\d range\b"
    "|blocks distance"
    "|too many (?:blocks|results|logs)"
    "|returned more than"
    "|result set"
    "|response size"
    "|too large"
    "|too big"
)
_TOO_OFTEN = re.compile(
    "too many requests"
    "|too many calls"
    "|requests? limit"
    "|requests? rate"
    "|requests? count"
    "|call limit"
    "|usage limit"
    r"|(?:daily|monthly|hourly|plan) (?:\w+ )?limit"
    "|limit reached"
    "|compute units?"
    "|capacity"
    "|credits"
    "|quota"
    "|throughput"
    "|throttl"
    "|slow down"
    "|too much load"
    "|traffic limit"
    "|concurrent"
)
_SOME_LIMIT = re.compile("limit exceeded|exceeds? (?:the )?(?:defined )?limit")
_TIME_OUT = re.compile("timeout|time-out|timed out|deadline")
_PASSING = re.compile(
    "temporar"
    "|at present"
    "|at the moment"
    "|right now"
    "|try again"
    r"|\bretry"
    "|busy"
    "|overload"
    "|timeout"
    "|timed out"
    "|service unavailable"
    "|no such host"
    r"|\bdial "
    "|no backends?"
    "|no upstreams? (?:of|available)"
    "|upstreams? (?:not available|unavailable)"
)
_MALFORMED = re.compile("parse error|invalid request")
_NOT_IMPLEMENTED = re.compile("not supported|unsupported|not implemented")
_OTHER_THING = re.compile(
    r"\b(?:blocks?|headers?|transactions?|receipts?|state|trie|accounts?|resource|hash)\b"
    r"|\b(?:archiv|histor)"
)
"""What may be lacking instead of a method; in a name such as `eth_getBlock` it is no word."""
_METHOD = re.compile(
    r"\bmethods?\b"
    r"|\bmodules?\b"
    r"|\bnamespaces?\b"
    r"|\b[a-z]{2,12}[0-9]?_[a-z]"
)
"""That a method is spoken of, by this word or by a name such as `eth_call`."""
_LACKING = re.compile(
    "unsupported"
    "|not supported"
    "|not support"
    "|n't support"
    "|not available"
    "|unavailable"
    "|not implemented"
    "|whitelisted"
    "|not allowed"
    "|unallowed"
    "|disallowed"
    "|not permitted"
    "|not enabled"
    "|disabled"
    "|not exist"
    "|n't exist"
    "|not found"
    "|no such"
    "|unknown method"
    "|forbidden"
    "|blocked"
    "|restricted"
    "|denied"
    "|not have access"
    "|not include"
    "|only available"
    "|upgrade"
    r"|\bpaid\b"
)

RULES = (
    Rule(Refusal.REVERTED, "geth, erigon, anvil, reth", codes={3}),
    Rule(Refusal.REVERTED, "all nodes' own words of a revert", words=(_REVERT,)),
    Rule(Refusal.OTHER, "proxyd, Goldsky: a time-out", codes={-32015}, words=(_TIME_OUT,)),
    Rule(Refusal.REVERTED, "Parity, Nethermind: execution error", codes={-32015}),
    Rule(Refusal.REVERTED, "geth's and Parity's words of an EVM fault", words=(_EVM_FAULT,)),
    Rule(Refusal.RATE_LIMITED, "RFC 6585", status=429),
    Rule(Refusal.TOO_LARGE, "jsonrpsee, load balancers", codes={-32007, -32029}, words=(_SIZE,)),
    Rule(
        Refusal.RATE_LIMITED,
        "Alchemy and QuickNode 429, QuickNode -32007, proxyd -32016, Arbitrum -32029, -32097",
        codes={429, -32007, -32016, -32029, -32097},
    ),
    Rule(Refusal.RATE_LIMITED, "words of a rate: BSC's public nodes, proxyd", words=(_RATE,)),
    Rule(Refusal.TOO_LARGE, "who speaks of the batch refuses the batch", words=(_BATCH,)),
    Rule(Refusal.TOO_LARGE, "words of a size: geth, bsc, Alchemy, Ankr, dRPC", words=(_SIZE,)),
    Rule(Refusal.RATE_LIMITED, "words of a plan used up: Alchemy, Infura", words=(_TOO_OFTEN,)),
    Rule(Refusal.LIMITED, "EIP-1474: limit exceeded; BSC's public nodes", codes={-32005}),
    Rule(Refusal.LIMITED, "its words under other codes", words=(_SOME_LIMIT,)),
    Rule(Refusal.TOO_LARGE, "RFC 9110: content too large", status=413),
    Rule(Refusal.OTHER, "words of a passing state", words=(_PASSING,)),
    Rule(Refusal.OTHER, "JSON-RPC 2.0: about the parameters", codes={-32602}),
    Rule(Refusal.OTHER, "Monad: other errors", codes={-32601}, words=(_MALFORMED,)),
    Rule(Refusal.UNSUPPORTED, "JSON-RPC 2.0 -32601, EIP-1193 4200", codes={-32601, 4200}),
    Rule(Refusal.UNSUPPORTED, "EIP-1474", codes={-32004}, words=(_NOT_IMPLEMENTED,)),
    Rule(Refusal.OTHER, "words of a thing that is lacking", words=(_OTHER_THING,)),
    Rule(
        Refusal.UNSUPPORTED,
        "words of a method that is lacking: Alchemy, Ankr, Nethermind, proxyd, coreth",
        codes=_ANY_CODE,
        words=(_METHOD, _LACKING),
    ),
)
"""The first row that fits decides; a refusal that none fits is `OTHER`."""


def classify(code: int | None, text: str, status: int) -> Refusal:
    """Return why a node refused; `text` is from `words`, `status` that of the HTTP answer."""
    found = rule(code, text, status)
    return found.refusal if found else Refusal.OTHER


def rule(code: int | None, text: str, status: int) -> Rule | None:
    """Return the row that decides."""
    return next((row for row in RULES if row.fits(code, text, status)), None)


def words(message: object, data: object) -> str:
    """Return what an error says, in small letters: its message, and words in its data."""
    if isinstance(data, dict):
        data = data.get("message")
    said = [part[:_MOST_CHARACTERS] for part in (message, data) if isinstance(part, str)]
    return " ".join(said).lower()
