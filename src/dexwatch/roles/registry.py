"""The roles, each a process of its own so that none delays another, and all that is known of them.

Whatever lists roles is derived from `ROLES`: what `up` starts, what `run` accepts, what Prometheus
scrapes, where Alertmanager delivers, which ports `doctor` tries, the documents, the sample.
To add a role, write its module with `async def run(settings, stop)` and one `RoleSpec` here.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from dexwatch.daemons.programs.secrets import kept
from dexwatch.listen import ListenConfig
from dexwatch.metrics.scrape_class import ScrapeClass
from dexwatch.roles.privileges import require_private
from dexwatch.settings import Settings
from dexwatch.settings.document import dotted
from dexwatch.settings.schema import default_ports

Finish = Callable[[], Awaitable[None]]
"""Waits for what a role that has stopped still has under way, and closes what that needs."""

Run = Callable[[Settings, asyncio.Event], Awaitable[Finish | None]]
"""Runs a role until the event is set. When it returns, its port is free and it begins nothing."""


@dataclass(frozen=True)
class RoleSpec:
    """One role."""

    name: str
    purpose: str
    """What it does, in one line for people."""
    load: Callable[[], Run]
    """Imports its module and returns its `run`; only the process that runs the role calls it."""
    needs: tuple[str, ...]
    """The settings that it uses: when one of them changes, a reload begins the role anew."""
    section: str
    """The part of the settings that says where it listens, for example `watch`."""
    secrets: tuple[str, ...]
    """The settings whose secrets it needs, for example `storage.url`; it is given no others."""
    scrape_class: ScrapeClass | None
    """How often Prometheus reads its `/metrics`; None: it has none."""
    health: str = "/healthz"
    """Answers below 400 while the role is alive."""
    requirements: tuple[str, ...] = ()
    """Requirement ids that it answers, for `dexwatch coverage`."""

    def listens(self, settings: Settings) -> ListenConfig:
        """Return where it listens and which address others use."""
        found: object = settings
        for step in self.section.split("."):
            found = getattr(found, step)
        if not isinstance(found, ListenConfig):
            raise TypeError(f"{self.section} of the settings is no ListenConfig")
        return found


# The imports stand in functions, so that a role carries its own weight only: the watcher has no use
# for a web framework's memory. Import contracts see them all the same.
def _watch() -> Run:
    from dexwatch.roles import watch  # noqa: PLC0415

    return watch.run


def _respond() -> Run:
    from dexwatch.roles import respond  # noqa: PLC0415

    return respond.run


def _console() -> Run:
    from dexwatch.roles import console  # noqa: PLC0415

    return console.run


def _supervisor() -> Run:
    raise LookupError("the supervisor is `dexwatch up` itself")


_ASKED = ("daemons.password", "daemons.prometheus", "daemons.alertmanager")
"""What a role needs that asks Prometheus and Alertmanager."""

WATCH = RoleSpec(
    name="watch",
    purpose="Follows the chain, and turns blocks, contracts and business queries into metrics.",
    load=_watch,
    needs=("chain", "dex", "database", "watch"),
    section="watch",
    secrets=("chain", "database", "daemons.password"),
    # Chain metrics are scraped as often as the profile allows; those of the other roles less.
    scrape_class=ScrapeClass.CRITICAL,
    requirements=("C-CUSTOM-EXP",),
)
RESPOND = RoleSpec(
    name="respond",
    purpose="Takes alerts in, keeps incidents, tells people.",
    load=_respond,
    needs=("respond", "notify", "storage", "console.public_url", "daemons.deadman"),
    section="respond",
    secrets=("respond", "notify", "storage", "daemons.deadman", *_ASKED),
    scrape_class=ScrapeClass.HIGH,
    requirements=("R-CHANNELS", "R-DEDUP"),
)
CONSOLE = RoleSpec(
    name="console",
    purpose="Shows boards, alerts and incidents in the browser.",
    load=_console,
    needs=("console", "storage", "respond", "notify", "rules"),
    section="console",
    secrets=("console", "storage", *_ASKED),
    scrape_class=ScrapeClass.STANDARD,
    requirements=("C-CONSOLE",),
)

ROLES = (WATCH, RESPOND, CONSOLE)

SUPERVISOR = RoleSpec(
    name="supervisor",
    purpose="`dexwatch up` itself: starts the other roles and the daemons, and starts them again.",
    load=_supervisor,
    needs=("daemons", "rules"),
    section="daemons.supervisor",
    secrets=("daemons", "respond"),
    scrape_class=ScrapeClass.HIGH,
)
"""No role to be run on its own, but a process with metrics like the others."""


_FROZEN = (
    "name",
    "folder",
    "base_port",
    "daemons.mode",
    "daemons.user",
    "daemons.password",
    "daemons.prometheus",
    "daemons.alertmanager",
    "respond.hook_token",
)


def frozen(settings: Settings) -> tuple[str, ...]:
    """Return the settings that only a restart of `dexwatch up` can change.

    They say where things lie and listen, and what several processes must agree on.
    """
    listening = {
        f"{spec.section}.{name}"
        for spec in (*ROLES, SUPERVISOR)
        for name in ListenConfig.model_fields
        if hasattr(spec.listens(settings), name)
    }
    ports = {dotted(place) for place in default_ports(Settings)}
    return (*_FROZEN, *sorted(listening | ports))


def role(name: str) -> RoleSpec:
    """Return the role of that name.

    Raises:
        ValueError: there is none; the message lists them.
    """
    for spec in ROLES:
        if spec.name == name:
            return spec
    known = ", ".join(spec.name for spec in ROLES)
    raise ValueError(f"there is no role {name!r}; the roles are {known}")


async def run_role(spec: RoleSpec, settings: Settings, stop: asyncio.Event) -> Finish | None:
    """Run one role in this process until `stop` is set; see `Run`."""
    settings.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    require_private(settings.folder)
    # The database and its log hold incidents and sessions: nobody else on the machine reads them.
    os.umask(0o077)
    # Under `dexwatch run` nobody has made up the password by which the roles and programs call.
    kept(settings.daemons, folder=settings.folder)
    return await spec.load()(settings, stop)
