"""What happened to the followed chain, on disk: whole blocks, reorganisations, skips, in order.

Each event has a sequence number; each consumer has an offset, the last number that it is done with.
One SQLite file, for whose writes a process that is killed at any moment leaves either all or none.
The store is bounded by blocks and by bytes: a consumer that falls further behind gets a `Skip`.
"""

import sqlite3
import zlib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import orjson
import structlog

from dexwatch.bounded_file import require_own
from dexwatch.evm.block import Block, BlockRef
from dexwatch.evm.record import from_record, to_record
from dexwatch.evm.sequence import ChainEvent, Reorg, Skip

_VERSION = 1
_LEVEL = 1
"""Of zlib: a full block takes 3 ms instead of 12, for a tenth more bytes."""
_PRUNE_EVERY = 64
_PAGES_FREED = 2_000
_SCHEMA = """
create table about (version integer not null, chain_id integer not null);
create table events (
    seq integer primary key autoincrement,
    kind text not null check (kind in ('block', 'reorg', 'skip')),
    number integer not null,
    hash text not null,
    parent text not null,
    status text not null check (status in ('canonical', 'dropped', 'none')),
    payload blob not null
);
create index events_hash on events (hash);
create table consumers (name text primary key, seq integer not null);
"""

_log = structlog.get_logger("dexwatch.blocks")


@dataclass(frozen=True)
class Entry:
    """An event and its place in the sequence: what a consumer may be given twice has one number."""

    seq: int
    event: ChainEvent


class BlockStore:
    """The file; every call blocks, so that it is used from one thread of its own.

    Raises:
        sqlite3.Error: by every method, when the disk fails or is full.
    """

    def __init__(
        self, path: Path | None, *, chain_id: int, max_blocks: int, max_bytes: int
    ) -> None:
        self._max_blocks = max_blocks
        self._max_bytes = max_bytes
        self._appended = 0
        self._database = _open(path, chain_id)

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def begin_at(self, seq: int) -> None:
        """Let the next event of an empty store follow this number."""
        with self._database as database:
            database.execute("insert into sqlite_sequence values ('events', ?)", (seq,))

    def append(self, events: Sequence[ChainEvent]) -> list[Entry]:
        """Add events, all or none, and return them with their numbers."""
        found: list[Entry] = []
        with self._database as database:
            for event in events:
                if isinstance(event, Reorg):
                    dropped = [(ref.hash,) for ref in event.blocks]
                    database.executemany(
                        "update events set status = 'dropped' where hash = ?", dropped
                    )
                row = database.execute(
                    "insert into events (kind, number, hash, parent, status, payload)"
                    " values (?, ?, ?, ?, ?, ?)",
                    _row(event),
                )
                found.append(Entry(int(row.lastrowid or 0), event))
        self._appended += len(events)
        if self._appended >= _PRUNE_EVERY:
            self._appended = 0
            self._prune()
        return found

    def read(self, after: int, limit: int) -> list[Entry]:
        """Return the events after a number; what was pruned in between is one `Skip`."""
        rows = self._database.execute(
            "select seq, kind, number, payload from events where seq > ? order by seq limit ?",
            (after, limit),
        ).fetchall()
        found = [Entry(seq, _event(kind, payload)) for seq, kind, _, payload in rows]
        if found and found[0].seq > after + 1:
            first, number = found[0].seq, rows[0][2]
            missed = first - after - 1
            found.insert(0, Entry(first - 1, Skip(max(number - missed, 0), max(number - 1, 0))))
        return found

    def recent(self, count: int) -> tuple[BlockRef, ...]:
        """Return the newest canonical blocks that follow each other, oldest first."""
        found: list[BlockRef] = []
        rows = self._database.execute(
            "select number, hash, parent from events where kind = 'block' and status = 'canonical'"
            " order by seq desc limit ?",
            (count,),
        )
        for number, block_hash, parent in rows:
            if found and found[-1].parent != block_hash:
                break
            found.append(BlockRef(number, block_hash, parent))
        return tuple(reversed(found))

    def newest_ms(self) -> int:
        """Return the time of the newest canonical block in Unix milliseconds, 0 without one."""
        row = self._database.execute(
            "select kind, payload from events where kind = 'block' and status = 'canonical'"
            " order by seq desc limit 1"
        ).fetchone()
        block = None if row is None else _event(*row)
        return block.header.timestamp_ms if isinstance(block, Block) else 0

    def last(self) -> int:
        """Return the number of the newest event, 0 before the first."""
        (found,) = self._database.execute("select coalesce(max(seq), 0) from events").fetchone()
        return int(found)

    def offset(self, consumer: str) -> int | None:
        """Return the last number that a consumer is done with, None for a new consumer."""
        row = self._database.execute(
            "select seq from consumers where name = ?", (consumer,)
        ).fetchone()
        return None if row is None else int(row[0])

    def commit(self, consumer: str, seq: int) -> None:
        """Note that a consumer is done with all events up to this number."""
        with self._database as database:
            database.execute(
                "insert into consumers (name, seq) values (?, ?)"
                " on conflict (name) do update set seq = excluded.seq",
                (consumer, seq),
            )

    def _prune(self) -> None:
        with self._database as database:
            database.execute(
                "delete from events where seq <= (select max(seq) from events) - ?",
                (self._max_blocks,),
            )
            (size,) = database.execute("select sum(length(payload)) from events").fetchone()
            if size and size > self._max_bytes:
                # A quarter at once, so that a store at its bound is not pruned at every block.
                database.execute(
                    "delete from events where seq in (select seq from events order by seq"
                    " limit (select count(*) / 4 from events))"
                )
        # `execute` would take one step of it, which frees one page. More than so many pages at a
        # time would keep blocks waiting.
        self._database.executescript(f"pragma incremental_vacuum({_PAGES_FREED})")


