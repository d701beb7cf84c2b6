"""What a supervised program is: how it starts, when it is ready, how it takes new files."""

import signal
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from dexwatch.backoff import Backoff

_RESTART_BACKOFF = Backoff(first=0.5, most=30.0)


@dataclass(frozen=True)
class HttpReady:
    """Ready when the URL answers with a status below 400."""

    url: str
    authorization: str = field(default="", repr=False)
    """The value of that header, where the program asks for one."""
    socket: Path | None = None
    """The Unix socket to ask instead of the URL's host and port; strangers cannot fill it."""


@dataclass(frozen=True)
class TcpReady:
    """Ready when 127.0.0.1 accepts connections on the port."""

    port: int


@dataclass(frozen=True)
class SocketReady:
    """Ready when the unix socket accepts connections."""

    path: Path


Ready = HttpReady | TcpReady | SocketReady


@dataclass(frozen=True)
class Port:
    """A port that the program listens on, and the setting that chose it."""

    setting: str
    """As an operator would write it, for example `daemons.prometheus.port`."""
    number: int


@dataclass(frozen=True)
class File:
    """A file that is written before the start; `name` is relative to the program's folder."""

    name: str
    content: str = field(repr=False)
    secret: bool = False
    """True: only the program's user may read it, and errors never quote it."""


@dataclass(frozen=True)
class Program:
    """One program that we supervise; where the old and the new value are equal, nothing is done."""

    name: str
    """Identity; also the log file's name and the `daemon` label of our metrics."""
    argv: tuple[str, ...]
    folder: Path | None = None
    """Where `files` are written; also the working directory unless `cwd` says otherwise."""
    files: tuple[File, ...] = ()
    checks: tuple[tuple[str, ...], ...] = ()
    """Commands that must accept the files; run in a staging copy of `folder`, before any swap."""
    cwd: Path | None = None
    data: tuple[Path, ...] = ()
    """Folders that are created for the program's user, mode 0700."""
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    """All that it sees of our environment, besides the path, the language and the like."""
    ports: tuple[Port, ...] = ()
    metrics: Path | None = None
    """The Unix socket that gives the metrics of a program without a port; the supervisor hands
    them on."""
    ready: Ready | None = None
    """None: ready as soon as it runs."""
    ready_seconds: float = 20.0
    required: bool = True
    """False: if it is not ready in time, the others start all the same and it is tried on."""
    needs: tuple[str, ...] = ()
    """Names of programs that must be ready before this one starts; they are stopped after it."""
    reload_proof: HttpReady | None = None
    """The metrics that carry `*_config_last_reload_successful`, of a program that reads changed
    files on SIGHUP. None: it is started again to take them."""
    user: str | None = None
    """Run as this user; needs root. None: run as we are."""
    restart_when_silent: bool = False
    """True: restarted once it has not answered for long. Never for what may be busy with its data
    after a start, as Prometheus with its log."""
    stop_signal: signal.Signals = signal.SIGTERM
    stop_seconds: float = 8.0
    """After that the whole process tree is killed."""
    package: str = ""
    """The Debian package that brings the binary, for the error when it is missing."""
    requirements: tuple[str, ...] = ()
    """Requirement ids that running it answers, in whole or in part."""

    @property
    def home(self) -> Path | None:
        """The working directory, if any is set."""
        return self.cwd or self.folder


@dataclass(frozen=True)
class RestartPolicy:
    """How long to wait before a restart, and when restarts become a loop."""

    backoff: Backoff = _RESTART_BACKOFF
    loop_ends: int = 5
    """So many ends within `loop_seconds` are a loop."""
    loop_seconds: float = 300.0
    silent_seconds: float = 30.0
    """After so long without an answer a program that says so is taken for hung."""

    def delay(self, ends: int, *, name: str) -> float:
        """Return the seconds before restart `ends` (from 1); a loop waits the longest."""
        looping = ends >= self.loop_ends
        # The spread keeps programs that fell together from returning together.
        return self.backoff.delay(ends + (10 if looping else 0), key=name)


class DaemonError(Exception):
    """A program cannot be started or changed; the message tells the operator what to do."""


class PortTakenError(DaemonError):
    """Somebody else listens on a port that one of our programs needs."""


class BinaryMissingError(DaemonError):
    """The program is not installed."""


class RefusedConfigError(DaemonError):
    """The program's own checker refuses the files; what runs goes on with the old ones."""


class NotReadyError(DaemonError):
    """The program ended, or stayed silent for longer than `ready_seconds`."""


class AlreadyRunningError(DaemonError):
    """Another supervisor works in the same folder."""
