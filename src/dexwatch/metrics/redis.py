"""Redis metrics as redis_exporter 1.45 exposes them; `tests/assumptions` asks the real binary."""

from functools import partial

from dexwatch.metrics import metric
from dexwatch.metrics.declared import declared
from dexwatch.metrics.metric import Metric, Unit

counter = partial(metric.counter, owner="redis_exporter")
gauge = partial(metric.gauge, owner="redis_exporter")
state = partial(metric.state, owner="redis_exporter")

up = state("redis_up", "1 when the exporter reached Redis.", requirements=("C-DB-EXP", "C-REDIS"))
last_scrape_error = state(
    "redis_exporter_last_scrape_error",
    "1 when the last reading failed; `err` says why.",
    labels=("err",),
)
memory_used = gauge(
    "redis_memory_used_bytes", "Memory in use.", requirements=("C-REDIS", "M-REDIS-MEM")
)
memory_max = gauge("redis_memory_max_bytes", "Memory limit; 0 means none.")
fragmentation = gauge(
    "redis_mem_fragmentation_ratio",
    "Resident memory over used memory; about 1 is healthy.",
    requirements=("M-REDIS-MEM",),
    unit=Unit.COUNT,
)
clients = gauge("redis_connected_clients", "Connected clients.", requirements=("M-REDIS-CONN",))
clients_max = gauge("redis_config_maxclients", "Most clients.")
clients_blocked = gauge(
    "redis_blocked_clients", "Clients that wait in a blocking call.", requirements=("M-REDIS-CONN",)
)
rejected_connections = counter(
    "redis_rejected_connections_total",
    "Connections refused at the limit.",
    requirements=("M-REDIS-CONN",),
)
commands = counter(
    "redis_commands_total",
    "Commands by name.",
    labels=("cmd",),
    requirements=("C-REDIS", "M-REDIS-CMD"),
)
command_seconds = counter(
    "redis_commands_duration_seconds_total",
    "Time spent in commands by name.",
    labels=("cmd",),
    requirements=("M-REDIS-CMD",),
)
commands_processed = counter("redis_commands_processed_total", "Commands processed.")
hits = counter(
    "redis_keyspace_hits_total", "Look-ups that found a key.", requirements=("M-REDIS-HIT",)
)
misses = counter(
    "redis_keyspace_misses_total", "Look-ups that found none.", requirements=("M-REDIS-HIT",)
)
keys = gauge("redis_db_keys", "Keys of a database.", labels=("db",), requirements=("M-REDIS-KEYS",))
keys_expiring = gauge(
    "redis_db_keys_expiring",
    "Keys that will expire.",
    labels=("db",),
    requirements=("M-REDIS-KEYS",),
)
evicted = counter(
    "redis_evicted_keys_total", "Keys evicted for want of memory.", requirements=("M-REDIS-KEYS",)
)
expired = counter("redis_expired_keys_total", "Keys that expired.", requirements=("M-REDIS-KEYS",))
rdb_ok = state(
    "redis_rdb_last_bgsave_status",
    "1 when the last snapshot succeeded.",
    requirements=("M-REDIS-PERSIST",),
)
rdb_changes = gauge(
    "redis_rdb_changes_since_last_save",
    "Writes since the last snapshot.",
    requirements=("M-REDIS-PERSIST",),
)
rdb_saved = gauge("redis_rdb_last_save_timestamp_seconds", "When the last snapshot was written.")
aof_enabled = state(
    "redis_aof_enabled", "1 when the append-only file is on.", requirements=("M-REDIS-PERSIST",)
)
aof_ok = state(
    "redis_aof_last_write_status", "1 when the last write to the append-only file succeeded."
)
replicas = gauge("redis_connected_slaves", "Connected replicas.")
uptime = gauge("redis_uptime_in_seconds", "Time since the start.")

REDIS_METRICS = declared(Metric, globals())
