"""Redis metrics as redis_exporter 1.45 exposes them; `tests/assumptions` asks the real binary."""

from dexwatch.metrics.metric import Unit, counter, gauge

OWNER = "redis_exporter"

up = gauge(
    "redis_up",
    "1 when the exporter reached Redis.",
    unit=Unit.BOOLEAN,
    owner=OWNER,
    requirements=("C-DB-EXP", "C-REDIS"),
)
memory_used = gauge(
    "redis_memory_used_bytes",
    "Memory in use.",
    unit=Unit.BYTES,
    owner=OWNER,
    requirements=("C-REDIS", "M-REDIS-MEM"),
)
memory_max = gauge(
    "redis_memory_max_bytes", "Memory limit; 0 means none.", unit=Unit.BYTES, owner=OWNER
)
fragmentation = gauge(
    "redis_mem_fragmentation_ratio",
    "Resident memory over used memory; about 1 is healthy.",
    unit=Unit.COUNT,
    owner=OWNER,
    requirements=("M-REDIS-MEM",),
)
clients = gauge(
    "redis_connected_clients",
    "Connected clients.",
    unit=Unit.COUNT,
    owner=OWNER,
    requirements=("M-REDIS-CONN",),
)
clients_max = gauge("redis_config_maxclients", "Most clients.", unit=Unit.COUNT, owner=OWNER)
clients_blocked = gauge(
    "redis_blocked_clients",
    "Clients that wait in a blocking call.",
    unit=Unit.COUNT,
    owner=OWNER,
    requirements=("M-REDIS-CONN",),
)
rejected_connections = counter(
    "redis_rejected_connections_total",
    "Connections refused at the limit.",
    owner=OWNER,
    requirements=("M-REDIS-CONN",),
)
commands = counter(
    "redis_commands_total",
    "Commands by name.",
    labels=("cmd",),
    owner=OWNER,
    requirements=("C-REDIS", "M-REDIS-CMD"),
)
command_seconds = counter(
    "redis_commands_duration_seconds_total",
    "Time spent in commands by name.",
    unit=Unit.SECONDS,
    labels=("cmd",),
    owner=OWNER,
    requirements=("M-REDIS-CMD",),
)
commands_processed = counter("redis_commands_processed_total", "Commands processed.", owner=OWNER)
hits = counter(
    "redis_keyspace_hits_total",
    "Look-ups that found a key.",
    owner=OWNER,
    requirements=("M-REDIS-HIT",),
)
misses = counter(
    "redis_keyspace_misses_total",
    "Look-ups that found none.",
    owner=OWNER,
    requirements=("M-REDIS-HIT",),
)
keys = gauge(
    "redis_db_keys",
    "Keys of a database.",
    unit=Unit.COUNT,
    labels=("db",),
    owner=OWNER,
    requirements=("M-REDIS-KEYS",),
)
keys_expiring = gauge(
    "redis_db_keys_expiring",
    "Keys that will expire.",
    unit=Unit.COUNT,
    labels=("db",),
    owner=OWNER,
    requirements=("M-REDIS-KEYS",),
)
evicted = counter(
    "redis_evicted_keys_total",
    "Keys evicted for want of memory.",
    owner=OWNER,
    requirements=("M-REDIS-KEYS",),
)
expired = counter(
    "redis_expired_keys_total",
    "Keys that expired.",
    owner=OWNER,
    requirements=("M-REDIS-KEYS",),
)
rdb_ok = gauge(
    "redis_rdb_last_bgsave_status",
    "1 when the last snapshot succeeded.",
    unit=Unit.BOOLEAN,
    owner=OWNER,
    requirements=("M-REDIS-PERSIST",),
)
rdb_changes = gauge(
    "redis_rdb_changes_since_last_save",
    "Writes since the last snapshot.",
    unit=Unit.COUNT,
    owner=OWNER,
    requirements=("M-REDIS-PERSIST",),
)
rdb_saved = gauge(
    "redis_rdb_last_save_timestamp_seconds",
    "When the last snapshot was written.",
    unit=Unit.TIMESTAMP,
    owner=OWNER,
)
aof_enabled = gauge(
    "redis_aof_enabled",
    "1 when the append-only file is on.",
    unit=Unit.BOOLEAN,
    owner=OWNER,
    requirements=("M-REDIS-PERSIST",),
)
aof_ok = gauge(
    "redis_aof_last_write_status",
    "1 when the last write to the append-only file succeeded.",
    unit=Unit.BOOLEAN,
    owner=OWNER,
)
replicas = gauge("redis_connected_slaves", "Connected replicas.", unit=Unit.COUNT, owner=OWNER)
uptime = gauge("redis_uptime_in_seconds", "Time since the start.", unit=Unit.SECONDS, owner=OWNER)

REDIS_METRICS = (
    up,
    memory_used,
    memory_max,
    fragmentation,
    clients,
    clients_max,
    clients_blocked,
    rejected_connections,
    commands,
    command_seconds,
    commands_processed,
    hits,
    misses,
    keys,
    keys_expiring,
    evicted,
    expired,
    rdb_ok,
    rdb_changes,
    rdb_saved,
    aof_enabled,
    aof_ok,
    replicas,
    uptime,
)
