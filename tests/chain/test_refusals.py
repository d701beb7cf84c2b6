"""What nodes answer is told apart, and what is not clear goes the safe way.

The answers are those that bug reports and providers' pages show; those of a `gateway` are made in
their manner, where only the code or the words are known.
"""

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dexwatch.chain import refusals
from dexwatch.chain.answers import RpcError, refusal
from dexwatch.chain.refusals import Refusal
from dexwatch.clients.http import SourceError

UNSUPPORTED = [
    ("geth", -32601, "the method eth_getBlockReceipts does not exist/is not available"),
    ("a code alone", -32601, ""),
    ("coreth", -32000, "the method eth_getBlockReceipts does not exist/is not available"),
    ("nethermind", -32601, "The method 'eth_foo' is not supported."),
    (
        "nethermind",
        -32600,
        "The method 'eth_chainId' is found but the namespace 'Eth' is disabled for http://node.",
    ),
    ("nethermind", -32600, "admin_peers found but the containing module is disabled"),
    ("besu", -32604, "Method not enabled"),
    ("besu", -32601, "Method not found"),
    ("hardhat", -32004, "Method eth_getBlockReceipts is not supported"),
    ("hardhat", -32601, "Method eth_foo does not exist"),
    ("ganache", -32000, "Method eth_getBlockReceipts not supported."),
    ("EIP-1474", -32004, "Method not supported"),
    ("EIP-1474", -32004, "not implemented"),
    ("EIP-1193", 4200, "The requested method is not supported by this Ethereum provider"),
    ("proxyd", -32001, "rpc method is not whitelisted"),
    ("MegaETH", -32601, "rpc method is not whitelisted"),
    ("dshackle", -32601, "Unsupported method: eth_chainId"),
    ("Alchemy", -32600, "Unsupported method: eth_getBlockReceipts on BNB_MAINNET"),
    ("Alchemy", -32601, "Unsupported method [net_peerCount]. See available methods at the docs"),
    ("Alchemy", -32600, "trace_block is not available on the Free tier - upgrade to Pay As You Go"),
    ("gateway", 35, "method is not available on freetier, please upgrade your plan"),
    ("gateway", -32613, "Method requires a paid plan, upgrade your plan"),
    ("gateway", -32053, "API key is not allowed to access method eth_getBlockReceipts"),
    ("gateway", -32075, "Method eth_getBlockReceipts is not available"),
    ("Infura", -32601, "The method eth_foo does not exist/is not available"),
    ("gateway", -32000, "eth_getBlockReceipts is not included in your current plan"),
    ("gateway", -32000, "this node does not support eth_getBlockReceipts"),
    ("gateway", 403, "debug_traceBlock: method forbidden"),
    ("gateway", -32603, "no such method"),
    ("gateway", -32000, "Method eth_getBlockReceipts is not supported on this chain"),
    ("gateway", -32001, "Your plan does not include eth_getBlockReceipts"),
    ("gateway", -32000, "trace_block is only available on paid plans"),
    ("laravel-web3", -32600, "Unallowed rpc method: eth_provider"),
    ("gateway", -32000, "the upstream does not support method eth_getBlockReceipts"),
]

