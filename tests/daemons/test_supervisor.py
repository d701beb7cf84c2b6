import signal
import sys

import pytest

from dexwatch.daemons.lifecycle import State
from dexwatch.daemons.ports import is_free
from dexwatch.daemons.program import (
    BinaryMissingError,
    DaemonError,
    NotReadyError,
    PortTakenError,
    Program,
    TcpReady,
)
from dexwatch.daemons.supervisor import Supervisor
from tests.fakes.patience import gone, until
from tests.fakes.programs import QUICK, SERVER, server, sleeper, start_process


async def test_programs_are_ready_on_return_and_gone_afterwards(tmp_path, free_port):
    async with Supervisor(tmp_path) as supervisor:
        await supervisor.start([sleeper("b", needs=("a",)), server("a", free_port)])
        states = supervisor.states()
        assert {state.name: state.state for state in states} == {
            "a": State.READY,
            "b": State.READY,
        }
        pids = [state.pid for state in states]
        assert not any(gone(pid) for pid in pids)
    assert all(gone(pid) for pid in pids)
    assert not list((tmp_path / "run").glob("*.pid"))


async def test_what_needs_another_starts_after_it_and_stops_before_it(tmp_path):
    shell = (
        "trap 'echo $NAME stopped >> $BOOK; exit' TERM; echo $NAME began >> $BOOK; sleep 300 & wait"
    )
    book = tmp_path / "book"

    def writer(name: str, *needs: str) -> Program:
        env = {"NAME": name, "BOOK": str(book)}
        return Program(name, ("sh", "-c", shell), env=env, needs=needs)

    async with Supervisor(tmp_path) as supervisor:
        await supervisor.start([writer("first")])
        await until(lambda: book.exists() and "first began" in book.read_text())
        await supervisor.start([writer("third", "second"), writer("second", "first")])
        await until(lambda: "third began" in book.read_text())
        await until(lambda: "second began" in book.read_text())
    lines = book.read_text().splitlines()
    assert lines[-3:] == ["third stopped", "second stopped", "first stopped"]


async def test_a_program_that_ends_is_started_again_and_counted(tmp_path, free_port):
    async with Supervisor(tmp_path, policy=QUICK) as supervisor:
        await supervisor.start([server("a", free_port)])
        before = supervisor.state("a").pid
        supervisor.send("a", signal.SIGKILL)
        await until(lambda: supervisor.state("a").restarts == 1)
        await until(lambda: supervisor.state("a").state is State.READY)
        assert supervisor.state("a").pid not in {before, None}
        values = {
            (sample.metric.name, sample.labels["daemon"]): sample.value
            for sample in supervisor.samples()
        }
        assert values == {
            ("dexwatch_daemon_up", "a"): 1.0,
            ("dexwatch_daemon_restarts_total", "a"): 1.0,
            ("dexwatch_daemon_supervision_failures_total", "a"): 0.0,
        }


async def test_a_program_that_ends_at_its_start_fails_the_start_with_its_last_log_lines(tmp_path):
    async with Supervisor(tmp_path) as supervisor:
        with pytest.raises(NotReadyError, match=r"(?s)status 3 before it was ready.*no such table"):
            await supervisor.start(
                [Program("a", ("sh", "-c", "echo no such table; exit 3"), ready=TcpReady(1))]
            )


async def test_what_is_not_required_may_be_silent_without_stopping_the_others(tmp_path, free_port):
    async with Supervisor(tmp_path) as supervisor:
        await supervisor.start(
            [
                sleeper("a", ready=TcpReady(free_port), ready_seconds=0.2, required=False),
                sleeper("b", needs=("a",)),
            ]
        )
        assert supervisor.state("a").state is State.SILENT
        assert supervisor.state("b").state is State.READY


async def test_a_taken_port_names_the_setting_and_the_holder_before_anything_starts(
    tmp_path, free_port
):
    holder = start_process([sys.executable, "-c", SERVER, str(free_port)])
    try:
        await until(lambda: not is_free(free_port))
        async with Supervisor(tmp_path) as supervisor:
            with pytest.raises(PortTakenError) as error:
                await supervisor.start([sleeper("b"), server("a", free_port)])
            assert supervisor.states() == ()
            said = str(error.value)
            assert f"daemons.a.port: 127.0.0.1:{free_port} is taken by python" in said
            assert f"(pid {holder.pid})" in said
            assert "\n" not in said, "a terminal is shown an escape for a line's end"
    finally:
        holder.kill()
        holder.wait()


async def test_a_missing_binary_names_its_package(tmp_path):
    async with Supervisor(tmp_path) as supervisor:
        with pytest.raises(BinaryMissingError, match="apt-get install prometheus-snow-exporter"):
            await supervisor.start(
                [Program("a", ("snow-exporter",), package="prometheus-snow-exporter")]
            )


async def test_programs_in_a_circle_or_without_what_they_need_are_refused(tmp_path):
    async with Supervisor(tmp_path) as supervisor:
        with pytest.raises(DaemonError, match="a needs itself"):
            await supervisor.start([sleeper("a", needs=("b",)), sleeper("b", needs=("a",))])
        with pytest.raises(DaemonError, match="a needs b, which is not started"):
            await supervisor.start([sleeper("a", needs=("b",))])
        with pytest.raises(DaemonError, match="no program 'x'"):
            await supervisor.stop("x")
