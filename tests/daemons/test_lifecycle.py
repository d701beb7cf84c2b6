import asyncio
import dataclasses
import signal
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dexwatch.backoff import Backoff
from dexwatch.daemons import lifecycle
from dexwatch.daemons.lifecycle import State
from dexwatch.daemons.program import (
    File,
    HttpReady,
    NotReadyError,
    Program,
    RefusedConfigError,
    RestartPolicy,
    TcpReady,
)
from dexwatch.daemons.supervisor import Supervisor
from tests.fakes.patience import until
from tests.fakes.programs import QUICK, SERVER, server, sleeper


@given(st.integers(1, 10_000), st.text())
def test_restarts_slow_down_to_a_bound_and_a_loop_waits_the_longest(ends, name):
    policy = RestartPolicy(Backoff(first=0.5, most=30.0))
    assert 0.4 <= policy.delay(ends, name=name) <= 30
    assert policy.delay(policy.loop_ends + ends, name=name) >= 24


async def test_an_error_in_the_supervisor_is_logged_and_the_program_stays_supervised(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(lifecycle, "SUPERVISION_BACKOFF", Backoff(first=0.01, most=0.01))
    monkeypatch.setattr(lifecycle, "TICK_SECONDS", 0.02)
    asked = 0

    async def answers(*_: object, **__: object) -> bool:
        nonlocal asked
        asked += 1
        if 1 < asked < 5:
            raise RuntimeError("a mistake of ours")
        return True

    monkeypatch.setattr(lifecycle.ports, "answers", answers)
    async with Supervisor(tmp_path, policy=QUICK) as supervisor:
        await supervisor.start([sleeper("a", ready=TcpReady(1))])
        await until(lambda: asked > 5)
        told = {(s.metric.name, s.value) for s in supervisor.samples()}
        assert ("dexwatch_daemon_supervision_failures_total", 3.0) in told
        supervisor.send("a", signal.SIGKILL)
        await until(lambda: supervisor.state("a").restarts == 1)


async def test_a_program_that_ends_again_and_again_is_called_looping(
    tmp_path,
):
    fuse = tmp_path / "fuse"
    script = f"test -e {fuse} && echo the disk is on fire && exit 7; sleep 300"
    async with Supervisor(tmp_path, policy=QUICK) as supervisor:
        await supervisor.start([Program("a", ("sh", "-c", script))])
        fuse.touch()
        supervisor.send("a", signal.SIGKILL)
        await until(lambda: supervisor.state("a").state is State.LOOPING)
        detail = (await until(lambda: "status 7" in supervisor.state("a").detail)) and (
            supervisor.state("a").detail
        )
        assert "the disk is on fire" in detail
        assert str(tmp_path / "logs" / "a.log") in detail
        fuse.unlink()
        await until(lambda: supervisor.state("a").state is State.READY)


async def test_a_program_that_stays_silent_fails_the_start_within_its_time(tmp_path, free_port):
    async with Supervisor(tmp_path) as supervisor:
        with pytest.raises(NotReadyError, match=r"not ready within 0\.3 s"):
            await supervisor.start([sleeper("a", ready=TcpReady(free_port), ready_seconds=0.3)])
        assert supervisor.state("a").state is State.STOPPED


async def test_a_program_that_is_slow_to_come_back_is_given_time_instead_of_killed(
    tmp_path, free_port
):
    slow = tmp_path / "slow"
    argv = ("sh", "-c", f'test -e {slow} && sleep 2; exec {sys.executable} -c "$SERVER" $PORT')
    program = Program(
        "a",
        argv,
        env={"PORT": str(free_port), "SERVER": SERVER},
        ready=TcpReady(free_port),
        ready_seconds=1.0,
    )
    async with Supervisor(tmp_path, policy=QUICK) as supervisor:
        await supervisor.start([program])
        slow.touch()
        supervisor.send("a", signal.SIGKILL)
        await until(lambda: supervisor.state("a").state is State.SILENT)
        pid = supervisor.state("a").pid
        await until(lambda: supervisor.state("a").state is State.READY)
        assert supervisor.state("a").pid == pid
        assert supervisor.state("a").restarts == 1


ANSWERS = """
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


@pytest.mark.parametrize("restarted", [True, False])
async def test_what_hangs_is_restarted_where_that_is_allowed_and_left_alone_elsewhere(
    tmp_path, free_port, monkeypatch, restarted
):
    monkeypatch.setattr(lifecycle, "TICK_SECONDS", 0.1)
    monkeypatch.setattr(lifecycle, "SILENT_TICK_SECONDS", 0.1)
    answers, asked = lifecycle.ports.answers, 0

    async def quickly(ready: HttpReady) -> bool:
        nonlocal asked
        asked += 1
        return await answers(ready, seconds=0.3)

    monkeypatch.setattr(lifecycle.ports, "answers", quickly)
    program = Program(
        "a",
        (sys.executable, "-c", ANSWERS, str(free_port)),
        # A stopped process still accepts connections, but it answers nothing.
        ready=HttpReady(f"http://127.0.0.1:{free_port}/"),
        restart_when_silent=restarted,
        stop_seconds=0.2,
    )
    backoff = dataclasses.replace(QUICK, silent_seconds=0.5)
    async with Supervisor(tmp_path, policy=backoff) as supervisor:
        await supervisor.start([program])
        before = supervisor.state("a").pid
        supervisor.send("a", signal.SIGSTOP)
        await until(lambda: supervisor.state("a").state is State.SILENT)
        if restarted:
            await until(lambda: supervisor.state("a").restarts == 1, seconds=20)
            await until(lambda: supervisor.state("a").state is State.READY, seconds=20)
            assert supervisor.state("a").pid != before
        else:
            # Checks that run out of time, for longer than the silence that would be too long.
            before_it = asked
            await until(lambda: asked >= before_it + 4)
            assert supervisor.state("a").pid == before
            supervisor.send("a", signal.SIGCONT)
            await until(lambda: supervisor.state("a").state is State.READY)


def checked(folder: Path, text: str) -> Program:
    """A program whose checker accepts only files that contain "good"."""
    return Program(
        "a",
        ("sh", "-c", "cat a.conf; sleep 300"),
        folder=folder,
        files=(File("a.conf", text),),
        checks=(("grep", "-q", "good", "a.conf"),),
    )


async def test_a_refused_configuration_changes_nothing_and_the_old_one_goes_on(tmp_path):
    folder = tmp_path / "etc"
    async with Supervisor(tmp_path) as supervisor:
        await supervisor.start([checked(folder, "good 1")])
        before = supervisor.state("a").pid
        with pytest.raises(RefusedConfigError, match="a: grep -q refuses it"):
            await supervisor.change(checked(folder, "bad"))
        assert (folder / "a.conf").read_text() == "good 1"
        assert supervisor.state("a").pid == before
        assert await supervisor.change(checked(folder, "good 1")) is False


async def test_a_program_that_reads_no_changed_files_is_restarted(tmp_path):
    folder = tmp_path / "etc"
    async with Supervisor(tmp_path) as supervisor:
        await supervisor.start([checked(folder, "good 1")])
        before = supervisor.state("a").pid
        assert await supervisor.change(checked(folder, "good 2")) is True
        assert (folder / "a.conf").read_text() == "good 2"
        assert supervisor.state("a").pid != before


async def test_a_new_definition_that_cannot_start_is_rolled_back(tmp_path, free_port):
    async with Supervisor(tmp_path) as supervisor:
        await supervisor.start([server("a", free_port)])
        broken = Program("a", ("sh", "-c", "exit 9"), ready=TcpReady(free_port))
        with pytest.raises(NotReadyError):
            await supervisor.change(broken)
        assert supervisor.state("a").state is State.READY


async def test_what_cannot_be_rolled_back_at_once_is_tried_until_it_runs(tmp_path, free_port):
    """It was ending again and again when it was told to change, as one on a full disk does."""
    fit = tmp_path / "fit"
    fit.touch()
    program = server("a", free_port)
    argv = ("sh", "-c", f'test -e {fit} && exec "$@"', "sh", *program.argv)
    program = dataclasses.replace(program, argv=argv)
    async with Supervisor(tmp_path, policy=QUICK) as supervisor:
        await supervisor.start([program])
        fit.unlink()
        with pytest.raises(NotReadyError):
            await supervisor.change(dataclasses.replace(program, env={"NEW": "1"}))
        assert supervisor.programs() == (program,)
        fit.touch()
        await until(lambda: supervisor.state("a").state is State.READY)


async def test_secret_files_are_readable_by_their_user_alone(tmp_path):
    program = Program(
        "a",
        ("sleep", "300"),
        folder=tmp_path / "etc",
        files=(File("open", "x"), File("key", "hush", secret=True)),
        env={"PASSWORD": "hush"},
    )
    assert "hush" not in repr(program)
    async with Supervisor(tmp_path) as supervisor:
        await supervisor.start([program])
        assert (tmp_path / "etc" / "key").stat().st_mode & 0o777 == 0o600
        assert (tmp_path / "etc" / "open").stat().st_mode & 0o777 == 0o644


async def test_programs_do_not_see_our_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("SECRET_OF_OURS", "hush")
    log = tmp_path / "logs" / "a.log"
    script = 'echo "<$SECRET_OF_OURS>"; sleep 300'
    async with Supervisor(tmp_path) as supervisor:
        await supervisor.start([Program("a", ("sh", "-c", script))])
        await until(lambda: "<>" in log.read_text())


async def test_stop_is_safe_while_a_program_waits_to_be_restarted(tmp_path):
    slow = RestartPolicy(Backoff(first=60, most=60))
    async with Supervisor(tmp_path, policy=slow) as supervisor:
        await supervisor.start([sleeper("a")])
        supervisor.send("a", signal.SIGKILL)
        await until(lambda: supervisor.state("a").state is State.WAITING)
        await asyncio.wait_for(supervisor.stop("a"), 3)
        assert supervisor.state("a").state is State.STOPPED
        await supervisor.start([sleeper("a")])
        assert supervisor.state("a").state is State.READY
