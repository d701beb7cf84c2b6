"""A real PostgreSQL for tests, started once for a test run and gone with it."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.fakes.need import free_port, missing

_BIN = Path("/usr/lib/postgresql/15/bin")


@contextmanager
def postgresql(*, fsync: bool = False) -> Iterator[str]:
    """Yield the address of a new, empty server for `postgresql+psycopg`.

    Without the binaries the test is skipped, in CI it fails.
    """
    if not (_BIN / "initdb").exists():
        missing("PostgreSQL 15 is not installed (apt install postgresql-15)")
    # PostgreSQL refuses to run as root.
    user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    folder = Path(tempfile.mkdtemp(prefix="dexwatch-pg-"))
    try:
        if user:
            shutil.chown(folder, "postgres")
        data, port = folder / "data", free_port()
        initdb = [_BIN / "initdb", "-D", data, "-U", "dexwatch", "-A", "trust", "-N"]
        subprocess.run([*user, *initdb], check=True, capture_output=True, cwd=folder, timeout=60)
        settings = [
            "-c",
            "listen_addresses=127.0.0.1",
            "-c",
            f"port={port}",
            "-c",
            f"fsync={'on' if fsync else 'off'}",
        ]
        settings += ["-c", f"unix_socket_directories={folder}", "-c", "shared_buffers=16MB"]
        with (folder / "log").open("wb") as log:
            server = subprocess.Popen(
                [*user, str(_BIN / "postgres"), "-D", str(data), *settings],
                stdout=log,
                stderr=log,
                cwd=folder,
            )
        try:
            _wait(port, server)
            yield f"postgresql+psycopg://dexwatch@127.0.0.1:{port}/postgres"
        finally:
            ctl = [_BIN / "pg_ctl", "stop", "-D", data, "-m", "immediate", "-w"]
            subprocess.run([*user, *ctl], check=False, capture_output=True, cwd=folder, timeout=30)
            server.wait(timeout=30)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _wait(port: int, server: subprocess.Popen[bytes]) -> None:
    ready = [str(_BIN / "pg_isready"), "-h", "127.0.0.1", "-p", str(port), "-q"]
    end = time.monotonic() + 30
    while time.monotonic() < end and server.poll() is None:
        if subprocess.run(ready, check=False, timeout=10).returncode == 0:
            return
        time.sleep(0.05)
    raise RuntimeError("PostgreSQL did not start")
