"""The `daemons:` part of dexwatch.yml: which programs we run or use, and what they look at."""

import re
from collections import Counter
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, SecretStr, model_validator

from dexwatch.bounded_file import NamedFile
from dexwatch.clients.access import Access
from dexwatch.config_model import ConfigModel, form
from dexwatch.daemons.programs.exporter_config import (
    BlackboxConfig,
    ExportersConfig,
    HttpUrl,
    Labels,
    Name,
    NodeConfig,
    PortNumber,
    ProbeConfig,
    Target,
    tcp_probe,
)
from dexwatch.listen import LOOPBACK, ListenConfig
from dexwatch.metrics.scrape_class import ScrapeClass
from dexwatch.secret import HeaderSecret, beginning, with_host

Address = Annotated[
    str, form(re.compile(r"\A[^\s/@]+:\d{1,5}"), "write it as HOST:PORT"), AfterValidator(with_host)
]


class _Server(ConfigModel):
    """Ours on `port`, or in external mode yours at `url`, with what it asks of its callers."""

    port: PortNumber
    url: HttpUrl | None = Field(default=None, description="Only used in external mode.")
    username: Annotated[str, Field(max_length=128)] = Field(
        default="", description="External mode: for basic authentication, with `password`."
    )
    password: SecretStr | None = None
    token: HeaderSecret | None = Field(
        default=None, description="External mode: sent as a bearer token."
    )
    ca_file: Annotated[Path | None, NamedFile()] = Field(
        default=None,
        description="External mode: the authority that signed its certificate; an absolute path.",
    )

    @property
    def access(self) -> Access:
        """How yours is called."""
        return Access(
            username=self.username,
            password=self.password,
            token=self.token,
            ca_file=self.ca_file,
        )

    @model_validator(mode="after")
    def _plain(self) -> Self:
        if self.token is not None and self.password is not None:
            raise ValueError("give either username and password, or a token")
        if bool(self.username) != (self.password is not None):
            raise ValueError("`username` and `password` belong together")
        if self.ca_file is not None and not self.ca_file.is_absolute():
            raise ValueError("ca_file must be an absolute path")
        return self


class PrometheusConfig(_Server):
    """Prometheus: ours on `port`, or in external mode yours at `url`."""

    port: PortNumber = 8901
    retention_days: Annotated[int, Field(ge=1, le=3650)] = Field(
        default=90, description="Disk figures must last 90 days, processor and memory 30."
    )
    retention_size_gb: Annotated[float, Field(gt=0)] = Field(
        default=20.0, description="The oldest data go early when the store grows past this."
    )


class AlertmanagerConfig(_Server):
    """Alertmanager: ours on `port`, or in external mode yours at `url`."""

    port: PortNumber = 8902


class DeadmanConfig(ConfigModel):
    """The dead man's signal: it comes as long as rules are evaluated and Alertmanager delivers.

    Our own respond role awaits it; who watches the watcher is a service outside that pages when
    its pings stop, for example one of those called heartbeat or cron monitoring.
    """

    outside_url: Annotated[
        SecretStr | None,
        beginning("http://", "https://"),
        Field(
            description="The respond role sends a POST there as long as Watchdog comes, its "
            "database takes writes and its jobs are done; it needs respond.dead_man_seconds "
            "above 0."
        ),
    ] = None
    outside_seconds: Annotated[int, Field(ge=10, le=3600)] = Field(
        default=60, description="How often; let the service allow some minutes more."
    )


class SupervisorConfig(ListenConfig):
    """The supervisor's own metrics: which programs are up and how often they ended."""

    port: PortNumber = 8911


class TargetConfig(ConfigModel):
    """Something that exposes Prometheus metrics."""

    job: Name
    address: Address = Field(description="host:port")
    path: Annotated[str, form(re.compile(r"/\S*"), "begin it with a /")] = "/metrics"
    scheme: Literal["http", "https"] = "http"
    scrape_class: ScrapeClass = ScrapeClass.STANDARD
    labels: Labels = Field(default_factory=dict)
    token: HeaderSecret | None = Field(default=None, description="Sent as a bearer token.")