RATE_LIMITED = [
    ("Alchemy", 429, "Your app has exceeded its compute units per second capacity."),
    ("Alchemy", -32000, "Your app has exceeded its compute units per second capacity."),
    ("Alchemy", -32005, "Monthly capacity limit exceeded. Visit the billing page to upgrade."),
    ("Infura", -32005, "project ID request rate exceeded"),
    ("Infura", -32005, "daily request count exceeded, request rate limited"),
    ("QuickNode", -32007, "100/second request limit reached - reduce calls per second or upgrade"),
    ("QuickNode", -32012, "credits limited to 6000/sec"),
    ("QuickNode", 429, "The requests per second (RPS) of your requests are higher than your plan"),
    ("proxyd", -32016, "over rate limit"),
    ("proxyd", -32012, "backend is over capacity"),
    ("op-geth before proxyd", -32000, "429 Too Many Requests: over rate limit"),
    ("MegaETH", -32022, "over compute unit limit, retry in 3 seconds"),
    ("gateway", -32090, "Too many requests, reason: call rate limit exhausted, retry in 10s"),
    ("Starknet", -32097, "Rate limited"),
    ("Arbitrum", -32029, "too many requests"),
    ("BlockVision", -32605, "Rate Limit"),
    ("BlockVision", -32607, "The call limit has been reached, please upgrade your subscription"),
    ("bsc-dataseed", -32005, "method eth_call in batch triggered rate limit"),
    ("optimism", -32000, "This request has been rate limited."),
    ("gateway", -32601, "rate limit exceeded for this method, which is not available on free tier"),
    ("gateway", -32601, "method eth_call: too many requests, upgrade your plan"),
    ("gateway", -32004, "Method eth_call not supported at this rate: request limit reached"),
    ("gateway", None, "API rate limit exceeded"),
    ("gateway", -32005, "compute unit quota exceeded"),
    ("a code alone", -32007, ""),
    ("a code alone", -32016, ""),
    ("a code alone", -32029, ""),
    ("a code alone", -32097, ""),
    ("a code alone", 429, ""),
]

REVERTED = [
    ("geth", 3, "execution reverted: K"),
    ("geth", 3, ""),
    ("nethermind", -32000, "execution reverted"),
    ("besu", -32000, "Execution reverted"),
    ("parity", -32015, "VM execution error."),
    ("parity", -32015, "Bad instruction fe"),
    ("a code alone", -32015, ""),
    ("hardhat", -32603, "Error: VM Exception while processing transaction: reverted with reason"),
    ("ganache", -32000, "VM Exception while processing transaction: revert"),
    ("Monad", -32603, "Execution reverted"),
    ("geth, gas estimate", -32000, "err: execution reverted: paused (supplied gas 36000000)"),
    ("geth", -32000, "out of gas"),
    ("geth", -32000, "invalid opcode: INVALID"),
    ("geth", -32000, "invalid jump destination"),
    ("anvil, reth", -32003, "EVM error: InvalidFEOpcode"),
    # The contract chose these words.
    ("geth", 3, "execution reverted: rate limit exceeded"),
    ("erigon", -32000, "execution reverted: Method not supported"),
    ("erigon", -32000, "execution reverted: batch too large"),
    ("gateway", -32601, "execution reverted: too many requests"),
]

TOO_LARGE = [
    ("geth", -32003, "response too large"),
    ("geth", -32600, "batch too large"),
    ("erigon", -32000, "batch limit 100 exceeded (can increase by --rpc.batch.limit)"),
    ("besu", -32602, "Number of requests in batch exceeds --rpc-max-batch-size."),
    ("jsonrpsee", -32010, "The batch request was too large"),
    ("jsonrpsee", -32005, "Batched requests are not supported by this server"),
    ("jsonrpsee", -32007, "Request is too big"),
    ("load balancer", -32029, "block range too large"),
    ("proxyd", -32014, "too many RPC calls in batch request"),
    ("dRPC", 31, "Batch of more than 3 requests are not allowed on free tier, to use this feature"),
    ("bodhi.js", -32600, "Exceeded maximum batch size 20"),
    ("gateway", -32601, "batch requests are not supported, upgrade your plan"),
    ("gateway", -32005, "batch request limit exceeded"),
    ("gateway", -32000, "too many requests in batch"),
    ("Alchemy", -32600, "You can make eth_getLogs requests with up to a 10 block range. Upgrade"),
    ("dRPC", 35, "eth_getLogs ranges over 10000 blocks are not supported on freetier"),
    ("Ankr", -32000, "maximum [from, to] blocks distance: 10000"),
    ("gateway", -32062, "block range is too wide"),
    ("Infura", -32005, "query returned more than 10000 results"),
    ("bsc", -32000, "exceed maximum block range: 5000"),
    ("QuickNode", -32614, "eth_getLogs is limited to a 10,000 range"),
    ("proxyd", -32020, "backend response too large"),
]

