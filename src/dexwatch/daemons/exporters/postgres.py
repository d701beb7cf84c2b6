"""postgres_exporter: one process a server."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

from dexwatch.daemons.exporters.exporter import THRIFT, Exporter, Plan, Scrape
from dexwatch.daemons.exporters.postgres_queries import QUERIES
from dexwatch.daemons.program import File, HttpReady, Port, Program
from dexwatch.daemons.programs.authentication import WEB_FLAG, web_file
from dexwatch.daemons.programs.scrape import LOOPBACK, group, job
from dexwatch.daemons.programs.text import yaml
from dexwatch.metrics.scrape_class import ScrapeClass

CONNECT_SECONDS = 2
"""It tries twice, one after the other: below the 4.5 s that a scrape may take."""
POSTGRES_LEAST_MS = 2_000
"""Version 0.11 sleeps for a second before it says that the database is down."""


def _programs(plan: Plan) -> list[Program]:
    config, access = plan.config, plan.secrets.access
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
                folder=plan.folder / "etc" / f"postgres-exporter-{target.name}",
                files=(File("queries.yml", yaml(QUERIES)), web_file(access)),
                ports=(Port(f"daemons.postgres.{setting}", port),),
                ready=HttpReady(f"http://{address}/", access.header),
                # In the environment, which only our own user and root can read; never in argv.
                env=THRIFT | {"DATA_SOURCE_NAME": postgres_dsn(target.dsn.get_secret_value())},
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


def _jobs(scrape: Scrape) -> list[dict[str, Any]]:
    config = scrape.config
    groups = [
        group(
            config, target.port or config.postgres.port, {"instance": target.name} | target.labels
        )
        for target in config.postgres.targets
    ]
    return [
        job(
            "postgres",
            ScrapeClass.CRITICAL,
            scrape.profile,
            groups=groups,
            least_ms=POSTGRES_LEAST_MS,
        )
    ]


POSTGRES = Exporter(
    package="prometheus-postgres-exporter",
    wanted=lambda config: bool(config.postgres.targets),
    programs=_programs,
    jobs=_jobs,
)
