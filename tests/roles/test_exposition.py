import asyncio
import time

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from dexwatch.daemons import ports
from dexwatch.daemons.program import DaemonError, PortTakenError
from dexwatch.metrics.metric import Unit, counter, gauge, histogram
from dexwatch.metrics.sample import Distribution, Sample
from dexwatch.roles.http.exposition import expose, serve

PRICE = gauge("dex_price", "Price.", unit=Unit.USD, labels=("pool", "side"))
SWAPS = counter("dex_swaps_total", "Swaps.", labels=("pool",))
SIZE = histogram("dex_size", "Size.", unit=Unit.USD, buckets=(1, 10, 100), labels=("pool",))


def read(samples, **more) -> dict[tuple, float]:
    body, _ = expose(samples, **more)
    return {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(body.decode())
        for sample in family.samples
    }


@given(
    st.dictionaries(
        st.tuples(st.text(max_size=20), st.text(max_size=20)),
        st.floats(allow_nan=False),
        max_size=20,
    )
)
def test_every_value_and_every_label_survives_whatever_strangers_wrote_into_it(series):
    samples = [Sample(PRICE, v, {"pool": p, "side": s}) for (p, s), v in series.items()]
    found = read(samples)
    assert found == {("dex_price", ("pool", p), ("side", s)): v for (p, s), v in series.items()}


def test_counters_and_histograms_are_written_as_prometheus_wants_them():
    found = read(
        [
            Sample(SWAPS, 7, {"pool": "WBNB/USDT"}),
            Sample(SIZE, Distribution((1, 3, 3), 4, 250.5), {"pool": "WBNB/USDT"}),
        ]
    )
    pool = ("pool", "WBNB/USDT")
    assert found == {
        ("dex_swaps_total", pool): 7,
        ("dex_size_bucket", ("le", "1.0"), pool): 1,
        ("dex_size_bucket", ("le", "10.0"), pool): 3,
        ("dex_size_bucket", ("le", "100.0"), pool): 3,
        ("dex_size_bucket", ("le", "+Inf"), pool): 4,
        ("dex_size_count", pool): 4,
        ("dex_size_sum", pool): 250.5,
    }


def test_a_series_that_is_given_twice_is_written_once():
    samples = [Sample(SWAPS, value, {"pool": "a"}) for value in (1, 2)]
    assert read(samples) == {("dex_swaps_total", ("pool", "a")): 2}


def test_openmetrics_is_written_for_those_who_ask_for_it():
    body, kind = expose([Sample(SWAPS, 1, {"pool": "a"})], accept="application/openmetrics-text")
    assert kind.startswith("application/openmetrics-text")
    assert body.endswith(b"# EOF\n")


async def test_metrics_and_health_are_served_and_nothing_else():
    async with (
        serve(lambda: [Sample(SWAPS, 1, {"pool": "a"})], 0) as port,
        httpx.AsyncClient() as c,
    ):
        base = f"http://127.0.0.1:{port}"
        assert 'dex_swaps_total{pool="a"} 1.0' in (await c.get(f"{base}/metrics?x=1")).text
        assert (await c.get(f"{base}/healthz")).text == "ok\n"
        assert (await c.get(f"{base}/")).status_code == 404
        assert (await c.post(f"{base}/metrics")).status_code == 405
        assert (await c.head(f"{base}/metrics")).content == b""


async def test_a_failing_collector_is_a_500_and_the_next_request_is_served():
    answers = iter([ValueError("broken"), None])

    def collect() -> list[Sample]:
        if (answer := next(answers)) is not None:
            raise answer
        return []

    async with serve(collect, 0) as port, httpx.AsyncClient() as client:
        url = f"http://127.0.0.1:{port}/metrics"
        first = await client.get(url)
        assert (first.status_code, "broken" in first.text) == (500, False)
        assert (await client.get(url)).status_code == 200


async def test_a_taken_port_names_the_setting_and_who_holds_it():
    async with serve(list, 0) as port:
        holder = ports.holder(port)
        with pytest.raises(PortTakenError) as refused:
            async with serve(list, port, setting="watch.port"):
                pass
    assert str(refused.value) == (
        f"watch.port: 127.0.0.1:{port} is taken by {holder}. "
        "Stop the other program, or choose another port in that setting."
    )


async def test_an_address_that_is_not_ours_is_not_called_a_taken_port():
    with pytest.raises(DaemonError) as refused:
        async with serve(list, 0, setting="watch.port", host="192.0.2.1"):
            pass
    assert str(refused.value) == (
        "watch.port: nothing can listen on 192.0.2.1:0 (Cannot assign requested address); "
        "correct host and port there"
    )


@pytest.mark.parametrize(
    "sent", [b"", b"GET", b"\0" * 40_000, b"G" * 40_000 + b"\r\n\r\n", b"GET\r\n\r\n"]
)
async def test_nonsense_neither_ends_the_server_nor_holds_up_its_end(sent):
    async with serve(list, 0) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(sent)
        async with httpx.AsyncClient() as client:
            assert (await client.get(f"http://127.0.0.1:{port}/healthz")).status_code == 200
    await asyncio.wait_for(reader.read(), 3)
    writer.close()


async def test_a_large_answer_does_not_block_the_loop():
    samples = [Sample(PRICE, i, {"pool": f"p{i}", "side": "buy"}) for i in range(5000)]
    longest = 0.0

    async def beat() -> None:
        nonlocal longest
        while True:
            # The processor time of this thread: other programs may keep the machine busy.
            before = time.thread_time()
            await asyncio.sleep(0.001)
            longest = max(longest, time.thread_time() - before)

    async with serve(lambda: samples, 0) as port, httpx.AsyncClient() as client:
        await client.get(f"http://127.0.0.1:{port}/healthz")
        task = asyncio.create_task(beat())
        answer = await client.get(f"http://127.0.0.1:{port}/metrics")
        task.cancel()
    assert answer.text.count("dex_price{") == 5000
    assert longest < 0.2
