"""The exchange's own servers as programs of the supervisor, each in a folder of its own."""

import os
import pwd
import secrets
import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from dexwatch.daemons.program import File, HttpReady, Port, Program, TcpReady
from dexwatch.demo.chain.handle import ChainHandle
from dexwatch.demo.exchange.process import ProcessSettings

API_NAMES = ("api-1", "api-2")
PASSWORD = "correct horse"  # noqa: S105 - of the sample's invented users.
APP_ROLE, READER_ROLE = "exchange", "dexwatch_reader"


@dataclass(frozen=True)
class ExchangeConfig:
    """Folder, ports and generated passwords of the exchange's servers in this run."""

    root: Path
    database_port: int
    redis_port: int
    balancer_port: int
    status_port: int
    api_ports: tuple[int, int]
    worker_port: int
    app_password: str
    reader_password: str
    redis_password: str

    @classmethod
    def prepare(cls, folder: Path, take: Callable[[str], int]) -> "ExchangeConfig":
        """Choose an empty folder, ports and passwords; what an earlier run left is removed."""
        return cls(
            root=_root(folder),
            database_port=take("postgres"),
            redis_port=take("redis"),
            balancer_port=take("api"),
            status_port=take("nginx-status"),
            api_ports=(take("api-1"), take("api-2")),
            worker_port=take("worker"),
            app_password=secrets.token_hex(16),
            reader_password=secrets.token_hex(16),
            redis_password=secrets.token_hex(16),
        )

    @property
    def socket(self) -> Path:
        """Folder of the database's unix socket; only its user and root may enter."""
        return self.root / "postgres" / "socket"

    @property
    def redis_url(self) -> str:
        """Where the cache answers, password included."""
        return f"redis://:{self.redis_password}@127.0.0.1:{self.redis_port}/0"

    @property
    def reader_dsn(self) -> str:
        """How dexwatch reads the database: over TCP, under a role that can only read."""
        return (
            f"postgresql://{READER_ROLE}:{self.reader_password}@127.0.0.1:{self.database_port}"
            "/exchange?sslmode=disable"
        )

    @property
    def app_dsn(self) -> str:
        """How the exchange uses its database."""
        return (
            f"postgresql://{APP_ROLE}:{self.app_password}@127.0.0.1:{self.database_port}/exchange"
        )


def _root(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    note = folder / "exchange.root"
    if note.exists():
        shutil.rmtree(Path(note.read_text().strip()), ignore_errors=True)
    if os.geteuid() != 0:
        root = folder.resolve() / "exchange"
        # A unix socket's path may have 107 characters; deep folders are too long for it.
        if len(str(root)) > 70:
            root = Path(tempfile.mkdtemp(prefix="dexwatch-"))
    else:
        # The servers run as other users, who often may not enter root's folders.
        root = Path(tempfile.mkdtemp(prefix="dexwatch-"))
        root.chmod(0o711)
    root.mkdir(parents=True, exist_ok=True)
    note.write_text(str(root))
    return root


def unprivileged(*names: str) -> str | None:
    """Return the first of the users that exists, when we are root and must not stay so."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return next((name for name in names if name in known), "nobody")


def redis(config: ExchangeConfig) -> Program:
    """Return the cache: nothing is kept on disk, and queues are never evicted."""
    folder = config.root / "etc" / "redis"
    text = (
        f"bind 127.0.0.1\nport {config.redis_port}\nrequirepass {config.redis_password}\n"
        'save ""\nappendonly no\nmaxmemory 64mb\nmaxmemory-policy volatile-lru\n'
        "daemonize no\n"
    )
    return Program(
        name="redis",
        argv=("redis-server", str(folder / "redis.conf")),
        folder=folder,
        files=(File("redis.conf", text, secret=True),),
        cwd=config.root / "redis",
        data=(config.root / "redis",),
        ports=(Port("the sample's cache", config.redis_port),),
        ready=TcpReady(config.redis_port),
        user=unprivileged("redis"),
        package="redis-server",
    )


def nginx(config: ExchangeConfig) -> Program:
    """Return the load balancer before the two upstreams."""
    folder, data = config.root / "etc" / "nginx", config.root / "nginx"
    servers = "\n".join(
        f"    server 127.0.0.1:{port} max_fails=2 fail_timeout=2s;" for port in config.api_ports
    )
    text = (
        (Path(__file__).parent / "nginx.conf.template")
        .read_text()
        .format(servers=servers, port=config.balancer_port, status=config.status_port, folder=data)
    )
    return Program(
        name="nginx",
        argv=("nginx", "-p", str(data), "-c", str(folder / "nginx.conf"), "-e", "stderr"),
        folder=folder,
        files=(File("nginx.conf", text),),
        cwd=data,
        data=(data,),
        ports=(
            Port("the sample's API", config.balancer_port),
            Port("the sample's balancer status", config.status_port),
        ),
        ready=HttpReady(f"http://127.0.0.1:{config.status_port}/alive"),
        user=unprivileged("www-data", "nobody"),
        package="nginx",
    )


def applications(config: ExchangeConfig, chain: ChainHandle, faults: Path) -> tuple[Program, ...]:
    """Return the two API upstreams and the job worker."""
    parts = [
        *zip(API_NAMES, config.api_ports, ("api", "api"), strict=True),
        ("worker", config.worker_port, "worker"),
    ]
    return tuple(
        _application(config, name, port, module, chain, faults) for name, port, module in parts
    )


def _application(  # noqa: PLR0917 - all six describe one program.
    config: ExchangeConfig, name: str, port: int, module: str, chain: ChainHandle, faults: Path
) -> Program:
    settings = ProcessSettings(
        name=name,
        port=port,
        dsn=SecretStr(config.app_dsn),
        redis_url=SecretStr(config.redis_url),
        faults_file=faults,
        rpc=chain.platform.http,
        deployment=chain.deployment,
    )
    folder = config.root / name
    return Program(
        name=name,
        argv=(sys.executable, "-m", f"dexwatch.demo.exchange.{module}", "settings.json"),
        folder=folder,
        files=(File("settings.json", settings.model_dump_json(), secret=True),),
        ports=(Port(f"the sample's {name}", port),),
        ready=HttpReady(f"http://127.0.0.1:{port}/health"),
        env={"PYTHONUNBUFFERED": "1"},
        stop_seconds=4.0,
    )
