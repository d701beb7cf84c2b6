"""What the exporters are told: which servers they measure, and what is probed from outside."""

import re
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, ConfigDict, Field, SecretStr, model_validator

from dexwatch.config_model import ConfigModel, form
from dexwatch.metrics.scrape_class import ScrapeClass
from dexwatch.secret import beginning, with_host

PortNumber = Annotated[int, Field(ge=1, le=65535)]
Name = Annotated[
    str,
    Field(max_length=64),
    form(
        re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*"),
        "write letters, digits, `.`, `_` and `-`, with a letter or digit first",
    ),
]
LabelName = Annotated[
    str,
    Field(max_length=64),
    form(
        re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*"),
        "write letters, digits and `_`, without a digit first",
    ),
]
Labels = dict[LabelName, Annotated[str, Field(max_length=256)]]
HttpUrl = Annotated[
    str,
    form(
        re.compile(r"https?://[^\s/?#]+(?s:.*)"),
        "it must begin with http:// or https:// and a host",
    ),
    AfterValidator(with_host),
]


class NodeConfig(ConfigModel):
    """node_exporter for the machine that dexwatch runs on."""

    port: PortNumber = 8912
    enabled: bool = True
    labels: Labels = Field(
        default_factory=dict,
        description='Added to the host\'s series; {alerting: "off"} shows it without alerting.',
    )


class BlackboxConfig(ConfigModel):
    """blackbox_exporter, which carries out the `probes`."""

    port: PortNumber = 8913


class Target(ConfigModel):
    """A server to be measured."""

    name: Name = Field(description="Becomes the `instance` label.")
    labels: Labels = Field(default_factory=dict)


class PostgresTarget(Target):
    """A PostgreSQL server to be measured; its user needs the role pg_monitor."""

    port: PortNumber | None = Field(
        default=None,
        description="Where this target's exporter listens; only the first may leave it out.",
    )
    dsn: SecretStr


class RedisTarget(Target):
    """A Redis server to be measured."""

    url: Annotated[SecretStr, beginning("redis://", "rediss://")] = Field(
        description="redis://[user[:password]@]host:port"
    )


class NginxTarget(Target):
    """An nginx with `stub_status` switched on."""

    status_url: HttpUrl

    @model_validator(mode="after")
    def _open(self) -> Self:
        _without_credentials(self.status_url)
        return self


class TargetsConfig(ConfigModel):
    """What one kind of exporter measures."""

    targets: tuple[Target, ...] = ()

    def listeners(self) -> dict[str, int]:
        """Return setting to port for every process that we would run."""
        port = getattr(self, "port", None)
        return {"port": port} if port and self.targets else {}


class PostgresConfig(TargetsConfig):
    """postgres_exporter: one process a target."""

    port: PortNumber = 8914
    targets: tuple[PostgresTarget, ...] = ()

    def listeners(self) -> dict[str, int]:
        """Return setting to port; only the first target may go without one of its own."""
        own = {f"targets.{i}.port": one.port for i, one in enumerate(self.targets) if one.port}
        return own if self.targets and self.targets[0].port else super().listeners() | own

    @model_validator(mode="after")
    def _apart(self) -> Self:
        for index, target in enumerate(self.targets[1:], start=1):
            if target.port is None:
                raise ValueError(f"targets.{index} ({target.name}) needs a `port`")
        return self


class RedisConfig(TargetsConfig):
    """redis_exporter: one process for all targets."""

    port: PortNumber = 8915
    targets: tuple[RedisTarget, ...] = ()


class NginxConfig(TargetsConfig):
    """nginx_exporter: one process a target.

    It cannot ask for a password, so it listens on a Unix socket of our user alone, and the
    supervisor serves its metrics.
    """

    targets: tuple[NginxTarget, ...] = ()


class ExportersConfig(ConfigModel):
    """What the exporters measure, a section for each kind of server."""

    postgres: PostgresConfig = PostgresConfig()
    redis: RedisConfig = RedisConfig()
    nginx: NginxConfig = NginxConfig()

    def sections(self) -> dict[str, TargetsConfig]:
        """Return the sections by name."""
        return {name: getattr(self, name) for name in ExportersConfig.model_fields}


class ProbeConfig(ConfigModel):
    """A probe from outside, as a client would connect."""

    model_config = ConfigDict(populate_by_name=True)

    name: Name = Field(description="Becomes the `instance` label.")
    kind: Literal["http", "tcp", "tls", "icmp", "dns", "rpc"]
    target: Annotated[str, Field(min_length=1, max_length=2048)] = Field(
        description="http, rpc: a URL. tcp, tls: host:port. icmp: a host. dns: the name to look up."
    )
    server: str | None = Field(default=None, description="dns only: the name server, host:port.")
    scrape_class: ScrapeClass = ScrapeClass.HIGH
    probe_class: Literal["api", "lb", "upstream", "rpc", "external"] = Field(
        default="external", alias="class"
    )
    labels: Labels = Field(default_factory=dict)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        _without_credentials(self.target if "://" in self.target else f"//{self.target}")
        if self.kind in {"http", "rpc"} and urlsplit(self.target).scheme not in {"http", "https"}:
            raise ValueError(f"a probe of kind {self.kind} needs a URL as its target")
        if self.kind in {"tcp", "tls"} and not self.target.rpartition(":")[2].isdigit():
            raise ValueError(f"a probe of kind {self.kind} needs host:port as its target")
        if self.kind in {"http", "rpc", "tcp", "tls"}:
            with_host(self.target)
        if (self.kind == "dns") != (self.server is not None):
            raise ValueError("`server` belongs to probes of kind dns, and these need it")
        return self


def tcp_probe(target: NginxTarget) -> ProbeConfig:
    """Return a probe of an nginx that nobody probes otherwise."""
    url = urlsplit(target.status_url)
    port = url.port or (443 if url.scheme == "https" else 80)
    return ProbeConfig.model_validate(
        {
            "name": target.name,
            "kind": "tcp",
            "target": f"{url.netloc.rpartition(':')[0] if url.port else url.netloc}:{port}",
            "scrape_class": ScrapeClass.CRITICAL,
            "class": "lb",
            "labels": target.labels,
        }
    )


def _without_credentials(url: str) -> str:
    """Refuse what would be shown on command lines and in labels; the value is not repeated."""
    if "@" in urlsplit(url).netloc:
        raise ValueError(
            "a URL with user and password would be seen in labels and process lists:"
            " remove `user:password@` and let this address in by its network instead"
        )
    return url
