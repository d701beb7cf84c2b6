"""The exporters that others wrote: host, probes, PostgreSQL, Redis, nginx."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from dexwatch.clients.access import Access
from dexwatch.daemons.config import DaemonsConfig
from dexwatch.daemons.program import File, HttpReady, Port, Program, Reload, SocketReady, TcpReady
from dexwatch.daemons.programs.authentication import WEB_FLAG, web_file
from dexwatch.daemons.programs.postgres_queries import QUERIES
from dexwatch.daemons.programs.scrape import (
    IDENTITY_FILE,
    LOOPBACK,
    module_of,
    nginx_name,
    redis_address,
)
from dexwatch.daemons.programs.secrets import Secrets
from dexwatch.daemons.programs.text import yaml

CONNECT_SECONDS = 2
"""postgres_exporter tries twice, one after the other: below the 4.5 s that a scrape may take."""
SOCKET_FILE = "metrics.sock"
_THRIFT = {"GOMAXPROCS": "1", "GOGC": "50"}
"""Exporters are idle nearly always; small heaps matter more than their speed."""


def exporters(config: DaemonsConfig, *, folder: Path, secrets: Secrets) -> tuple[Program, ...]:
    """Return one program for each exporter that has something to look at."""
    access = secrets.access
    programs = []
    if config.node.enabled:
        programs.append(_node(config, folder, access))
    if config.all_probes:
        programs.append(_blackbox(config, folder, access))
    programs += _postgres(config, folder, access)
    if config.redis.targets:
        programs.append(_redis(config, folder, secrets.identity))
    programs += _nginx(config, folder)
    return tuple(programs)


def _node(config: DaemonsConfig, folder: Path, access: Access) -> Program:
    address = f"{LOOPBACK}:{config.node.port}"
    return Program(
        name="node-exporter",
        requirements=("C-NODE-EXP",),
        argv=(
            "prometheus-node-exporter",
            f"--web.listen-address={address}",
            WEB_FLAG,
            "--web.disable-exporter-metrics",
            "--web.max-requests=4",
            "--log.level=warn",
            # Nothing here reads these; they cost the most series or time.
            *(
                f"--no-collector.{name}"
                for name in (
                    "arp",
                    "netclass",
                    "schedstat",
                    "softnet",
                    "systemd",
                    "thermal_zone",
                    "zfs",
                )
            ),
        ),
        package="prometheus-node-exporter",
        folder=folder / "etc" / "node-exporter",
        files=(web_file(access),),
        ports=(Port("daemons.node.port", config.node.port),),
        ready=HttpReady(f"http://{address}/", access.header),
        env=_THRIFT,
        required=False,
    )


def _blackbox(config: DaemonsConfig, folder: Path, access: Access) -> Program:
    address = f"{LOOPBACK}:{config.blackbox.port}"
    return Program(
        name="blackbox-exporter",
        requirements=("C-BLACKBOX-EXP",),
        argv=(
            "prometheus-blackbox-exporter",
            "--config.file=blackbox.yml",
            f"--web.listen-address={address}",
            WEB_FLAG,
            # It stops so long before the scrape's own timeout; the default is half a second.
            "--timeout-offset=0.1",
            "--history.limit=20",
            "--log.level=warn",
        ),
        package="prometheus-blackbox-exporter",
        folder=folder / "etc" / "blackbox",
        files=(File("blackbox.yml", yaml({"modules": _modules(config)})), web_file(access)),
        checks=(("prometheus-blackbox-exporter", "--config.file=blackbox.yml", "--config.check"),),
        ports=(Port("daemons.blackbox.port", config.blackbox.port),),
        ready=HttpReady(f"http://{address}/-/healthy", access.header),
        reload=Reload.HUP,
        reload_proof=HttpReady(f"http://{address}/metrics", access.header),
        env=_THRIFT,
        required=False,
    )


def _modules(config: DaemonsConfig) -> dict[str, Any]:
    http = {"preferred_ip_protocol": "ip4", "follow_redirects": True}
    call = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "eth_blockNumber", "params": []})
    modules: dict[str, Any] = {
        "http": {"prober": "http", "timeout": "10s", "http": http},
        "rpc": {
            "prober": "http",
            "timeout": "10s",
            "http": http
            | {
                "method": "POST",
                "headers": {"Content-Type": "application/json"},
                "body": call,
                # Nodes report errors inside a 200, so the answer itself is looked at.
                "fail_if_body_not_matches_regexp": ['"result"\\s*:\\s*"0x'],
            },
        },
        "tcp": {"prober": "tcp", "timeout": "5s", "tcp": {"preferred_ip_protocol": "ip4"}},
        "tls": {
            "prober": "tcp",
            "timeout": "5s",
            "tcp": {"preferred_ip_protocol": "ip4", "tls": True},
        },
        "icmp": {"prober": "icmp", "timeout": "5s", "icmp": {"preferred_ip_protocol": "ip4"}},
    }
    for probe in config.all_probes:
        if probe.kind == "dns":
            query = {
                "query_name": probe.target,
                "query_type": "A",
                "preferred_ip_protocol": "ip4",
                "validate_answer_rrs": {"fail_if_none_matches_regexp": [".+"]},
            }
            modules[module_of(probe)] = {"prober": "dns", "timeout": "5s", "dns": query}
    return modules


def _postgres(config: DaemonsConfig, folder: Path, access: Access) -> list[Program]:
    programs = []
    for index, target in enumerate(config.postgres.targets):
        port = target.port or config.postgres.port
        setting = f"targets.{index}.port" if target.port else "port"
        address = f"{LOOPBACK}:{port}"
        programs.append(
            Program(
                name=f"postgres-exporter-{target.name}",
                requirements=("C-DB-EXP",),
                argv=(
                    "prometheus-postgres-exporter",
                    f"--web.listen-address={address}",
                    WEB_FLAG,
                    "--extend.query-path=queries.yml",
                    "--log.level=warn",
                ),
                package="prometheus-postgres-exporter",
                folder=folder / "etc" / f"postgres-exporter-{target.name}",
                files=(File("queries.yml", yaml(QUERIES)), web_file(access)),
                ports=(Port(f"daemons.postgres.{setting}", port),),
                ready=HttpReady(f"http://{address}/", access.header),
                # In the environment, which only our own user and root can read; never in argv.
                env=_THRIFT | {"DATA_SOURCE_NAME": postgres_dsn(target.dsn.get_secret_value())},
                required=False,
            )
        )
    return programs


def postgres_dsn(dsn: str) -> str:
    """Return the DSN as Go's driver wants it.

    That driver insists on TLS where the DSN is silent, which a local server rarely offers;
    it does not know SQLAlchemy's `postgresql+driver://`; and it waits for a silent server for
    ever, so that the scrape would run out of time before `pg_up` could turn 0.

    >>> postgres_dsn("postgresql+psycopg://ana@127.0.0.1/dex")
    'postgresql://ana@127.0.0.1/dex?sslmode=disable&connect_timeout=2'
    """
    limit = f"connect_timeout={CONNECT_SECONDS}"
    scheme, separator, rest = dsn.partition("://")
    if not separator:
        return dsn if "connect_timeout" in dsn else f"{dsn} {limit}"
    dsn = f"{scheme.partition('+')[0]}://{rest}"
    parts = urlsplit(dsn)
    query = parse_qs(parts.query)
    local = parts.hostname in {None, "localhost", "127.0.0.1", "::1"}
    added = ["sslmode=disable"] if local and "sslmode" not in query else []
    added += [limit] if "connect_timeout" not in query else []
    return f"{dsn}{'&' if parts.query else '?'}{'&'.join(added)}" if added else dsn


def _redis(config: DaemonsConfig, folder: Path, identity: str) -> Program:
    address = f"{LOOPBACK}:{config.redis.port}"
    passwords = dict(redis_address(t.url.get_secret_value()) for t in config.redis.targets)
    return Program(
        name="redis-exporter",
        requirements=("C-DB-EXP",),
        argv=(
            "prometheus-redis-exporter",
            f"-web.listen-address={address}",
            # It cannot ask for a password, but for a certificate, and only we hold that.
            f"-tls-server-cert-file={IDENTITY_FILE}",
            f"-tls-server-key-file={IDENTITY_FILE}",
            f"-tls-server-ca-cert-file={IDENTITY_FILE}",
            # No server of its own: every scrape names its target.
            "-redis.addr=",
            "-redis.password-file=passwords.json",
            "-connection-timeout=3s",
            "-set-client-name=true",
        ),
        package="prometheus-redis-exporter",
        folder=folder / "etc" / "redis-exporter",
        files=(
            File("passwords.json", json.dumps(passwords), secret=True),
            File(IDENTITY_FILE, identity, secret=True),
        ),
        ports=(Port("daemons.redis.port", config.redis.port),),
        ready=TcpReady(config.redis.port),
        env=_THRIFT,
        required=False,
    )


def _nginx(config: DaemonsConfig, folder: Path) -> list[Program]:
    programs = []
    for target in config.nginx.targets:
        name = nginx_name(target.name)
        data = folder / name
        programs.append(
            Program(
                name=name,
                requirements=("C-LB-EXP",),
                argv=(
                    "prometheus-nginx-exporter",
                    # It can ask for nothing: no port, and the supervisor hands on its metrics.
                    f"-web.listen-address=unix:{SOCKET_FILE}",
                    f"-nginx.scrape-uri={target.status_url}",
                    # It gives up at the start if nginx is away; we want it there to say so.
                    "-nginx.retries=1000000",
                    "-nginx.retry-interval=2s",
                    "-nginx.timeout=2s",
                ),
                package="prometheus-nginx-exporter",
                cwd=data,
                data=(data,),
                metrics=data / SOCKET_FILE,
                ready=SocketReady(data / SOCKET_FILE),
                # It listens only once it has found its nginx.
                ready_seconds=2.0,
                env=_THRIFT,
                required=False,
            )
        )
    return programs
