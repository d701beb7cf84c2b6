"""Log lines are one JSON object each, in ECS names, and hold no secret."""

import io
import json
import logging
import math
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dexwatch_instrument import logs, trace


@pytest.fixture
def written():
    stream = io.StringIO()
    logger = logging.getLogger("test")
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logs.EcsFormatter("api", version="1.2.3", environment="sample"))
    logger.handlers[:] = [handler]
    logger.setLevel(logging.INFO)
    logger.propagate = False
    return logger, lambda: [json.loads(line) for line in stream.getvalue().splitlines()]


def test_has_the_required_fields(written):
    logger, lines = written
    logs.event(logger, "signed in", {"event.action": "sign-in", "event.outcome": "success"})
    (line,) = lines()
    assert list(line)[:3] == ["@timestamp", "log.level", "message"]
    assert line["@timestamp"].endswith("Z")
    assert line["log.level"] == "info"
    assert line["ecs.version"] == "8.11.0"
    assert line["service.name"] == "api"
    assert line["event.action"] == "sign-in"


def test_carries_the_trace(written):
    logger, lines = written
    token = trace.current.set(trace.begin(None))
    logger.info("hello")
    trace.current.reset(token)
    logger.info("hello")
    assert len(lines()[0]["trace.id"]) == 32
    assert "trace.id" not in lines()[1]


def test_an_exception_is_three_fields_and_one_line(written):
    logger, lines = written
    try:
        int("token=abc123")
    except ValueError:
        logger.exception("broken")
    (line,) = lines()
    assert line["error.type"] == "ValueError"
    assert "Traceback" in line["error.stack_trace"]
    assert "abc123" not in json.dumps(line)


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Bearer hunter2hunter2",
        "password=hunter2",
        '{"password": "hunter2"}',
        "api_key: hunter2",
        "postgresql://ana:hunter2@db/main",
        "redis://:hunter2@cache",
    ],
)
def test_secrets_in_the_message_are_redacted(text):
    assert "hunter2" not in logs.masked(text)
    assert logs.REDACTED in logs.masked(text)


@pytest.mark.parametrize(
    "name", ["password", "user.password", "session_token", "private_key", "http.cookie", "dsn"]
)
def test_secrets_in_fields_are_redacted(name):
    assert logs.clean({"a": {name: "hunter2"}})["a"] == {name: logs.REDACTED}


@given(st.text(max_size=300))
def test_any_message_is_one_line_of_json(text):
    record = logging.LogRecord("x", logging.INFO, "x.py", 1, text, None, None)
    line = logs.EcsFormatter("api").format(record)
    assert "\n" not in line
    assert json.loads(line)["service.name"] == "api"


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_a_number_that_json_does_not_know_does_not_lose_the_line(number):
    record = logging.LogRecord("x", logging.INFO, "x.py", 1, "a ratio", None, None)
    record.ecs = {"ratio": number, "all": [number]}
    line = json.loads(logs.EcsFormatter("api").format(record), parse_constant=pytest.fail)
    assert line["ratio"] == str(number)


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "nonsense",
        "00-00000000000000000000000000000000-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
        "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-extra",
        "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
    ],
)
def test_a_malformed_parent_starts_a_new_trace(header):
    span = trace.begin(header)
    assert span.parent_id is None
    assert span.trace_id != "0af7651916cd43dd8448eb211c80319c"


@pytest.mark.parametrize(
    "text",
    ["a-", "a.a+", "://", "password ", "bearer ", "token=", "x://a:", "secret: ", '"', "a" * 9_000],
)
def test_no_text_takes_long_to_mask(text):
    took = []
    for length in (100_000, 1_000_000):
        began = time.thread_time()
        assert len(logs.masked(text * (length // len(text)))) < 20_000
        took.append(time.thread_time() - began)
    # Cut before it is read: what is longer takes no longer.
    assert min(took) < 0.05
    assert took[1] < 10 * took[0] + 0.05


def test_credentials_that_were_cut_in_two_are_masked():
    text = "x" * 8_170 + " redis://ana:hunter2hunter2hunter2@cache"
    assert "hunter" not in logs.masked(text)


def test_deep_and_long_fields_are_cut():
    deep: dict[str, object] = {"end": 1}
    for _ in range(10_000):
        deep = {"a": deep}
    text = json.dumps(logs.clean({"deep": deep, "long": {str(n): n for n in range(1_000)}}))
    assert len(text) < 2_000


def test_a_lone_surrogate_does_not_lose_the_line():
    logger, raw = logging.getLogger("surrogate"), io.BytesIO()
    handler = logging.StreamHandler(io.TextIOWrapper(raw, encoding="utf-8", write_through=True))
    handler.setFormatter(logs.EcsFormatter("api"))
    logger.handlers[:], logger.propagate = [handler], False
    logger.warning("a \ud800 name", extra={"ecs": {"user.name": "b\udfff"}})
    line = json.loads(raw.getvalue())
    assert (line["message"], line["user.name"]) == ("a \ud800 name", "b\udfff")
