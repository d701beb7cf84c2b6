"""`dexwatch reload` on a running dexwatch, with the real daemons: all of a change, or nothing."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dexwatch.roles.resources import open_clients
from dexwatch.settings import load
from tests.fakes.need import program

START_SECONDS = 60.0


def free_base() -> int:
    """Return the first of a hundred ports that are free."""
    for base in range(10_000 + os.getpid() % 100 * 100, 32_000, 100):
        with contextlib.ExitStack() as stack:
            try:
                for port in range(base, base + 17):
                    stack.enter_context(socket.socket()).bind(("127.0.0.1", port))
            except OSError:
                continue
            return base
    raise AssertionError("no free ports")


class Running:
    """A `dexwatch up` of its own."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "dexwatch.yml"
        self.base = free_base()
        self.log = folder / "up.log"
        self.write("")
        (folder / "hook.token").write_text("a-long-enough-token-for-tests")
        # As its user starts it: without a path, so that all of them are relative.
        self.process = subprocess.Popen(
            [sys.executable, "-m", "dexwatch", "up"],
            cwd=folder,
            stdout=subprocess.DEVNULL,
            stderr=self.log.open("wb"),
            start_new_session=True,
        )

    def write(self, more: str) -> None:
        self.file.write_text(
            "name: ana-dex\nrespond: {hook_token_file: hook.token}\n"
            f"base_port: {self.base}\n{more}"
        )

    def events(self, name: str) -> list[dict[str, Any]]:
        lines = self.log.read_text().splitlines()
        found = [json.loads(line) for line in lines if line.startswith("{")]
        return [event for event in found if event["event"] == name]

    def wait(self, seen: Callable[[], object], seconds: float = START_SECONDS) -> None:
        until = time.monotonic() + seconds
        while not seen():
            assert self.process.poll() is None, self.log.read_text()[-2000:]
            assert time.monotonic() < until, self.log.read_text()[-2000:]
            time.sleep(0.05)

    def reload(self) -> tuple[int, dict[str, Any]]:
        return self.reloads(1)[0]

    def reloads(self, count: int) -> list[tuple[int, dict[str, Any]]]:
        """Ask so many times at once; return the status and the answer of each."""
        command = [sys.executable, "-m", "dexwatch", "reload", "-c", str(self.file), "--json"]
        asked = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(count)]
        said = [each.communicate()[0] for each in asked]
        return [
            (each.returncode, json.loads(text or "{}"))
            for each, text in zip(asked, said, strict=True)
        ]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    for name in ("prometheus", "prometheus-alertmanager", "promtool"):
        program(name)
    up = Running(tmp_path_factory.mktemp("reload"))
    try:
        up.wait(lambda: up.events("up.ready"))
        yield up
    finally:
        up.process.send_signal(signal.SIGINT)
        up.process.wait(40)


async def rule_names(running: Running) -> set[str]:
    async with contextlib.AsyncExitStack() as stack:
        prometheus, _ = await open_clients(stack, load(running.file))
        return {rule.name for group in await prometheus.rules() for rule in group.rules}


async def jobs(running: Running) -> set[str]:
    async with contextlib.AsyncExitStack() as stack:
        prometheus, _ = await open_clients(stack, load(running.file))
        return {target.job for target in await prometheus.targets()}


def pids(running: Running) -> dict[str, int]:
    run = load(running.file).folder / "run"
    return {file.stem: json.loads(file.read_text())["pid"] for file in run.glob("*.pid")}


async def test_rules_and_targets_change_without_a_restart(running: Running) -> None:
    before, processes = await rule_names(running), pids(running)
    assert "CpuHigh" in before

    running.write(
        "rules: {disable: [CpuHigh]}\ndaemons: {targets: [{job: extra, address: '127.0.0.1:1'}]}\n"
    )
    status, given = running.reload()

    assert (status, given["good"], given["version"]) == (0, True, 2)
    assert given["changed"] == ["prometheus", "console"]
    assert before - await rule_names(running) == {"CpuHigh"}
    async with asyncio.timeout(30):
        # Prometheus takes up to five seconds to look at a new target.
        while "extra" not in await jobs(running):
            await asyncio.sleep(0.1)
    assert pids(running) == processes


async def test_broken_configuration_changes_nothing_and_says_why(running: Running) -> None:
    before, processes = await rule_names(running), pids(running)

    running.file.write_text(running.file.read_text() + "rules: {disable: [\n")
    status, given = running.reload()

    assert (status, given["good"]) == (1, False)
    assert str(running.file) in given["problems"][0]
    running.write("")
    assert await rule_names(running) == before
    assert pids(running) == processes
    assert running.events("config.refused")


async def test_rule_file_that_prometheus_refuses_changes_nothing(running: Running) -> None:
    before = await rule_names(running)
    (running.file.parent / "own.yml").write_text("groups: [{name: own, rules: [{alert: Odd}]}]\n")

    running.write("rules: {extra_files: [own.yml]}\n")
    status, given = running.reload()

    assert status == 1
    assert given["problems"]
    assert await rule_names(running) == before

    # Half of the file may have been written; what is whole is taken by the next reload.
    (running.file.parent / "own.yml").write_text(
        "groups: [{name: own, rules: [{alert: Odd, expr: up == 0}]}]\n"
    )
    assert running.reload()[0] == 0
    # What an earlier test left out is there again, too.
    assert await rule_names(running) >= before | {"Odd"}
    running.write("")
    assert running.reload()[0] == 0
    assert "Odd" not in await rule_names(running)


async def test_role_takes_new_channels_without_a_restart(running: Running) -> None:
    processes = pids(running)

    running.write(
        "notify: {webhooks: [{name: ops, url: 'http://127.0.0.1:1',"
        " secret: a-long-enough-secret-for-tests}]}\n"
    )
    status, given = running.reload()

    assert (status, given["good"]) == (0, True), given
    assert "respond" in given["changed"]
    assert "watch" not in given["changed"]
    assert pids(running) == processes
    log = (load(running.file).folder / "logs" / "respond.log").read_text()
    assert '"config.reloaded"' in log


async def test_what_only_a_restart_can_change_is_named(running: Running) -> None:
    running.write("console: {port: 1}\n")

    status, given = running.reload()

    assert status == 0
    assert given["restart"] == ["console.port"]


def test_each_of_several_reloads_at_once_gets_its_answer(running: Running) -> None:
    running.write("")

    answers = running.reloads(4)

    assert [(status, given.get("good")) for status, given in answers] == [(0, True)] * 4
    assert len({given["id"] for _, given in answers}) == 4


def test_hang_up_alone_reloads_too(running: Running) -> None:
    running.write("")
    before = len(running.events("config.reloaded"))

    os.kill(running.process.pid, signal.SIGHUP)

    running.wait(lambda: len(running.events("config.reloaded")) > before)


def test_reload_without_a_running_dexwatch_says_so(tmp_path: Path) -> None:
    (tmp_path / "dexwatch.yml").write_text("name: [\n")

    done = subprocess.run(
        [sys.executable, "-m", "dexwatch", "reload", "-c", str(tmp_path / "dexwatch.yml")],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 2
    assert "no dexwatch runs" in done.stderr
