"""What we claim for each row beyond what rules, panels and boards say of themselves.

A claim names artefacts; `coverage.assess` looks whether they are there and what they prove.
`lacks` says in plain words what a row asks for that is not built: such a row is never proved.
"""

from dataclasses import dataclass

from dexwatch.metrics import (
    business,
    chain,
    exchange,
    host,
    nginx,
    own,
    platform,
    probes,
    prometheus,
)
from dexwatch.metrics import postgres as pg
from dexwatch.metrics import redis as cache
from dexwatch.metrics.metric import Metric


@dataclass(frozen=True)
class Claim:
    """Artefacts that together answer one row."""

    metrics: tuple[Metric, ...] = ()
    """Each must have samples."""
    notifiers: tuple[str, ...] = ()
    programs: tuple[str, ...] = ()
    """Beginnings of the names of supervised programs."""
    tests: tuple[str, ...] = ()
    """Test files of the source repository that must have passed as they are now."""
    lacks: str = ""

    def plus(self, other: "Claim") -> "Claim":
        """Return both claims as one."""
        return Claim(
            metrics=self.metrics + other.metrics,
            notifiers=self.notifiers + other.notifiers,
            programs=self.programs + other.programs,
            tests=self.tests + other.tests,
            lacks="; ".join(filter(None, (self.lacks, other.lacks))),
        )


def _m(*metrics: Metric, lacks: str = "") -> Claim:
    return Claim(metrics=metrics, lacks=lacks)


COMPONENTS = {
    "C-PROMETHEUS": Claim(
        metrics=(prometheus.up, prometheus.series),
        programs=("prometheus",),
        tests=("tests/daemons/programs/test_prometheus.py",),
    ),
    "C-NODE-EXP": Claim(metrics=(host.cpu_seconds, host.memory_total), programs=("node-exporter",)),
    "C-CUSTOM-EXP": Claim(
        metrics=(own.collector_success, chain.head_block, exchange.swaps, business.users),
        tests=("tests/collectors/test_collectors.py",),
    ),
    "C-BLACKBOX-EXP": Claim(
        metrics=(probes.success, probes.seconds), programs=("blackbox-exporter",)
    ),
    "C-DB-EXP": Claim(metrics=(pg.up, cache.up), programs=("postgres-exporter", "redis-exporter")),
    "C-LB-EXP": Claim(metrics=(nginx.up, nginx.requests), programs=("nginx-exporter",)),
    "C-GRAFANA": Claim(
        tests=("tests/dashboards/test_boards.py",),
        lacks="boards export as Grafana JSON, but Grafana itself is not set up",
    ),
    "C-ALERTMANAGER": Claim(
        metrics=(prometheus.alertmanager_alerts,),
        programs=("alertmanager",),
        tests=("tests/daemons/programs/test_alertmanager.py",),
    ),
    "C-POSTGRES": Claim(
        metrics=(pg.up, pg.connections, pg.database_size),
        tests=("tests/storage/test_decisions.py",),
    ),
    "C-REDIS": _m(cache.up, cache.memory_used, cache.commands),
    "C-CONSOLE": Claim(tests=("tests/console/test_site.py", "tests/console/test_browser.py")),
}

INFRASTRUCTURE = {
    "M-SYS-CPU": _m(host.cpu_seconds),
    "M-SYS-MEM": _m(host.memory_total, host.memory_available),
    "M-SYS-DISK": _m(host.filesystem_size, host.filesystem_available, host.disk_reads),
    "M-SYS-NET": _m(host.network_received_bytes, host.network_received_packets),
    "M-SYS-LOAD": _m(host.load1, host.load5, host.load15),
    "M-SYS-PROC": _m(host.processes_running, host.processes_blocked, host.forks),
    "M-PG-POOL": _m(pg.connections, pg.max_connections, platform.db_connections),
    "M-PG-QUERY": _m(platform.db_seconds, pg.longest_query),
    "M-PG-TX": _m(pg.commits, pg.rollbacks, pg.rows_inserted, pg.rows_updated, pg.rows_deleted),
    "M-PG-LOCKS": _m(pg.locks, pg.waiting_for_lock, pg.longest_transaction),
    "M-PG-SIZE": _m(pg.database_size),
    "M-PG-REPL": _m(pg.replica_lag, pg.standbys, pg.is_standby),
    "M-PG-INDEX": _m(pg.index_scans, pg.full_scans, pg.unused_indexes),
    "M-PG-BACKUP": _m(
        pg.archive_failures, pg.archiving, lacks="the space that backups take, and restore tests"
    ),
    "M-REDIS-MEM": _m(cache.memory_used, cache.fragmentation),
    "M-REDIS-CONN": _m(cache.clients, cache.clients_blocked, cache.rejected_connections),
    "M-REDIS-CMD": _m(cache.commands, cache.command_seconds),
    "M-REDIS-HIT": _m(cache.hits, cache.misses),
    "M-REDIS-KEYS": _m(cache.keys, cache.keys_expiring, cache.expired, cache.evicted),
    "M-REDIS-PERSIST": _m(cache.rdb_ok, cache.rdb_changes, cache.aof_enabled),
    "M-LB": _m(nginx.up, nginx.requests, nginx.active, lacks="figures of automatic scaling"),
    "M-NET-PERF": _m(
        probes.seconds,
        host.tcp_retransmitted,
        host.tcp_established,
        host.network_receive_errors,
        lacks="content delivery network",
    ),
    "M-STORAGE": _m(
        host.filesystem_available, pg.database_size, lacks="object storage and backup storage"
    ),
}

