"""roles.md: every role, where it listens and which secrets it is given; and all of our ports."""

from collections.abc import Iterator

from dexwatch.roles.registry import ROLES, SUPERVISOR
from dexwatch.settings import Settings
from dexwatch.settings.document import dotted
from dexwatch.settings.schema import PORT_BASE, default_ports
from tools.reference.markdown import code, codes, document, table

INTRODUCTION = f"""
`dexwatch up` runs all roles on one machine, `dexwatch run ROLE` one of them.
Everything listens on 127.0.0.1 unless `host` of its section says otherwise; `advertise` is the
address that other programs are told.
All ports that are not set move with `base_port`, which is {PORT_BASE} by default.
"""


def page() -> str:
    """Return the page."""
    return document("Roles and ports", INTRODUCTION.strip(), _parts())


def _parts() -> Iterator[str]:
    yield "## Roles"
    yield table(
        ("Role", "What it does", "Settings", "Secrets that it is given", "Scraped"),
        (
            (
                code(spec.name),
                spec.purpose,
                code(spec.section),
                codes(spec.secrets),
                spec.scrape_class or "not scraped",
            )
            for spec in (*ROLES, SUPERVISOR)
        ),
    )
    yield "## Ports"
    yield table(
        ("Port", "Setting"),
        (
            (port, code(dotted(place)))
            for place, port in sorted(default_ports(Settings).items(), key=lambda one: one[1])
        ),
    )
