"""Named doubles of what a micro-batch talks to, with the semantics that matter: write times, types, offsets.

Every double writes what it did into one journal, so that a test can see the order across stores.
"""

from __future__ import annotations

import fnmatch
import hashlib
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from lern_pipeline.events.record import Record
from lern_pipeline.microbatch.account_reads import AccountRead, NoAccount
from lern_pipeline.microbatch.channels import Channels, Mail, NotSent, Push, Sent, Sms
from lern_pipeline.microbatch.effects import LedgerEntry, Outcome, Unfinished
from lern_pipeline.microbatch.key import MicroBatchKey, OffsetRange
from lern_pipeline.microbatch.login_accounts import Account, AccountNotRead, AccountNotRemoved, AccountRemoved, Removal
from lern_pipeline.microbatch.own_table import OwnTable
from lern_pipeline.microbatch.plan import (
    CacheWrites,
    DeleteKey,
    Effect,
    Message,
    Plan,
    ReplaceSet,
    RowWrites,
    UpdateHash,
)
from lern_pipeline.microbatch.service_readers import (
    ContentAnswer,
    ContentUnusable,
    NotRead,
    StatusFound,
    StatusUnknown,
    TypeUnknown,
    UserBlocked,
    UserProfile,
)
from lern_pipeline.microbatch.services import RecordsExpired, Services
from lern_pipeline.microbatch.store import BatchStore
from lern_pipeline.microbatch.stores import HashChanges, WrongType
from lern_pipeline.microbatch.user_directory import AccountBlocked, NoAnswer, ProfileRead
from lern_pipeline_tests.microbatch.batch_ownership_doubles import InMemoryBatchOwnership
from lern_pipeline_tests.microbatch.certificate_doubles import InMemoryCertificates
from lern_pipeline_tests.microbatch.documents_in_memory import InMemoryDocuments

Row = dict[str, Any]
Journal = list[str]


