"""Small programs to supervise in tests."""

import subprocess
import sys

from dexwatch.backoff import Backoff
from dexwatch.daemons.program import Port, Program, RestartPolicy, TcpReady

QUICK = RestartPolicy(Backoff(first=0.02, most=0.1), loop_ends=4, loop_seconds=30)

SERVER = """
from http.server import BaseHTTPRequestHandler, HTTPServer
import sys
HTTPServer(("127.0.0.1", int(sys.argv[1])), BaseHTTPRequestHandler).serve_forever()
"""
"""Listens on the port of its argument."""


def start_process(argv: list[str], **more) -> subprocess.Popen[bytes]:
    """Start outside any supervisor; blocking the loop for a moment is fine in a test."""
    return subprocess.Popen(argv, **more)


def sleeper(name: str, *, needs: tuple[str, ...] = (), **more) -> Program:
    """A program that does nothing."""
    return Program(name, ("sleep", "300"), needs=needs, **more)


def server(name: str, port: int, **more) -> Program:
    """A program that is ready once it listens on the port."""
    return Program(
        name,
        (sys.executable, "-c", SERVER, str(port)),
        ports=(Port(f"daemons.{name}.port", port),),
        ready=TcpReady(port),
        **more,
    )