APPLICATION = {
    "M-HTTP-COUNT": _m(platform.http_seconds),
    "M-HTTP-LATENCY": _m(platform.http_seconds),
    "M-HTTP-ERR": _m(platform.http_seconds),
    "M-HTTP-SIZE": _m(platform.http_request_bytes, platform.http_response_bytes),
    "M-HTTP-ACTIVE": _m(platform.http_active),
    "M-APP-AUTH": _m(platform.auth_attempts),
    "M-APP-SESSION": _m(platform.sessions_active, platform.session_seconds),
    "M-APP-TRADE": _m(platform.trades),
    "M-APP-QUEUE": _m(platform.queue_depth, platform.job_seconds),
    "M-APP-CACHE": _m(platform.cache_requests),
    "M-APP-BIZ": _m(platform.transactions_business),
    "M-ENGINE-ORDER": _m(
        platform.trades, platform.trade_seconds, lacks="matching delay: an AMM has no order book"
    ),
    "M-ENGINE-MARKET": _m(
        platform.market_updates,
        platform.market_seconds,
        platform.market_deviation,
        platform.market_connected,
    ),
}

BUSINESS = {
    "M-TRADE-VOLUME": _m(exchange.volume_usd),
    "M-TRADE-OK": _m(chain.transactions, platform.trades),
    "M-TRADE-SIZE": _m(exchange.swap_size_usd, exchange.high_value_swaps),
    "M-TRADE-PAIRS": _m(exchange.volume_usd, exchange.swaps),
    "M-TRADE-EXEC": _m(
        platform.trade_seconds, exchange.price_impact_ratio, exchange.slippage_ratio
    ),
    "M-LP-TVL": _m(exchange.tvl_usd),
    "M-LP-COUNT": _m(exchange.liquidity_providers),
    "M-LP-UTIL": _m(exchange.volume_usd, exchange.tvl_usd),
    "M-USER-ACTIVE": _m(business.active_users),
    "M-USER-NEW": _m(business.registrations),
    "M-USER-RETAIN": _m(business.retention),
    "M-USER-PORTFOLIO": _m(business.portfolio_usd),
    "M-USER-FEATURE": _m(business.feature_uses, business.satisfaction, business.tickets_open),
    "M-REVENUE": _m(business.revenue_usd),
}

CHAIN = {
    "M-NODE-SYNC": _m(chain.endpoint_head, chain.endpoint_lag, chain.endpoint_syncing),
    "M-NODE-PEERS": _m(chain.endpoint_peers),
    "M-GAS-PRICE": _m(chain.gas_price, chain.block_gas_ratio),
    "M-CONFIRM": _m(chain.finality_lag, chain.finality_seconds, platform.confirmation_seconds),
    "M-DIFFICULTY": _m(chain.difficulty, chain.block_turns),
    "M-FORK": _m(chain.reorgs, chain.endpoint_divergences),
    "M-TX-SUBMIT": _m(platform.transactions_submitted),
    "M-TX-CONFIRM": _m(platform.transactions_submitted, platform.confirmation_seconds),
    "M-TX-GASPAID": _m(chain.gas_price),
    "M-TX-FAIL": _m(chain.transactions, exchange.contract_calls),
    "M-CONTRACT": _m(exchange.contract_calls, exchange.contract_gas, exchange.contract_paused),
}

SECURITY = {
    "M-SEC-LOGIN": _m(
        platform.auth_attempts,
        platform.sessions_active,
        platform.auth_suspicious_sources,
        lacks="use of second factors",
    ),
    "M-SEC-ACCESS": _m(
        platform.authorization_failures,
        lacks="attempts to gain rights, patterns of API keys, breaches of roles",
    ),
    "M-SEC-THREAT": _m(
        platform.auth_suspicious_sources,
        lacks="signs of denial of service, anomalies, blocked addresses",
    ),
    "M-SEC-RATELIMIT": _m(platform.rate_limited),
}

POLICY = {
    "R-CHANNELS": Claim(
        tests=("tests/response/test_respond.py",),
        lacks="PagerDuty, telephone, ticket, status page",
    ),
    "R-DEDUP": Claim(
        tests=("tests/machines/test_incidents.py", "tests/daemons/programs/test_alertmanager.py"),
        lacks="limits on the rate of messages to one person",
    ),
    "I-TRIAGE": Claim(
        tests=("tests/machines/test_incidents.py",), lacks="scope of impact, first update by itself"
    ),
    "I-RUNBOOK": Claim(tests=("tests/rules/test_lint.py",)),
    "K-RBAC": Claim(
        tests=("tests/console/test_access.py", "tests/console/test_site.py"),
        lacks="API tokens, least privilege beyond viewer and operator",
    ),
    "S-SAMPLE": Claim(tests=("tests/metrics/test_profile.py",)),
    "S-RETAIN": Claim(
        tests=("tests/daemons/programs/test_prometheus.py",), lacks="coarser data after 90 days"
    ),
    "S-QUERY": Claim(
        tests=("tests/rules/test_rendering.py",), lacks="a result limit for free exploration"
    ),
    "S-RULES": Claim(tests=("tests/rules/test_rendering.py", "tests/rules/test_lint.py")),
    "U-DEADMAN": Claim(lacks="somebody outside who expects the signal"),
    "U-DAILY": Claim(lacks="proof of delivery by a daily test alert, accuracy of the data"),
    "U-COVERAGE": Claim(tests=("tests/reports/test_coverage.py",), lacks="the open rows"),
    "U-DOCS": Claim(tests=("tests/tools/test_reference.py",), lacks="integration guides"),
}

CLAIMS: dict[str, Claim] = {
    **COMPONENTS,
    **INFRASTRUCTURE,
    **APPLICATION,
    **BUSINESS,
    **CHAIN,
    **SECURITY,
    **POLICY,
    "A-CH-WHALE": Claim(lacks="volume far above the usual"),
}