PASSING = [
    ("geth", -32000, "header not found"),
    ("geth", -32000, "header for hash not found"),
    ("geth", -32000, "finalized block not found"),
    ("geth", -32000, "missing trie node 1a2b (path ) state 0x01 is not available"),
    ("geth", -32603, "method handler crashed"),
    ("geth", -32602, "missing value for required argument 1"),
    ("erigon", -32602, "invalid argument 1: blockHash is not supported by method eth_call"),
    ("nethermind", -32001, "Block 0x1 could not be found"),
    ("EIP-1474", -32001, "resource not found"),
    ("EIP-1474", -32002, "resource not available"),
    ("EIP-1474", -32003, "transaction rejected"),
    ("EIP-1474", -32004, "block is not available"),
    ("BlockVision", -32604, "Record not found"),
    ("Monad", -32601, "Parse error"),
    ("proxyd", -32015, "gateway timeout"),
    ("proxyd", -32011, "no backends available for method"),
    ("dRPC", 30, "Request timeout on the free tier, please upgrade your tier to the paid one"),
    ("Ankr", -32052, "API key is not allowed to access blockchain"),
    ("Infura", -32002, "project ID does not have access to archive state"),
    ("publicnode", -32602, "Archive requests require a personal token"),
    ("gateway", -32000, "the method is not available at present"),
    ("gateway", -32601, "method eth_call is temporarily unavailable, try again later"),
    ("gateway", None, "method not found"),
    ("gateway", True, "method not supported"),
    ("gateway", -32000, "eth_getBlockReceipts: upstream not available"),
    ("gateway", -32000, "no upstream of method eth_getBlockReceipts: connection not found"),
    ("gateway", -32000, "Method eth_getBlockReceipts failed: service unavailable"),
    ("gateway", -32000, "eth_getBlockReceipts: dial tcp: lookup node-3: no such host"),
    ("gateway", -32000, "eth_getBlockReceipts: dial unix geth.ipc: permission denied"),
    ("bsc", -39001, "Unknown block"),
    ("gateway", -32600, "invalid request"),
    ("gateway", -32000, "please upgrade your plan"),
    ("gateway", -32603, "Internal error"),
]

CASES = [
    *((*case, Refusal.UNSUPPORTED) for case in UNSUPPORTED),
    *((*case, Refusal.RATE_LIMITED) for case in RATE_LIMITED),
    *((*case, Refusal.REVERTED) for case in REVERTED),
    *((*case, Refusal.TOO_LARGE) for case in TOO_LARGE),
    *((*case, Refusal.OTHER) for case in PASSING),
    # BSC's public nodes say no more, of a range as of a rate.
    ("bsc-dataseed", -32005, "limit exceeded", Refusal.LIMITED),
    ("a code alone", -32005, "", Refusal.LIMITED),
    ("gateway", -32000, "request exceeds defined limit", Refusal.LIMITED),
]


def refused(error: dict[str, Any], *, status: int = 200) -> RpcError:
    found = refusal({"jsonrpc": "2.0", "id": 1, "error": error}, status=status)
    assert isinstance(found, RpcError)
    return found


@pytest.mark.parametrize(("provider", "code", "message", "expected"), CASES)
def test_refusals(provider: str, code: int | None, message: str, expected: Refusal) -> None:
    assert refused({"code": code, "message": message}).refusal is expected, provider