class InMemoryRows:
    """Cassandra's upserts: per cell, and per entry of a map that is added to, the newest write time wins."""

    def __init__(self, journal: Journal | None = None, keyspaces: Iterable[str] = ()) -> None:
        self.journal: Journal = [] if journal is None else journal
        self.keyspaces = set(keyspaces)
        self.written: list[RowWrites] = []
        self.selects: Counter[str] = Counter()
        self.scans: Counter[str] = Counter()
        self.tables: dict[str, OwnTable] = {}
        self.partition_keys: dict[str, tuple[str, ...]] = {}
        self.primary_keys: dict[str, tuple[str, ...]] = {}
        self.types: dict[str, tuple[str, ...]] = {}
        self.columns: dict[str, dict[str, str]] = {}
        self._cells: dict[str, dict[frozenset[tuple[str, Any]], dict[Any, tuple[int, Any]]]] = {}

    def give(self, table: str, key: Mapping[str, Any], columns: Mapping[str, Any]) -> None:
        """A row that was there before; every later write is newer."""
        for column, value in columns.items():
            self._set(table, key, column, value, 0)

    def row(self, table: str, key: Mapping[str, Any]) -> Row | None:
        return next((row for row in self.rows(table) if all(row.get(c) == v for c, v in key.items())), None)

    def rows(self, table: str) -> list[Row]:
        """Rows as a reader sees them, key columns included."""
        found = []
        for key, cells in self._cells.get(table, {}).items():
            row: Row = dict(key)
            for at, (_, value) in cells.items():
                if isinstance(at, tuple):
                    row.setdefault(at[0], {})[at[1]] = value
                else:
                    row[at] = value
            found.append(row)
        return sorted(found, key=repr)

    def state(self, without: frozenset[str] = frozenset()) -> dict[str, list[Row]]:
        """All tables, to compare; ``without`` leaves columns out."""
        return {
            table: [{c: v for c, v in row.items() if c not in without} for row in self.rows(table)]
            for table in sorted(self._cells)
        }

    def has_keyspace(self, keyspace: str) -> bool:
        return keyspace in self.keyspaces

    def select(
        self,
        table: str,
        columns: Sequence[str],
        equal: Sequence[str],
        within: str,
        keys: Iterable[tuple[Any, ...]],
        group_size: int | None = None,
        times: Sequence[str] = (),
    ) -> list[tuple[Any, ...]]:
        wanted = set(keys)
        self.selects[table] += len(wanted)
        return [
            tuple(row.get(column) for column in columns)
            for row in self.rows(table)
            if tuple(row[column] for column in (*equal, within)) in wanted
        ]

    def select_rows(
        self,
        table: str,
        equal: Sequence[str],
        within: str,
        keys: Iterable[tuple[Any, ...]],
        group_size: int | None = None,
        columns: Sequence[str] | None = None,
    ) -> list[Row]:
        wanted = set(keys)
        self.selects[table] += len(wanted)
        found = [row for row in self.rows(table) if tuple(row[column] for column in (*equal, within)) in wanted]
        return [
            {name: value for name, value in row.items() if value is not None and (columns is None or name in columns)}
            for row in found
        ]

    def column_types(self, table: str) -> dict[str, str]:
        return self.columns[table]

    def select_each(
        self, table: str, columns: Sequence[str], column: str, values: Iterable[str]
    ) -> list[tuple[Any, ...]]:
        wanted = set(values)
        self.selects[table] += len(wanted)
        return [tuple(row.get(name) for name in columns) for row in self.rows(table) if row.get(column) in wanted]

    def scan(
        self,
        table: str,
        columns: Sequence[str],
        partition: str,
        equal: Mapping[str, Any],
        tokens: tuple[int, int] | None = None,
    ) -> Iterator[list[tuple[Any, ...]]]:
        self.scans[table] += 1
        for row in self.rows(table):
            if tokens is not None and not tokens[0] <= self.tokens([row[partition]])[0] <= tokens[1]:
                continue
            if all(row[column] == wanted for column, wanted in equal.items()):
                yield [tuple(row.get(column) for column in columns)]

    def tokens(self, keys: Iterable[str]) -> list[int]:
        return [int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest(), signed=True) for key in keys]

    def ensure_table(self, table: OwnTable) -> None:
        self.tables.setdefault(table.full_name, table)

    def partition_key(self, table: str) -> tuple[str, ...]:
        return self.partition_keys[table]

    def primary_key(self, table: str) -> tuple[str, ...]:
        return self.primary_keys[table]

    def type_fields(self, keyspace: str, type_name: str) -> tuple[str, ...]:
        return self.types[f"{keyspace}.{type_name}"]

    def apply(self, writes: RowWrites) -> None:
        self.journal.append(f"rows {writes.table}")
        self.written.append(writes)
        for values in writes.rows:
            *values_, time = values
            named = dict(zip((*writes.key, *writes.set, *writes.put), values_, strict=True))
            key = {column: named[column] for column in writes.key}
            if writes.insert:
                self._cells.setdefault(writes.table, {}).setdefault(frozenset(key.items()), {})
            for column in writes.set:
                self._set(writes.table, key, column, named[column], time)
            for column in writes.put:
                for entry, value in named[column].items():
                    self._set(writes.table, key, (column, entry), value, time)

    def update_if_exists(self, table: str, key: Mapping[str, Any], values: Mapping[str, Any]) -> bool:
        self.journal.append(f"update {table} {dict(values)}")
        cells = self._cells.get(table, {}).get(frozenset(key.items()))
        if cells is None:
            return False
        for column, value in values.items():
            cells[column] = (time.time_ns(), value)
        return True

    def delete_if_exists(self, table: str, key: Mapping[str, Any]) -> bool:
        self.journal.append(f"delete {table}")
        return self._cells.get(table, {}).pop(frozenset(key.items()), None) is not None

    def delete_if_holds(self, table: str, key: Mapping[str, Any], values: Mapping[str, Any]) -> bool:
        # No walk through the table: other threads delete from it.
        cells = self._cells.get(table, {}).get(frozenset(key.items()))
        if cells is None or any(cells.get(column, (0, None))[1] != value for column, value in values.items()):
            return False
        return self.delete_if_exists(table, key)

    def close(self) -> None:
        """Nothing was opened."""

    def _set(self, table: str, key: Mapping[str, Any], at: Any, value: Any, time: int) -> None:
        if isinstance(value, dict) and time == 0 and not isinstance(at, tuple):
            # A given map is made of entries, so that it can be added to; what is frozen inside it is one value.
            for entry, member in value.items():
                self._set(table, key, (at, entry), member, 0)
            return
        cells = self._cells.setdefault(table, {}).setdefault(frozenset(key.items()), {})
        if at not in cells or cells[at][0] <= time:
            if not isinstance(at, tuple):
                for entry in [other for other in cells if isinstance(other, tuple) and other[0] == at]:
                    del cells[entry]
            cells[at] = (time, value)


