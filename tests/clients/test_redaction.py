"""A server that repeats our secrets gets them neither into an error nor into a log or a page."""

import base64
from typing import Any
from urllib.parse import quote

import orjson
import pytest
from pydantic import SecretStr

from dexwatch.chain import fetch
from dexwatch.chain.calls import ViewCall, revert_reason, views
from dexwatch.chain.config import EndpointConfig
from dexwatch.chain.endpoint import Endpoint
from dexwatch.clients.access import Access
from dexwatch.clients.alertmanager import AlertmanagerClient
from dexwatch.clients.http import SourceError
from dexwatch.clients.prometheus import PrometheusClient
from dexwatch.clients.redaction import Redaction
from dexwatch.evm.block import Transaction
from dexwatch.metrics.series import Series
from tests.fakes.chain import FakeChain
from tests.fakes.node import FakeNode, RpcRefusal, running

KEY = "key-of-ana"
HEX_KEY = "0123456789abcdef0123456789abcdef"


@pytest.mark.parametrize("key", [KEY, HEX_KEY, "9-c/x==" * 4])
@pytest.mark.parametrize(
    "address",
    [
        "https://node.example/v1/{}",
        "https://node.example/v1/{}/",
        "https://node.example/{}/bsc",
        "https://node.example/?apikey={}",
        "https://node.example/?{}",
        "https://node.example/rpc?a=b&apikey={}",
        "https://{}:password@node.example/",
        "https://ana:{}@node.example/",
        "wss://node.example/ws/{}",
    ],
)
def test_each_part_of_an_address_that_may_be_a_key_is_hidden(key: str, address: str) -> None:
    quoted = key.replace("/", "%2F").replace("=", "%3D")
    hide = Redaction(address.format(quoted))
    for said in (key, quoted):
        assert said not in hide.text(f"project {said} exceeded its rate; see /{said}/")
    assert hide.text("exceeded its rate") == "exceeded its rate"


@pytest.mark.parametrize("key", ["Key-of-Ana", HEX_KEY, "9-c/X+==" * 4])
def test_a_key_is_hidden_in_other_letters_and_as_an_address_or_json_writes_it(key: str) -> None:
    hide = Redaction(f"https://node.example/?apikey={key}", secrets=("Token/of+Ana",))
    for secret in (key, "Token/of+Ana"):
        for written in (secret, quote(secret, safe=""), secret.replace("/", "\\/")):
            for said in (written, written.lower(), written.upper()):
                assert said not in hide.text(f"project {said} exceeded its rate")


def test_a_login_is_hidden_as_it_is_sent() -> None:
    sent = base64.b64encode(b"ana:pass-of-ana").decode()
    assert sent not in Redaction("https://ana:pass-of-ana@node.example").text(f"Basic {sent}")


def test_only_a_field_of_an_answer_may_be_named_like_a_secret() -> None:
    redact = Redaction("https://node.example/jsonrpc")
    assert redact(b'{"jsonrpc": "2.0"}') == b'{"jsonrpc": "2.0"}'
    assert redact.text('no such key "jsonrpc": refused') == 'no such key "[redacted]": refused'


@pytest.mark.parametrize("address", ["http://10.0.0.1:8545", "https://a.example/jsonrpc", "x[", ""])
def test_what_is_no_secret_leaves_an_answer_whole(address: str) -> None:
    answer = b'{"jsonrpc":"2.0","id":1,"result":"0x64"}'
    assert Redaction(address)(answer) == answer


def test_a_few_digits_of_an_address_are_not_taken_for_a_key() -> None:
    assert (
        Redaction("https://a.example/00000000/0x1234567")(b"0x" + b"00" * 32) == b"0x" + b"00" * 32
    )


@pytest.mark.parametrize("key", ["pw1", "k-9", "Ab12", "0000", "abc123", "a.b+c", "x/y"])
def test_a_short_secret_is_hidden_as_a_whole_word_in_texts_and_never_in_data(key: str) -> None:
    quoted = quote(key, safe="")
    for hide in (
        Redaction(secrets=(key,)),
        Redaction(f"https://ana:{quoted}@node.example"),
        Redaction(f"https://node.example/rpc?apikey={quoted}"),
        Redaction(f"https://{quoted}@node.example"),
        Redaction(f"https://{quoted}:@node.example"),
    ):
        for said in (key, quoted, key.lower(), key.upper()):
            for text in ("{}", "refused: {}.", 'key="{}"', "token_{}_", "a={}&b", "{} and {}"):
                assert hide.text(text.format(said, said)) == text.format(*["[redacted]"] * 2)
        for word in (f"{key}s", f"un{key}", f"é{key}", f"7{key}", f"{key}0"):
            assert hide.text(f"a {word} is left") == f"a {word} is left"
        data = f'{{"result": "{key}"}}'.encode()
        assert hide(data) == data