@pytest.mark.parametrize(
    ("status", "code", "message", "expected"),
    [
        (429, -32000, "slow down", Refusal.RATE_LIMITED),
        (429, -32601, "method not found", Refusal.RATE_LIMITED),
        (429, 31, "at most 1 calls in a batch", Refusal.RATE_LIMITED),
        (429, 3, "execution reverted", Refusal.REVERTED),
        (413, -32000, "request entity", Refusal.TOO_LARGE),
        (500, 3, "execution reverted", Refusal.REVERTED),
        (400, -32601, "method not found", Refusal.UNSUPPORTED),
        (403, -32601, "rpc method is not whitelisted", Refusal.UNSUPPORTED),
    ],
)
def test_the_http_status_speaks_where_the_answer_does_not(
    status: int, code: int, message: str, expected: Refusal
) -> None:
    assert refused({"code": code, "message": message}, status=status).refusal is expected


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (
            {"code": -32603, "message": "Internal error", "data": {"message": "VM Exception"}},
            Refusal.REVERTED,
        ),
        ({"code": -32000, "message": "failed", "data": "Reverted 0x08c379a0"}, Refusal.REVERTED),
        (
            {"code": -32010, "message": "refused", "data": "batch: exceeded max limit of 3"},
            Refusal.TOO_LARGE,
        ),
    ],
)
def test_the_reason_may_stand_in_the_data(error: dict[str, Any], expected: Refusal) -> None:
    assert refused(error).refusal is expected


@pytest.mark.parametrize(
    "data",
    [
        "0x08c379a0",
        "Reverted 0x08c379a0",
        "err: 0x08c379a0 (supplied gas 36000000)",
        {"message": "reverted", "data": "0x08c379a0"},
        {"originalError": {"data": "0x08c379a0"}},
    ],
)
def test_revert_data_is_found_wherever_a_node_puts_it(data: object) -> None:
    assert refused({"code": 3, "message": "execution reverted", "data": data}).data == "0x08c379a0"


def test_an_error_without_its_envelope_is_read() -> None:
    # As QuickNode answers above the plan's rate.
    found = refusal({"code": -32007, "message": "100/second request limit reached"})
    assert isinstance(found, RpcError)
    assert found.refusal is Refusal.RATE_LIMITED


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
CODES = st.sampled_from(sorted({case[1] for case in CASES if isinstance(case[1], int)}))
MESSAGES = st.sampled_from([case[2] for case in CASES])


@given(code=JSON | CODES, message=JSON | MESSAGES, data=JSON | MESSAGES, status=st.integers())
def test_no_answer_raises(code: object, message: object, data: object, status: int) -> None:
    error = {"code": code, "message": message, "data": data}
    found = refusal({"error": error}, status=status)
    assert isinstance(found, RpcError)
    assert found.refusal in Refusal


@given(answer=st.dictionaries(st.sampled_from(["error", "code", "message", "data"]), JSON))
def test_no_shape_of_an_answer_raises(answer: dict[str, Any]) -> None:
    assert isinstance(refusal(answer), SourceError)


@given(code=CODES, before=st.text(max_size=40), after=st.text(max_size=40))
def test_a_rate_limit_is_never_a_missing_method(code: int, before: str, after: str) -> None:
    message = f"{before} rate limit {after}: method not supported"
    assert refused({"code": code, "message": message}).refusal is not Refusal.UNSUPPORTED


@pytest.mark.parametrize(
    "piece", ["method ", "method_", "batch", "not ", "0x", "limit exceed", "a_"]
)
def test_a_long_text_costs_little(piece: str) -> None:
    text = piece * 200_000
    began = time.process_time()
    for _ in range(20):
        refused({"code": -32000, "message": text, "data": text})
    assert time.process_time() - began < 0.5


def test_every_row_says_where_it_is_from() -> None:
    assert all(rule.source for rule in refusals.RULES)


def test_every_row_decides_something() -> None:
    # A row that no case needs is dead, or hidden by the rows above it.
    asked = [(code, refusals.words(message, None), 200) for _, code, message, _ in CASES]
    asked += [(-32000, "", 413), (-32000, "", 429)]
    used = {id(refusals.rule(*one)) for one in asked}
    assert [rule.source for rule in refusals.RULES if id(rule) not in used] == []
