"""The Prometheus client against the real program where it is installed, and against nonsense."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from dexwatch.clients.http import Outcome, SourceError
from dexwatch.clients.prometheus import PrometheusClient
from tests.fakes import need
from tests.fakes.canned import Canned, canned


@pytest.fixture
async def prometheus(tmp_path: Path) -> AsyncIterator[PrometheusClient]:
    program = need.program("prometheus")
    port = need.free_port()
    rules = tmp_path / "rules.yml"
    rules.write_text(
        "groups: [{name: g, interval: 1s, rules: [{alert: Always, expr: 'vector(7) > 5',"
        " labels: {severity: P0}, annotations: {summary: high}}]}]\n"
    )
    config = tmp_path / "prometheus.yml"
    config.write_text(
        f"global: {{scrape_interval: 1s, evaluation_interval: 1s}}\nrule_files: [{rules}]\n"
        "scrape_configs: [{job_name: self, static_configs:"
        f" [{{targets: ['127.0.0.1:{port}']}}]}}]\n"
    )
    child = await asyncio.create_subprocess_exec(
        program,
        f"--config.file={config}",
        f"--storage.tsdb.path={tmp_path / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with PrometheusClient(f"http://127.0.0.1:{port}") as client:
            yield client
    finally:
        child.terminate()
        await child.wait()


async def _until(condition: object, seconds: float = 20.0) -> object:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := await condition():  # type: ignore[operator]
            return found
        await asyncio.sleep(0.1)
    raise AssertionError("did not come true in time")


async def test_the_real_program_answers_in_our_types(prometheus: PrometheusClient) -> None:
    await _until(prometheus.ready)
    series = await prometheus.query("vector(3) * 2")
    assert [s.value for s in series] == [6.0]
    assert (await prometheus.query("scalar(vector(4))"))[0].value == 4.0

    now = time.time()
    spans = await prometheus.query_range("vector(1)", start=now - 10, end=now, step_seconds=5)
    assert len(spans[0].points) == 3

    async def up() -> object:
        return [s for s in await prometheus.query("up") if s.value == 1.0]

    (found,) = await _until(up)  # type: ignore[misc]
    assert found.name == "up"
    assert found.labels["job"] == "self"
    (target,) = await prometheus.targets()
    assert (target.job, target.health) == ("self", "up")

    await _until(prometheus.alerts)
    (alert,) = await prometheus.alerts()
    assert (alert.name, alert.state, alert.value) == ("Always", "firing", 7.0)
    ((rule,),) = [group.rules for group in await prometheus.rules()]
    assert (rule.kind, rule.state, rule.annotations["summary"]) == ("alerting", "firing", "high")


async def test_a_refused_query_says_why(prometheus: PrometheusClient) -> None:
    await _until(prometheus.ready)
    with pytest.raises(SourceError, match="parse error") as raised:
        await prometheus.query("up{")
    assert raised.value.outcome is Outcome.RPC_ERROR


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (Canned(b"<html>", status=502), Outcome.HTTP_ERROR),
        (Canned(b"null"), Outcome.HTTP_ERROR),
        (Canned(b'{"status":"success","data":null}'), Outcome.MALFORMED),
        (Canned(b'{"status":"success","data":{"resultType":"vector"'), Outcome.MALFORMED),
        (
            Canned(b'{"status":"success","data":{"resultType":"vector","result":[3]}}'),
            Outcome.MALFORMED,
        ),
        (
            Canned(
                b'{"status":"success","data":{"resultType":"vector",'
                b'"result":[{"metric":{},"value":[1]}]}}'
            ),
            Outcome.MALFORMED,
        ),
        (Canned(b'{"status":"success"}' + b" " * 2_000_000), Outcome.MALFORMED),
        (Canned(b"{}", cut_off=True), Outcome.MALFORMED),
        (Canned(b"", silent=True), Outcome.TIMEOUT),
    ],
)
async def test_nonsense_is_an_outcome_and_no_crash(answer: Canned, outcome: Outcome) -> None:
    async with (
        canned(answer) as url,
        PrometheusClient(url, timeout_seconds=0.5, limit_bytes=1_000_000) as client,
    ):
        with pytest.raises(SourceError) as raised:
            await client.query("up")
        assert raised.value.outcome is outcome


@pytest.mark.parametrize("alerts", [b"7", b'"many"', b"true", b"[3]"])
async def test_alerts_of_a_rule_that_are_none_are_an_outcome(alerts: bytes) -> None:
    rule = b'{"name":"a","type":"alerting","query":"up","alerts":' + alerts + b"}"
    group = b'{"name":"g","file":"f","rules":[' + rule + b"]}"
    answer = Canned(b'{"status":"success","data":{"groups":[' + group + b"]}}")
    async with canned(answer) as url, PrometheusClient(url) as client:
        with pytest.raises(SourceError) as raised:
            await client.rules()
        assert raised.value.outcome is Outcome.MALFORMED


@pytest.mark.parametrize(
    ("kind", "number", "histogram"),
    [
        ("vector", '"value": [1, "2"]', '"histogram": [1, {"count": "3", "sum": "4"}]'),
        ("matrix", '"values": [[1, "2"]]', '"histograms": [[1, {"count": "3", "sum": "4"}]]'),
    ],
)
async def test_a_native_histogram_hides_no_number(kind: str, number: str, histogram: str) -> None:
    rows = f'{{"metric": {{"of": "a"}}, {histogram}}}, {{"metric": {{"of": "b"}}, {number}}}'
    data = f'{{"resultType": "{kind}", "result": [{rows}]}}'
    answer = Canned(f'{{"status": "success", "data": {data}}}'.encode())
    async with canned(answer) as url, PrometheusClient(url) as client:
        series = await client.query("up")
    assert [(one.labels, one.value) for one in series] == [({"of": "b"}, 2.0)]


async def test_a_refused_connection_is_a_connection_error() -> None:
    async with PrometheusClient(f"http://127.0.0.1:{need.free_port()}") as client:
        assert not await client.ready()
        with pytest.raises(SourceError) as raised:
            await client.alerts()
        assert raised.value.outcome is Outcome.CONNECTION
        assert "nothing listens there: check address and port" in str(raised.value)