@pytest.mark.parametrize(
    ("address", "secrets"),
    [
        ("https://node.example/bsc/rpc/v1", ()),
        ("https://ana:no@node.example/?chain=bsc&v=rpc", ("", "a", "is")),
    ],
)
def test_ordinary_words_are_left(address: str, secrets: tuple[str, ...]) -> None:
    said = "no, ana is a user of the bsc rpc v1 node"
    assert Redaction(address, secrets=secrets).text(said) == said


def test_a_long_secret_is_hidden_before_a_short_one_in_it() -> None:
    assert Redaction(secrets=("abc", "abc-def-ghi")).text("abc-def-ghi") == "[redacted]"


def refuse(*_: Any) -> Any:
    raise RpcRefusal(3, f"execution reverted: {KEY}")


@pytest.mark.parametrize("tail", [f"/v1/{KEY}", f"/?apikey={KEY}"])
async def test_no_error_of_an_endpoint_holds_its_key(tail: str) -> None:
    async with running(FakeNode(FakeChain())) as node:
        endpoint = Endpoint(EndpointConfig(name="a", http=node.http + tail), Series())
        errors: list[object] = []

        async def told(method: str) -> None:
            with pytest.raises(SourceError) as raised:
                await endpoint.call(method)
            errors.append(raised.value)

        node.answers["a"] = node.answers["eth_call"] = refuse
        await told("a")
        call = Transaction("0x", "0x" + "0a" * 20, "0x" + "0a" * 20, 0, 21_000, b"")
        errors.append(await revert_reason(endpoint, call, block=5))
        errors += await views(endpoint, [ViewCall("0x" + "0a" * 20, "x()(uint256)")] * 2)
        # Not in the words of a refusal, but where a number should be.
        head = {**node.chain.head, "number": f"https://node{tail}"}
        node.answers["eth_getBlockByNumber"] = lambda _: head
        with pytest.raises(SourceError) as raised:
            await fetch.header(endpoint)
        errors.append(raised.value)
        # At the place where a long text is cut.
        message = "x" * 295 + KEY
        node.raw = orjson.dumps({"id": 1, "error": {"code": 1, "message": message}})
        await told("b")
        await endpoint.close()
    assert len(errors) == 6
    assert KEY[:5] not in "".join(map(str, errors))


@pytest.mark.parametrize("message", ["refused: k-9", "x" * 298 + " k-9"])
async def test_no_refusal_of_an_endpoint_holds_a_short_key(message: str) -> None:
    async with running(FakeNode(FakeChain())) as node:

        def no(*_: Any) -> Any:
            raise RpcRefusal(3, message)

        node.answers["a"] = no
        config = EndpointConfig(name="a", http=f"{node.http}/?apikey=k-9")
        endpoint = Endpoint(config, Series())
        with pytest.raises(SourceError) as raised:
            await endpoint.call("a")
        await endpoint.close()
    assert "k" not in str(raised.value)


async def test_a_key_of_the_other_address_of_an_endpoint_is_hidden_as_well() -> None:
    async with running(FakeNode(FakeChain())) as node:
        node.answers["a"] = refuse
        config = EndpointConfig(name="a", http=node.http, ws=f"{node.ws}/{KEY}")
        endpoint = Endpoint(config, Series())
        with pytest.raises(SourceError) as raised:
            await endpoint.call("a")
        await endpoint.close()
    assert KEY not in str(raised.value)


@pytest.mark.parametrize("client", [PrometheusClient, AlertmanagerClient])
@pytest.mark.parametrize(
    "access",
    [Access(token=SecretStr(KEY)), Access(username="ana", password=SecretStr(KEY))],
)
async def test_no_error_of_a_monitoring_server_holds_what_we_sent_it(
    client: Any, access: Access
) -> None:
    async with running(FakeNode(FakeChain())) as node:
        node.status = 400
        node.raw = orjson.dumps({"status": "error", "error": f"{KEY} {access.header}"})
        # The fake reads the length of a body, which a question to these servers does not have.
        async with client(node.http, access=access) as asked:
            reply = await asked.send("POST", content=b"{}")
            said = asked.redact.text(reply.body.decode())
    assert KEY not in said
    assert access.header not in said