class InMemoryCaches:
    """Redis databases of all servers: sets and strings; reading a string as a set finds nothing."""

    def __init__(self, journal: Journal | None = None) -> None:
        self.journal: Journal = [] if journal is None else journal
        self.databases: dict[tuple[str, int], dict[str, frozenset[str] | str | dict[str, str]]] = {}
        self.expiries: dict[str, int | None] = {}
        self.reads: Counter[str] = Counter()

    def database(self, server: str, database: int) -> dict[str, frozenset[str] | str | dict[str, str]]:
        return self.databases.setdefault((server, database), {})

    def sets(self, server: str, database: int, keys: Iterable[str]) -> dict[str, frozenset[str]]:
        found = self.members(server, database, keys)
        return {key: frozenset() if members is WrongType.WRONG_TYPE else members for key, members in found.items()}

    def members(self, server: str, database: int, keys: Iterable[str]) -> dict[str, frozenset[str] | WrongType]:
        there = self.database(server, database)
        asked = list(dict.fromkeys(keys))
        self.reads.update(asked)
        found = {key: there.get(key, frozenset()) for key in asked}
        return {key: value if isinstance(value, frozenset) else WrongType.WRONG_TYPE for key, value in found.items()}

    def texts(self, server: str, database: int, keys: Iterable[str]) -> dict[str, str | WrongType | None]:
        there = self.database(server, database)
        asked = list(dict.fromkeys(keys))
        self.reads.update(asked)
        found = {key: there.get(key) for key in asked}
        return {
            key: WrongType.WRONG_TYPE if isinstance(value, frozenset | dict) else value for key, value in found.items()
        }

    def hashes(self, server: str, database: int, keys: Iterable[str]) -> dict[str, dict[str, str] | WrongType]:
        there = self.database(server, database)
        asked = list(dict.fromkeys(keys))
        self.reads.update(asked)
        found = {key: there.get(key, {}) for key in asked}
        return {key: dict(v) if isinstance(v, dict) else WrongType.WRONG_TYPE for key, v in found.items()}

    def existing(self, server: str, database: int, keys: Iterable[str]) -> set[str]:
        return set(keys) & self.database(server, database).keys()

    def change_hashes(self, server: str, database: int, keys: Sequence[str], changes: HashChanges) -> None:
        there = self.database(server, database)
        while True:
            before = {key: there.get(key) for key in keys}
            planned = changes(self.hashes(server, database, keys))
            if {key: there.get(key) for key in keys} == before:
                self.apply(CacheWrites(server, database, [list(planned)] if planned else []))
                return

    def keys(self, server: str, database: int, pattern: str, count: int) -> Iterator[list[str]]:
        yield sorted(fnmatch.filter(self.database(server, database), pattern))

    def random_keys(self, server: str, database: int, count: int) -> set[str]:
        return set(sorted(self.database(server, database))[:count])

    def hash_fields(
        self, server: str, database: int, keys: Iterable[str], fields: Sequence[str]
    ) -> dict[str, tuple[str | None, ...]]:
        found = self.hashes(server, database, keys)
        return {key: tuple(map(v.get, fields)) for key, v in found.items() if not isinstance(v, WrongType)}

    def apply(self, writes: CacheWrites) -> None:
        there = self.database(writes.server, writes.database)
        for transaction in writes.transactions:
            self.journal.append(f"cache {writes.server}/{writes.database}")
            for change in transaction:
                if isinstance(change, DeleteKey):
                    there.pop(change.key, None)
                elif isinstance(change, ReplaceSet):
                    there[change.key] = frozenset(change.members)
                elif isinstance(change, UpdateHash):
                    before = there.get(change.key, {})
                    assert isinstance(before, dict), "WRONGTYPE"
                    kept = {name: value for name, value in before.items() if name not in change.removed}
                    there[change.key] = kept | change.fields
                else:
                    there[change.key] = change.value
                    self.expiries[change.key] = change.expiry

    def close(self) -> None:
        """Nothing was opened."""


