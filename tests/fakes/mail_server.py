"""A real mail server (chasquid) for tests: an unprivileged process with a folder of its own."""

import asyncio
import os
import shutil
import ssl
import stat
import subprocess
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import SecretStr

from dexwatch.metrics.severity import Severity
from dexwatch.notifiers.email.config import EmailConfig
from tests.fakes import need
from tests.fakes.patience import until

DOMAIN, PASSWORD = "example.org", "pa55-of-the-test"
USER = 65_534
"""Who it runs as where the tests run as root: nobody."""

_DELIVER = """#!/bin/sh
# A maildir: what is being written lies in tmp, what is whole in new.
name=$(date +%s%N).$$
cat > "{folder}/maildir/tmp/$name" && mv "{folder}/maildir/tmp/$name" "{folder}/maildir/new/$name"
"""


@dataclass(frozen=True)
class MailServer:
    """A server that runs; it delivers to `maildir/new`."""

    folder: Path
    port: int
    tls_port: int
    process: subprocess.Popen[bytes] = field(repr=False)

    @property
    def trust(self) -> ssl.SSLContext:
        """Trusts the server's certificate and no other."""
        return ssl.create_default_context(cafile=str(self.folder / "certs/mail/fullchain.pem"))

    def config(self, **changes: object) -> EmailConfig:
        """Return settings that lead to it."""
        return EmailConfig(
            **{
                "host": "127.0.0.1",
                "port": self.port,
                "sender": f"dexwatch@{DOMAIN}",
                "to": {Severity.P1: (f"ana@{DOMAIN}",)},
                "username": f"dexwatch@{DOMAIN}",
                "password": SecretStr(PASSWORD),
                **changes,
            }
        )

    def filter(self, script: str) -> None:
        """Let a program judge each message after the final dot: 20 refuses it, others put off."""
        hook = self.folder / "hooks/post-data"
        draft = hook.with_suffix(".new")
        draft.write_text(f"#!/bin/sh\n{script}\n")
        draft.chmod(0o755)
        draft.replace(hook)

    async def delivered(self, count: int = 1) -> list[bytes]:
        """Wait for so many messages and return them, oldest first."""
        new = self.folder / "maildir/new"
        await until(lambda: len(list(new.iterdir())) >= count, why="delivered mail")
        return [path.read_bytes() for path in sorted(new.iterdir())]


@asynccontextmanager
async def mail_server(home: Path) -> AsyncIterator[MailServer]:
    """Start the server with the users dexwatch, ana and änne, and stop it afterwards."""
    chasquid = need.program("chasquid", home / "bin")
    folder = Path(tempfile.mkdtemp(prefix="dexwatch-mail-"))
    try:
        # The program lies where another user may not read; its own folder holds a copy.
        program = shutil.copy2(chasquid, folder / "chasquid")
        port, tls_port = need.free_port(), need.free_port()
        _prepare(folder, port, tls_port)
        _add_users(folder, home)
        process = _start(program, folder)
        try:
            server = MailServer(folder, port, tls_port, process)
            await until(lambda: _answers(server), why="the mail server's greeting")
            yield server
        finally:
            process.terminate()
            process.wait(timeout=10)
    finally:
        shutil.rmtree(folder)


def _prepare(folder: Path, port: int, tls_port: int) -> None:
    for name in ("certs/mail", f"domains/{DOMAIN}", "hooks", "data", "maildir/tmp", "maildir/new"):
        (folder / name).mkdir(parents=True)
    subprocess.run(
        [
            *(need.program("openssl"), "req", "-x509", "-nodes", "-days", "2"),
            *("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"),
            *("-subj", "/CN=mail", "-addext", "subjectAltName=IP:127.0.0.1"),
            *("-keyout", str(folder / "certs/mail/privkey.pem")),
            *("-out", str(folder / "certs/mail/fullchain.pem")),
        ],
        check=True,
        capture_output=True,
    )
    deliver = folder / "deliver"
    deliver.write_text(_DELIVER.format(folder=folder))
    deliver.chmod(deliver.stat().st_mode | stat.S_IXUSR)
    (folder / "chasquid.conf").write_text(
        f'hostname: "mail.{DOMAIN}"\n'
        f'submission_address: "127.0.0.1:{port}"\n'
        f'submission_over_tls_address: "127.0.0.1:{tls_port}"\n'
        f'data_dir: "{folder}/data"\n'
        'mail_log_path: "<stderr>"\n'
        "max_data_size_mb: 1\n"
        f'mail_delivery_agent_bin: "{deliver}"\n'
    )


def _add_users(folder: Path, home: Path) -> None:
    program = need.program("chasquid-util", home / "bin")
    for name in ("dexwatch", "ana", "änne"):
        command = [program, f"--configdir={folder}", "user-add", f"{name}@{DOMAIN}"]
        subprocess.run(
            [*command, f"--password={PASSWORD}"], check=True, capture_output=True, timeout=30
        )


def _start(program: str, folder: Path) -> subprocess.Popen[bytes]:
    other = {}
    if os.geteuid() == 0:
        other = {"user": USER, "group": USER, "extra_groups": []}
        for path in (folder, *folder.rglob("*")):
            os.chown(path, USER, USER)
    with (folder / "log").open("ab") as log:
        command = [program, f"--config_dir={folder}"]
        return subprocess.Popen(command, stdout=log, stderr=log, cwd=folder, **other)


async def _answers(server: MailServer) -> bool:
    if server.process.poll() is not None:
        raise AssertionError((server.folder / "log").read_text()[-2000:])
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    except OSError:
        return False
    greeting = await reader.readline()
    writer.close()
    return greeting.startswith(b"220 ")
