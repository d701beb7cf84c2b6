"""Any of several workers shows all of them: no counter falls, and nothing goes negative."""

import itertools
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path

import pytest
from prometheus_client import Gauge, generate_latest

from dexwatch_instrument import Platform, PoolState, workers

APP = """
import os
from fastapi import FastAPI
from dexwatch_instrument import HttpMetrics, MetricsPage, Platform, PoolState

platform = Platform(pairs=["A/B"])
platform.watch_pool("main", lambda: PoolState(idle=2, used=1, most=10))
app = FastAPI()
app.add_middleware(HttpMetrics, platform=platform, access_log=False)
app.add_route("/metrics", MetricsPage(platform.registry))


@app.get("/who")
async def who() -> int:
    with platform.trade("A/B"):
        return os.getpid()
"""
WORKERS = 3


def port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def get(url):
    with urllib.request.urlopen(url, timeout=10) as answer:
        return answer.read().decode()


def value(page, name, **labels):
    total = 0.0
    for line in page.splitlines():
        named = line.startswith((f"{name} ", f"{name}{{"))
        if named and all(f'{key}="{text}"' in line for key, text in labels.items()):
            total += float(line.rsplit(" ", 1)[1])
    return total


@pytest.fixture
def shared(tmp_path):
    (tmp_path / "shared").mkdir()
    return {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path / "shared")}


@pytest.fixture
def url(tmp_path, shared):
    free_port = port()
    (tmp_path / "served.py").write_text(APP)
    alone = {key: value for key, value in os.environ.items() if key != "PROMETHEUS_MULTIPROC_DIR"}
    environment = {**alone, **shared}
    with (tmp_path / "log").open("wb") as log:
        server = subprocess.Popen(
            [
                *(sys.executable, "-m", "uvicorn", "served:app", f"--port={free_port}"),
                f"--workers={WORKERS}",
            ],
            cwd=tmp_path,
            env=environment,
            stdout=log,
            stderr=log,
        )
        try:
            url = f"http://127.0.0.1:{free_port}"
            wait_until(lambda: get(f"{url}/who"), tmp_path / "log")
            yield url
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(30)


def wait_until(condition, log):
    ends = time.monotonic() + 60
    while time.monotonic() < ends:
        try:
            if found := condition():
                return found
        except OSError:
            pass
        time.sleep(0.1)
    pytest.fail(Path(log).read_text())


def test_any_worker_shows_all_of_them_and_no_counter_falls(url, tmp_path):
    trades, requests = "platform_trades_total", "http_server_request_duration_seconds_count"
    seen, asked, pids, killed = 0.0, 1, set(), False
    ends = time.monotonic() + 90
    while (asked < 200 or len(pids) < WORKERS) and time.monotonic() < ends:
        try:
            pids.add(int(get(f"{url}/who")))
        except OSError:
            continue
        asked += 1
        page = get(f"{url}/metrics")
        now = value(page, trades, pair="A/B", outcome="success")
        assert now >= seen, "a counter fell"
        assert now >= asked
        assert value(page, "http_server_active_requests") >= 0
        seen = now
        if len(pids) > 1 and not killed:
            # A worker that dies takes nothing of what it counted with it.
            os.kill(pids.pop(), signal.SIGKILL)
            killed = True
    assert killed

    def all_counted():
        # A request is counted after its answer, so a worker that dies may lack its last one.
        page = get(f"{url}/metrics")
        return value(page, requests, http_route="/who") >= asked - 1 and page

    assert not re.search(r"\bpid=", wait_until(all_counted, tmp_path / "log"))


def test_gauges_are_sums_over_the_workers_that_run(url, tmp_path):
    def pools():
        for _ in range(20):
            get(f"{url}/who")
        page = get(f"{url}/metrics")
        return value(page, "db_client_connection_max") == 10 * WORKERS and page

    page = wait_until(pools, tmp_path / "log")
    used = value(page, "db_client_connection_count", db_client_connection_state="used")
    assert used == WORKERS


@pytest.mark.parametrize("shared", [{}])
def test_without_a_shared_folder_the_start_time_goes_back_and_forth(url, tmp_path):
    times = [0.0]

    def back_three_times():
        # Only while one worker is busy does another take the next request.
        pages = [get(f"{url}/metrics") for _ in range(20)]
        times.extend(value(page, "process_start_time_seconds") for page in pages)
        return sum(now < before for before, now in itertools.pairwise(times)) >= 3

    wait_until(back_three_times, tmp_path / "log")


def test_workers_that_share_a_folder_tell_no_start_time(url):
    assert "process_start_time_seconds" not in get(f"{url}/metrics")


@pytest.mark.parametrize(
    "content", [b"", b"xyz", b"x" * 100, struct.pack("ii", 4000, 0) + struct.pack("i", 10**5)]
)
def test_a_file_that_cannot_be_read_hides_no_other(url, tmp_path, content):
    get(f"{url}/who")
    (tmp_path / "shared" / "counter_999999.db").write_bytes(content)
    page = get(f"{url}/metrics")
    assert value(page, "platform_trades_total") >= 1


def closed() -> PoolState:
    raise RuntimeError("the pool is closed")


def test_a_pool_that_cannot_be_asked_hides_no_other_metric(monkeypatch):
    monkeypatch.delenv("PROMETHEUS_MULTIPROC_DIR", raising=False)
    platform = Platform()
    platform.watch_pool("main", closed)
    platform.submitted()
    page = generate_latest(platform.registry).decode()
    assert "platform_transactions_submitted_total 1.0" in page
    assert 'db_client_connection_max{db_client_connection_pool_name="main"} NaN' in page


def test_values_are_written_down_again_after_one_failed(tmp_path, monkeypatch):
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    monkeypatch.setattr(workers, "REFRESH_SECONDS", 0.01)
    asked, again = [], threading.Event()

    def sometimes() -> float:
        asked.append(None)
        if len(asked) == 2:
            raise RuntimeError("not now")
        if len(asked) == 4:
            again.set()
        return 1.0

    sampled = workers.Sampled()
    sampled.add(Gauge("asked", "Asked.", registry=None), sometimes)
    sampled.run()
    assert again.wait(10)