class InMemoryDirectory:
    """The user and framework services: what they say, and what they were asked for."""

    def __init__(self) -> None:
        self.profiles: dict[str, ProfileRead | AccountBlocked | NoAnswer] = {}
        self.categories: dict[str, tuple[str, ...] | NoAnswer] = {}
        self.asked: list[str] = []

    def read_profiles(self, user_ids: Iterable[str]) -> dict[str, ProfileRead | AccountBlocked | NoAnswer]:
        wanted = sorted(set(user_ids))
        self.asked += wanted
        return {user: self.profiles.get(user, NoAnswer("user-read: RESOURCE_NOT_FOUND")) for user in wanted}

    def framework_categories(self, framework_ids: Iterable[str]) -> dict[str, tuple[str, ...] | NoAnswer]:
        wanted = sorted(set(framework_ids))
        self.asked += wanted
        return {framework: self.categories.get(framework, ()) for framework in wanted}

    def close(self) -> None:
        """Nothing was opened."""


class InMemoryCollections:
    """The search service: what it says of each collection, and what it was asked for."""

    def __init__(self, answers: Mapping[str, StatusFound | StatusUnknown] | None = None) -> None:
        self.answers = dict(answers or {})
        self.asked: list[str] = []

    def collection_statuses(self, collection_ids: Iterable[str]) -> dict[str, StatusFound | StatusUnknown]:
        wanted = sorted(set(collection_ids))
        self.asked += wanted
        unknown = StatusUnknown("search service knows no such collection")
        return {collection_id: self.answers.get(collection_id, unknown) for collection_id in wanted}

    def close(self) -> None:
        """Nothing was opened."""


class InMemoryContents:
    """The content service: what it says of each content, and what it was asked for."""

    def __init__(self) -> None:
        self.answers: dict[str, ContentAnswer | ContentUnusable] = {}
        self.types: dict[str, str | TypeUnknown] = {}
        self.names: dict[str, str | NotRead] = {}
        self.asked: list[str] = []

    def read_contents(self, content_ids: Iterable[str]) -> dict[str, ContentAnswer | ContentUnusable]:
        wanted = sorted(set(content_ids))
        self.asked += wanted
        unknown = ContentAnswer(False, "RESOURCE_NOT_FOUND", None)
        return {content_id: self.answers.get(content_id, unknown) for content_id in wanted}

    def content_types(self, content_ids: Iterable[str]) -> dict[str, str | TypeUnknown]:
        wanted = sorted(set(content_ids))
        self.asked += wanted
        unknown = TypeUnknown(is_outage=False)
        return {content_id: self.types.get(content_id, unknown) for content_id in wanted}

    def collection_names(self, collection_ids: Iterable[str]) -> dict[str, str | NotRead]:
        wanted = sorted(set(collection_ids))
        self.asked += wanted
        return {id_: self.names.get(id_, NotRead(f"http://content/read/{id_}", "answered 404")) for id_ in wanted}

    def close(self) -> None:
        """Nothing was opened."""


class InMemoryUsers:
    """The user service: profiles, or what stands in their place, by user; what it was asked for."""

    def __init__(self) -> None:
        self.answers: dict[str, Mapping[str, Any] | UserBlocked | NotRead] = {}
        self.asked: list[str] = []

    def read_users(
        self, user_ids: Iterable[str], members: Collection[str]
    ) -> dict[str, UserProfile | UserBlocked | NotRead]:
        wanted = sorted(set(user_ids))
        self.asked += wanted
        return {user_id: self._read(user_id, members) for user_id in wanted}

    def _read(self, user_id: str, members: Collection[str]) -> UserProfile | UserBlocked | NotRead:
        found = self.answers.get(user_id, NotRead(f"http://user/read/{user_id}", "answered 404"))
        if isinstance(found, (UserBlocked, NotRead)):
            return found
        return UserProfile({name: value for name, value in found.items() if name in members}, not found)

    def close(self) -> None:
        """Nothing was opened."""


class InMemoryAccounts:
    """What the user service says of users who are to be deleted, and who was asked for."""

    def __init__(self) -> None:
        self.answers: dict[str, AccountRead] = {}
        self.asked: list[str] = []

    def read_accounts(self, user_ids: Iterable[str]) -> dict[str, AccountRead]:
        wanted = sorted(set(user_ids))
        self.asked += wanted
        return {user_id: self.answers.get(user_id, NoAccount()) for user_id in wanted}

    def close(self) -> None:
        """Nothing was opened."""


