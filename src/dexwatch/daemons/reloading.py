"""Make a running program read its changed files, and make sure that it took them."""

import asyncio
import re
import signal

import httpx
import structlog

from dexwatch import clock
from dexwatch.daemons import ports
from dexwatch.daemons.child import Child, Log
from dexwatch.daemons.program import HttpReady, Program, RefusedConfigError

RELOAD_SECONDS = 10.0

_PROOF = re.compile(
    r"^\w+_config_last_reload_(successful|success_timestamp_seconds) (\S+)$", re.MULTILINE
)
_log = structlog.get_logger(__name__)


async def reload(program: Program, proof: HttpReady, child: Child, log: Log) -> None:
    """Let the program read the files that lie there now.

    A signal has no answer, so the metrics at `proof` are watched for a good reload after it.

    Raises:
        RefusedConfigError: they do not say in time that it took them, or say that it did not.
    """
    since = clock.now().timestamp()
    child.send(signal.SIGHUP)
    deadline = clock.monotonic() + RELOAD_SECONDS
    while clock.monotonic() < deadline:
        good, at = await _state(proof)
        if at >= since:
            _log.info("daemon.reloaded", daemon=program.name)
            return
        if not good:
            break
        await asyncio.sleep(0.05)
    last = "\n".join(log.tail(3))
    raise RefusedConfigError(f"{program.name} did not load its new configuration:\n{last}")


async def _state(metrics: HttpReady) -> tuple[bool, float]:
    """Return (the last reload succeeded, when the last good one was) from the program's metrics."""
    try:
        answer = await ports.request(metrics)
    except (OSError, httpx.HTTPError):
        return True, 0.0
    found = {name: float(value) for name, value in _PROOF.findall(answer.text)}
    return found.get("successful", 1.0) == 1.0, found.get("success_timestamp_seconds", 0.0)
