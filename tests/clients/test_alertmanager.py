"""The Alertmanager client against the real program where it is installed, and against nonsense."""

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from dexwatch.clients.alertmanager import AlertmanagerClient, Matcher
from dexwatch.clients.http import Outcome, SourceError
from tests.fakes import need
from tests.fakes.canned import Canned, canned

CONFIG = "route: {receiver: nobody, group_wait: 0s}\nreceivers: [{name: nobody}]\n"


@pytest.fixture
async def alertmanager(tmp_path: Path) -> AsyncIterator[AlertmanagerClient]:
    program = need.program("prometheus-alertmanager")
    port = need.free_port()
    (tmp_path / "am.yml").write_text(CONFIG)
    child = await asyncio.create_subprocess_exec(
        program,
        f"--config.file={tmp_path / 'am.yml'}",
        f"--storage.path={tmp_path / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--cluster.listen-address=",
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with AlertmanagerClient(f"http://127.0.0.1:{port}") as client:
            end = time.monotonic() + 20
            while not await client.ready():
                assert time.monotonic() < end, "Alertmanager did not get ready"
                await asyncio.sleep(0.1)
            yield client
    finally:
        child.terminate()
        await child.wait()


async def test_silences_and_alerts_of_the_real_program(alertmanager: AlertmanagerClient) -> None:
    now = datetime.now(UTC)
    await alertmanager.post([{"labels": {"alertname": "CpuHigh", "host": "dex-1"}}])
    (alert,) = await alertmanager.alerts()
    assert (alert.name, alert.labels["host"]) == ("CpuHigh", "dex-1")
    assert alert.receivers == ("nobody",)

    silence_id = await alertmanager.silence(
        [Matcher("alertname", "Cpu.*", is_regex=True), Matcher("host", "dex-2", is_equal=False)],
        starts=now,
        ends=now + timedelta(hours=1),
        by="Bo",
        comment="known",
    )
    (silence,) = await alertmanager.silences()
    assert (silence.id, silence.by, silence.state) == (silence_id, "Bo", "active")
    assert sorted(map(str, silence.matchers)) == ['alertname=~"Cpu.*"', 'host!="dex-2"']

    await alertmanager.expire(silence_id)
    assert [s.state for s in await alertmanager.silences()] == ["expired"]
    status = await alertmanager.status()
    assert status.cluster == "disabled"
    assert status.started.tzinfo is not None


async def test_a_refused_silence_says_why(alertmanager: AlertmanagerClient) -> None:
    now = datetime.now(UTC)
    with pytest.raises(SourceError) as raised:
        await alertmanager.silence([], starts=now, ends=now, by="Bo", comment="")
    assert raised.value.outcome is Outcome.RPC_ERROR
    assert raised.value.detail
    with pytest.raises(SourceError, match="hexadecimal"):
        await alertmanager.expire("../alerts")


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (Canned(b"{}"), Outcome.MALFORMED),
        (Canned(b'[{"status":{}}]'), Outcome.MALFORMED),
        (Canned(b"[null]"), Outcome.MALFORMED),
        (Canned(b"", status=503), Outcome.HTTP_ERROR),
        (Canned(b"", silent=True), Outcome.TIMEOUT),
    ],
)
async def test_nonsense_is_an_outcome_and_no_crash(answer: Canned, outcome: Outcome) -> None:
    async with canned(answer) as url, AlertmanagerClient(url, timeout_seconds=0.5) as client:
        with pytest.raises(SourceError) as raised:
            await client.alerts()
        assert raised.value.outcome is outcome