class InMemoryLogins:
    """Keycloak's accounts by user. ``trouble``: why a user's account cannot be removed."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self.accounts: set[str] = set()
        self.trouble: dict[str, str] = {}
        self.before: Callable[[str], None] = lambda user_id: None
        self._lock = threading.Lock()

    def remove(self, user_id: str) -> Removal:
        self.before(user_id)
        with self._lock:
            self.journal.append(f"remove account {user_id}")
            if user_id in self.trouble:
                return AccountNotRemoved(self.trouble[user_id])
            how: Literal["removed", "gone"] = "removed" if user_id in self.accounts else "gone"
            self.accounts.discard(user_id)
        return AccountRemoved(how)

    def read(self, user_id: str) -> Account | AccountNotRead:
        if user_id in self.trouble:
            return AccountNotRead(self.trouble[user_id])
        return Account(there=user_id in self.accounts)

    def close(self) -> None:
        """Nothing was opened."""


class InMemoryBroker:
    """One input topic with records by offset, published messages in order, committed positions."""

    def __init__(self, journal: Journal | None = None) -> None:
        self.journal: Journal = [] if journal is None else journal
        self.partitions: dict[int, list[Record]] = {}
        self.log_starts: dict[int, int] = {}
        self.published: list[Message] = []
        self.commits: list[tuple[str, str, dict[int, int]]] = []
        self.commit_warning: str | None = None

    def append(self, value: bytes | None, partition: int = 0, key: bytes | None = None) -> Record:
        records = self.partitions.setdefault(partition, [])
        record = Record(partition, len(records), 1_700_000_000_000 + len(records), key, value)
        records.append(record)
        return record

    def ends(self) -> dict[int, int]:
        return {partition: len(records) for partition, records in self.partitions.items()}

    def read(self, topic: str, key: MicroBatchKey) -> list[Record]:
        self.journal.append("read")
        for range_ in key.ranges:
            if range_.offsets and range_.start < self.log_starts.get(range_.partition, 0):
                raise RecordsExpired(f"Kafka no longer has offset {range_.start} of partition {range_.partition}")
        return [r for range_ in key.ranges for r in self._within(range_)]

    def _within(self, range_: OffsetRange) -> list[Record]:
        return self.partitions.get(range_.partition, [])[range_.start : range_.end]

    def publish(self, messages: Sequence[Message]) -> None:
        self.journal += [f"publish {message.topic}" for message in messages]
        self.published += messages

    def commit(self, topic: str, group: str, positions: Mapping[int, int]) -> str | None:
        self.journal.append("commit")
        self.commits.append((topic, group, dict(positions)))
        return self.commit_warning

    def close(self) -> None:
        """Nothing was opened."""


class JournalledStore(BatchStore):
    """The real store, writing into the journal."""

    def __init__(self, base: str, job: str, journal: Journal) -> None:
        super().__init__(base, job)
        self.journal = journal

    def write_records(self, key: str, records: Sequence[Record]) -> int:
        self.journal.append("archive")
        return super().write_records(key, records)

    def write_plan(self, plan: Plan) -> tuple[Plan, int]:
        self.journal.append(f"plan {plan.number}")
        return super().write_plan(plan)

    def mark_applied(self, plan: Plan) -> None:
        self.journal.append(f"applied {plan.number}")
        super().mark_applied(plan)


class InMemoryLedger:
    """The ledger of effects; ``lines`` is what the operator would see."""

    def __init__(self, journal: Journal | None = None) -> None:
        self.journal: Journal = [] if journal is None else journal
        self.known: dict[tuple[str, str], LedgerEntry] = {}
        self.lines: dict[tuple[str, str], Unfinished] = {}
        self._lock = threading.Lock()

    def entries(self, job: str, keys: list[str]) -> dict[str, LedgerEntry]:
        return {key: self.known[job, key] for key in keys if (job, key) in self.known}

    def claim(self, job: str, effect: Effect, batch: str, now_ms: int) -> bool:
        with self._lock:
            entry = self.known.get((job, effect.key))
            if entry is not None and not entry.released:
                return False
            self.journal.append(f"claim {effect.key}")
            self.known[job, effect.key] = LedgerEntry(now_ms, batch)
            return True

    def record_all(self, job: str, outcomes: Mapping[str, Outcome]) -> None:
        for key, outcome in outcomes.items():
            self.journal.append(f"outcome {key} {outcome.status}")
            self.known[job, key].outcome = outcome

    def give_back(self, job: str, key: str) -> None:
        self.journal.append(f"give back {key}")
        self.known.pop((job, key), None)

    def list_unfinished(self, job: str, effect: Effect, batch: str, since_ms: int) -> None:
        self.lines[job, effect.key] = Unfinished(job, effect.key, effect.what, effect.to_whom, batch, since_ms)

    def strike_off(self, job: str, key: str) -> None:
        self.lines.pop((job, key), None)

    def unfinished(self, job: str) -> list[Unfinished]:
        return [line for (of, _), line in self.lines.items() if of == job]

    def settle(self, job: str, key: str, send: bool) -> bool:
        entry = self.known.get((job, key))
        if entry is None or not entry.is_unfinished:
            return False
        if send:
            entry.released = True
        else:
            entry.outcome = Outcome("dropped")
        self.lines.pop((job, key), None)
        return True

    def close(self) -> None:
        """Nothing was opened."""


class InMemoryChannel:
    """Keeps what was tried and what was sent, in order. ``answer``: what it says to a message."""

    def __init__(self, name: str, journal: Journal) -> None:
        self.name = name
        self.journal = journal
        self.tried: list[Any] = []
        self.sent: list[Any] = []
        self.answer: Callable[[Any], Sent | NotSent] = lambda message: Sent()
        self._lock = threading.Lock()

    def send(self, message: Sms | Mail | Push) -> Sent | NotSent:
        with self._lock:
            self.tried.append(message)
        answer = self.answer(message)
        with self._lock:
            self.journal.append(f"{self.name} {'sent' if isinstance(answer, Sent) else 'refused'}")
            if isinstance(answer, Sent):
                self.sent.append(message)
        return answer

    def close(self) -> None:
        """Nothing was opened."""


class InMemoryChannels:
    """SMS, mail and push."""

    def __init__(self, journal: Journal) -> None:
        self.sms = InMemoryChannel("sms", journal)
        self.mail = InMemoryChannel("mail", journal)
        self.push = InMemoryChannel("push", journal)


@dataclass
class InMemoryWorld:
    """All doubles of one installation, on one journal."""

    journal: Journal = field(default_factory=list)
    rows: InMemoryRows = field(init=False)
    caches: InMemoryCaches = field(init=False)
    collections: InMemoryCollections = field(init=False)
    contents: InMemoryContents = field(init=False)
    users: InMemoryUsers = field(init=False)
    broker: InMemoryBroker = field(init=False)
    ledger: InMemoryLedger = field(init=False)
    channels: InMemoryChannels = field(init=False)
    directory: InMemoryDirectory = field(init=False)
    certificates: InMemoryCertificates = field(init=False)
    documents: InMemoryDocuments = field(init=False)
    ownership: InMemoryBatchOwnership = field(init=False)
    accounts: InMemoryAccounts = field(init=False)
    logins: InMemoryLogins = field(init=False)

    def __post_init__(self) -> None:
        self.rows = InMemoryRows(self.journal)
        self.caches = InMemoryCaches(self.journal)
        self.collections = InMemoryCollections()
        self.contents = InMemoryContents()
        self.users = InMemoryUsers()
        self.broker = InMemoryBroker(self.journal)
        self.ledger = InMemoryLedger(self.journal)
        self.channels = InMemoryChannels(self.journal)
        self.directory = InMemoryDirectory()
        self.certificates = InMemoryCertificates(self.journal)
        self.documents = InMemoryDocuments(self.journal)
        self.ownership = InMemoryBatchOwnership(self.journal)
        self.accounts = InMemoryAccounts()
        self.logins = InMemoryLogins(self.journal)

    @property
    def services(self) -> Services:
        return Services(
            self.rows,
            self.caches,
            self.collections,
            self.contents,
            self.users,
            self.broker,
            self.ledger,
            Channels(self.channels.sms, self.channels.mail, self.channels.push),
            self.directory,
            self.certificates.services,
            self.documents,
            self.ownership.services,
            self.accounts,
            self.logins,
        )
