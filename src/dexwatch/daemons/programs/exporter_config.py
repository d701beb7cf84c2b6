"""What the exporters are told: which servers they measure, and what is probed from outside."""

from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from dexwatch.metrics.scrape_class import ScrapeClass

PortNumber = Annotated[int, Field(ge=1, le=65535)]
Name = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
LabelName = Annotated[str, Field(pattern=r"^[a-zA-Z_][a-zA-Z0-9_]*$", max_length=64)]
Labels = dict[LabelName, Annotated[str, Field(max_length=256)]]
HttpUrl = Annotated[str, Field(pattern=r"^https?://[^\s/?#]+")]


class ConfigModel(BaseModel):
    """A part of `daemons:`; what it does not know is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


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


class PostgresTarget(ConfigModel):
    """A PostgreSQL server to be measured; its user needs the role pg_monitor."""

    name: Name = Field(description="Becomes the `instance` label.")
    port: PortNumber | None = Field(
        default=None,
        description="Where this target's exporter listens; only the first may leave it out.",
    )
    labels: Labels = Field(default_factory=dict)
    dsn: SecretStr


class RedisTarget(ConfigModel):
    """A Redis server to be measured."""

    name: Name = Field(description="Becomes the `instance` label.")
    url: SecretStr = Field(description="redis://[user[:password]@]host:port")
    labels: Labels = Field(default_factory=dict)


class NginxTarget(ConfigModel):
    """An nginx with `stub_status` switched on."""

    name: Name = Field(description="Becomes the `instance` label.")
    labels: Labels = Field(default_factory=dict)
    status_url: HttpUrl

    @model_validator(mode="after")
    def _open(self) -> Self:
        _without_credentials(self.status_url)
        if urlsplit(self.status_url).port == 0:
            raise ValueError("status_url needs a port from 1 to 65535")
        return self


class PostgresConfig(ConfigModel):
    """postgres_exporter: one process a target."""

    port: PortNumber = 8914
    targets: tuple[PostgresTarget, ...] = ()


class RedisConfig(ConfigModel):
    """redis_exporter: one process for all targets."""

    port: PortNumber = 8915
    targets: tuple[RedisTarget, ...] = ()


class NginxConfig(ConfigModel):
    """nginx_exporter: one process a target.

    It cannot ask for a password, so it listens on a Unix socket of our user alone, and the
    supervisor serves its metrics.
    """

    targets: tuple[NginxTarget, ...] = ()


class ProbeConfig(ConfigModel):
    """A probe from outside, as a client would connect."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

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
