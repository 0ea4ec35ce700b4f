"""Everything a micro-batch will change, as data: absolute values, final ids and times.

The plan is stored before the first write. After a crash the stored plan is carried out, not computed again; that,
and absolute values, is what makes a batch safe to repeat (design 1, contract activity-aggregate-updater 10).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any, Literal

import msgspec

from lern_pipeline.events.failed_headers import ORIGINAL


class RowWrites(msgspec.Struct):
    """Upserts of one shape into one table.

    A row is ``[*key values, *set values, *put values, timestamp]``. ``set`` columns get the value as a whole
    (collections are replaced); ``put`` columns are maps whose given entries are added or overwritten, all others
    stay. ``timestamp`` is the write time in epoch microseconds: a late retry never overwrites newer data.
    Times inside values are epoch milliseconds. ``insert``: the row is there afterwards even without any column
    (a CQL INSERT leaves a row marker, an UPDATE does not); such writes have no ``put`` columns.
    """

    table: str
    key: tuple[str, ...]
    set: tuple[str, ...] = ()
    put: tuple[str, ...] = ()
    rows: list[list[Any]] = []
    insert: bool = False

    def key_of(self, row: list[Any]) -> tuple[Any, ...]:
        return tuple(row[: len(self.key)])

    @property
    def shape(self) -> tuple[str, tuple[str, ...], tuple[str, ...], tuple[str, ...], bool]:
        """What makes two writes the same statement."""
        return self.table, self.key, self.set, self.put, self.insert


class ReplaceSet(msgspec.Struct, tag="replace_set", array_like=True):
    """The set under ``key`` becomes exactly ``members`` (not empty); type and expiry of an old key go."""

    key: str
    members: tuple[str, ...]


class SetText(msgspec.Struct, tag="set_text", array_like=True):
    """The string under ``key`` becomes ``value``; ``expiry`` in seconds, None for ever."""

    key: str
    value: str
    expiry: int | None = None


class DeleteKey(msgspec.Struct, tag="delete_key", array_like=True):
    """``key`` goes."""

    key: str


class UpdateHash(msgspec.Struct, tag="update_hash", array_like=True):
    """Of the hash under ``key``, ``removed`` fields go and ``fields`` get their values; all others stay."""

    key: str
    removed: tuple[str, ...]
    fields: dict[str, str]


CacheChange = ReplaceSet | SetText | DeleteKey | UpdateHash


class CacheWrites(msgspec.Struct):
    """Changes in one Redis database, in order. ``server`` is the setting prefix (``redis``, ``dp-redis``, …).

    Each inner list is one transaction: a reader sees all of it or nothing.
    """

    server: str
    database: int
    transactions: list[list[CacheChange]] = []


class DocumentUpdate(msgspec.Struct):
    """One update in MongoDB: every document whose ``member`` holds one of ``values`` gets ``change``.

    ``where``: a further filter; ``array_filters``: as MongoDB names elements (``$[name]``). ``insert``: one document,
    made where there is none (an upsert of one value). Values stand in MongoDB's extended JSON, an ObjectId is
    ``{"$oid": …}``. Repeating an update must change nothing.
    """

    member: str
    values: list[Any]
    change: dict[str, Any]
    where: dict[str, Any] = {}
    array_filters: list[dict[str, Any]] = []
    insert: bool = False


class DocumentUpdates(msgspec.Struct):
    """Updates of one collection, in order. ``server`` is the setting prefix (``ml-mongo``).

    ``events``: by value, the events that asked for it. Where MongoDB refuses an update for one of these values, the
    updates of the others are made all the same and those events fail. A refusal for any other value fails the batch.
    """

    server: str
    collection: str
    updates: list[DocumentUpdate] = []
    events: dict[str, list[tuple[int, int]]] = {}


class Message(msgspec.Struct, array_like=True):
    """A message to publish. ``id`` is the same whenever the batch makes this message again.

    ``stand_in``: the value to publish, without the original's bytes, where the topic finds the message too large.
    """

    id: str
    topic: str
    value: bytes
    key: bytes | None = None
    headers: list[tuple[str, bytes]] = []
    stand_in: bytes | None = None

    @property
    def size(self) -> int:
        """Bytes of all that is sent, before compression."""
        return len(self.value) + len(self.key or b"") + sum(len(name) + len(value) for name, value in self.headers)

    def smaller(self) -> Message | None:
        """The message that stands in for this one; None if there is none."""
        if self.stand_in is None:
            return None
        headers = [header for header in self.headers if header[0] != ORIGINAL]
        return Message(self.id, self.topic, self.stand_in, self.key, headers)


class Account(msgspec.Struct):
    """What became of every event: consumed = processed + skipped + failed."""

    consumed: int = 0
    processed: int = 0
    skipped: dict[str, int] = {}
    failed: dict[str, int] = {}

    @property
    def skipped_total(self) -> int:
        return sum(self.skipped.values())

    @property
    def failed_total(self) -> int:
        return sum(self.failed.values())

    @property
    def balances(self) -> bool:
        return self.consumed == self.processed + self.skipped_total + self.failed_total


class Effect(msgspec.Struct):
    """One call outside that cannot be taken back, or whose answer the rules need to go on.

    ``key`` is the same whenever this effect is wanted again, by this batch or a later one; it holds no personal data.
    ``kind`` names who of the job's performers carries it out, ``payload`` is what that needs. ``once``: behind the
    ledger; without it the effect may be repeated at will (it is a question, or repeating it changes nothing).
    ``what`` and ``to_whom`` (masked) tell an operator of it.
    """

    key: str
    kind: str
    payload: dict[str, Any] = {}
    once: bool = True
    what: str = ""
    to_whom: str = ""


Status = Literal["done", "failed", "unknown", "owed", "dropped"]


class Outcome(msgspec.Struct):
    """What came of an effect.

    ``done`` and ``failed`` are answers; ``unknown``: a crash came between claim and answer, and nobody can tell;
    ``owed``: it did not work and has still to be done: whoever wants the effect again makes it again, and the operator
    is shown it; ``dropped``: an operator decided that it must not be done any more. ``result`` holds what the rules go
    on with, and nothing personal, as the ledger keeps it. ``earlier_batch``: the batch that the outcome is of, where
    that is another one than asks for it now: another event wanted the same effect, or the lane went back.
    """

    status: Status
    result: dict[str, Any] = {}
    reason: str = ""
    code: str = ""
    earlier_batch: str = ""

    @property
    def is_done(self) -> bool:
        return self.status == "done"

    @property
    def is_open(self) -> bool:
        """Whether an operator may still decide."""
        return self.status in ("unknown", "owed")


class Plan(msgspec.Struct):
    """One micro-batch's plan. ``number`` counts from 1: each rerun of an applied batch makes the next one.

    Carried out in this order: ``rows`` (in list order), ``cache``, ``documents``, effects that cannot be taken back
    (design 5), with what follows from their outcomes, ``messages``, ``last`` (what must not exist before the rest does:
    dedup checksums).

    ``effects`` come first of the plan's stages, ``pending`` is what the job's rules need to go on when their outcomes
    are known, ``undecided`` the events that count as processed unless an outcome says otherwise. The plan with all
    outcomes worked in is its conclusion, see :mod:`lern_pipeline.microbatch.conclusion`.

    ``settled``: outcomes that take the place of those in the ledger once the messages are acknowledged.

    ``counted``: the units of work whose counters have moved, in this plan or an earlier one of the batch.
    ``published_before``: ids of messages that earlier plans of the batch have published.
    """

    job: str
    key: str
    number: int
    planned_at_ms: int
    account: Account
    rows: list[RowWrites] = []
    cache: list[CacheWrites] = []
    messages: list[Message] = []
    last: list[CacheWrites] = []
    counted: list[str] = []
    published_before: list[str] = []
    metrics: dict[str, float] = {}
    record_bytes: int = 0
    warnings: list[str] = []
    effects: list[Effect] = []
    pending: dict[str, Any] | None = None
    undecided: list[tuple[int, int]] = []
    attempt: int = 1
    settled: dict[str, Outcome] = {}
    documents: list[DocumentUpdates] = []

    def published(self) -> set[str]:
        """Ids of all messages published once this plan is applied."""
        return {message.id for message in self.messages} | set(self.published_before)

    def unpublished(self) -> list[Message]:
        """Messages that neither an earlier plan nor a stage of this one has published."""
        before = set(self.published_before)
        return [message for message in self.messages if message.id not in before]

    def rows_by_table(self) -> Counter[str]:
        counts: Counter[str] = Counter()
        for writes in self.rows:
            counts[writes.table] += len(writes.rows)
        return counts

    def keys_by_store(self) -> Counter[str]:
        counts: Counter[str] = Counter()
        for writes in self.all_cache_writes():
            counts[f"{writes.server}/{writes.database}"] += sum(map(len, writes.transactions))
        return counts

    def messages_by_topic(self) -> Counter[str]:
        return Counter(message.topic for message in self.messages)

    def all_cache_writes(self) -> Iterator[CacheWrites]:
        yield from self.cache
        yield from self.last
