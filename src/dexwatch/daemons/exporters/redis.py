"""redis_exporter: one process for all servers; every scrape names its own."""

import json
from collections.abc import Iterator
from functools import partial
from typing import Any

from dexwatch.clients.probing import Probe, installed, secret_port_open
from dexwatch.daemons.config import DaemonsConfig
from dexwatch.daemons.exporters.exporter import THRIFT, Exporter, Plan, Scrape
from dexwatch.daemons.program import File, Port, Program, TcpReady
from dexwatch.daemons.programs.scrape import IDENTITY_FILE, LOOPBACK, group, job
from dexwatch.metrics.scrape_class import ScrapeClass


def _programs(plan: Plan) -> list[Program]:
    config = plan.config
    address = f"{LOOPBACK}:{config.redis.port}"
    passwords = dict(redis_address(t.url.get_secret_value()) for t in config.redis.targets)
    program = Program(
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
        folder=plan.folder / "etc" / "redis-exporter",
        files=(
            File("passwords.json", json.dumps(passwords), secret=True),
            File(IDENTITY_FILE, plan.secrets.identity, secret=True),
        ),
        ports=(Port("daemons.redis.port", config.redis.port),),
        ready=TcpReady(config.redis.port),
        env=THRIFT,
        required=False,
    )
    return [program]


def _jobs(scrape: Scrape) -> list[dict[str, Any]]:
    config, profile = scrape.config, scrape.profile
    groups = [
        group(
            config,
            config.redis.port,
            {"__param_target": redis_address(target.url.get_secret_value())[0]}
            | {"instance": target.name}
            | target.labels,
        )
        for target in config.redis.targets
    ]
    keys: dict[str, Any] = {"metrics_path": "/scrape"}
    if scrape.secrets.identity:
        names = ("ca_file", "cert_file", "key_file")
        keys |= {"scheme": "https", "tls_config": dict.fromkeys(names, IDENTITY_FILE)}
    return [job("redis", ScrapeClass.CRITICAL, profile, groups=groups, **keys)]


def _probes(config: DaemonsConfig) -> Iterator[Probe]:
    if config.mode == "embedded" and config.redis.targets:
        attempt = partial(installed, "openssl")
        yield Probe("openssl", attempt, "Install the Debian package openssl.")
    for target in config.redis.targets:
        attempt = partial(secret_port_open, target.url)
        yield Probe(target.name, attempt, "Check the url.", area="redis")


def redis_address(url: str) -> tuple[str, str]:
    """Split a Redis URL into the address without password, and the password ("" if there is none).

    >>> redis_address("redis://:geheim@127.0.0.1:6379")
    ('redis://127.0.0.1:6379', 'geheim')
    """
    scheme, _, rest = url.partition("://")
    credentials, at, address = rest.rpartition("@")
    user, _, password = credentials.partition(":")
    shown = f"{user}@{address}" if at and user else address
    return f"{scheme}://{shown}", password


REDIS = Exporter(
    package="prometheus-redis-exporter",
    wanted=lambda config: bool(config.redis.targets),
    programs=_programs,
    jobs=_jobs,
    probes=_probes,
    by_password=False,
)