class DaemonsConfig(ExportersConfig):
    """All programs beside dexwatch."""

    mode: Literal["embedded", "external"] = Field(
        default="embedded",
        description="embedded: dexwatch runs them. external: they run at the urls given.",
    )
    exporters_host: Annotated[str, Field(min_length=1, max_length=253)] = Field(
        default=LOOPBACK,
        description="external: where your exporters run, as your Prometheus sees it.",
    )
    user: str | None = Field(
        default=None,
        description="Started as root, dexwatch goes on as this user: roles and programs too.",
    )
    password: Annotated[
        SecretStr | None,
        Field(
            min_length=16,
            description="What the programs that we run, and the `/metrics` of our roles, ask for"
            " (user dexwatch). Made up and kept in `folder` when left out; to be given where roles"
            " run on several hosts.",
        ),
    ] = None
    prometheus: PrometheusConfig = PrometheusConfig()
    alertmanager: AlertmanagerConfig = AlertmanagerConfig()
    supervisor: SupervisorConfig = SupervisorConfig()
    deadman: DeadmanConfig = DeadmanConfig()
    node: NodeConfig = NodeConfig()
    blackbox: BlackboxConfig = BlackboxConfig()
    targets: tuple[TargetConfig, ...] = ()
    probes: tuple[ProbeConfig, ...] = ()

    @property
    def prometheus_url(self) -> str:
        """Where Prometheus answers, in either mode, without a slash at the end."""
        return _url(self.mode, self.prometheus.port, self.prometheus.url)

    @property
    def alertmanager_url(self) -> str:
        """Where Alertmanager answers, in either mode, without a slash at the end."""
        return _url(self.mode, self.alertmanager.port, self.alertmanager.url)

    @property
    def all_probes(self) -> tuple[ProbeConfig, ...]:
        """The probes, and one of class lb for each nginx where the operator gave none such.

        nginx_exporter tells nothing before it has met its nginx, so a balancer that is down from
        the start would otherwise be seen by nobody.
        """
        if any(probe.probe_class == "lb" for probe in self.probes):
            return self.probes
        return (*self.probes, *(tcp_probe(target) for target in self.nginx.targets))

    def listeners(self) -> dict[str, int]:
        """Return setting to port for every program that we would run."""
        found = {
            "daemons.prometheus.port": self.prometheus.port,
            "daemons.alertmanager.port": self.alertmanager.port,
            "daemons.supervisor.port": self.supervisor.port,
        }
        if self.node.enabled:
            found["daemons.node.port"] = self.node.port
        if self.all_probes:
            found["daemons.blackbox.port"] = self.blackbox.port
        for name, section in self.sections().items():
            found |= {f"daemons.{name}.{key}": port for key, port in section.listeners().items()}
        return found

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.mode == "external":
            for name in ("prometheus", "alertmanager"):
                if getattr(self, name).url is None:
                    raise ValueError(f"mode is external, so {name}.url must say where it runs")
            return self
        users: dict[int, str] = {}
        for setting, number in self.listeners().items():
            if number in users:
                raise ValueError(f"{users[number]} and {setting} are both {number}")
            users[number] = setting
        named: dict[str, tuple[Target | ProbeConfig, ...]] = {"probes": self.probes}
        named |= {f"{name}.targets": one.targets for name, one in self.sections().items()}
        for what, items in named.items():
            for name, count in Counter(item.name for item in items).items():
                if count > 1:
                    raise ValueError(f"{what}: the name {name!r} is used {count} times")
        return self


def _url(mode: str, port: int, url: str | None) -> str:
    return url.rstrip("/") if mode == "external" and url else f"http://127.0.0.1:{port}"