def _open(path: Path | None, chain_id: int) -> sqlite3.Connection:
    if path is None:
        return _connect(None, chain_id)
    path.parent.mkdir(parents=True, exist_ok=True)
    for end in ("", "-wal", "-shm", "-journal"):
        require_own(path.with_name(path.name + end))
    try:
        return _connect(path, chain_id)
    except (sqlite3.DatabaseError, ValueError) as error:
        if isinstance(error, sqlite3.OperationalError):
            raise
        _log.error("the block store cannot be used; beginning anew", reason=str(error))
        for name in (path, *(path.with_name(path.name + end) for end in ("-wal", "-shm"))):
            with suppress(FileNotFoundError):
                name.replace(name.with_name(name.name + ".unusable"))
        return _connect(path, chain_id)


def _connect(path: Path | None, chain_id: int) -> sqlite3.Connection:
    database = sqlite3.connect(path or ":memory:", timeout=5.0, check_same_thread=False)
    try:
        database.execute("pragma auto_vacuum = incremental")
        database.execute("pragma journal_mode = wal")
        # Safe against a killed process; a power cut may take the last blocks, which are read anew.
        database.execute("pragma synchronous = normal")
        if not database.execute("select 1 from sqlite_master where name = 'about'").fetchone():
            database.executescript(_SCHEMA)
            with database:
                database.execute("insert into about values (?, ?)", (_VERSION, chain_id))
        found = database.execute("select version, chain_id from about").fetchone()
    except BaseException:
        database.close()
        raise
    if found != (_VERSION, chain_id):
        database.close()
        raise ValueError("it is of another chain or version")
    return database


def _row(event: ChainEvent) -> tuple[str, int, str, str, str, bytes]:
    if isinstance(event, Block):
        ref = event.ref
        payload = zlib.compress(orjson.dumps(to_record(event)), _LEVEL)
        return "block", ref.number, ref.hash, ref.parent, "canonical", payload
    if isinstance(event, Reorg):
        dropped = [[ref.number, ref.hash, ref.parent] for ref in event.blocks]
        return (
            "reorg",
            event.blocks[-1].number,
            "",
            "",
            "none",
            orjson.dumps([event.cause, dropped]),
        )
    return "skip", event.first, "", "", "none", orjson.dumps([event.first, event.last])


def _event(kind: str, payload: bytes) -> ChainEvent:
    if kind == "block":
        return from_record(orjson.loads(zlib.decompress(payload)))
    record = orjson.loads(payload)
    if kind == "reorg":
        cause, dropped = record
        return Reorg(tuple(BlockRef(*ref) for ref in dropped), cause)
    return Skip(*record)
