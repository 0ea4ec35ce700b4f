"""What a job supplies: its names, its event types, the state it reads and its pure rules. All else is the engine's."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from lern_pipeline.events.deterministic_ids import IdMaker
from lern_pipeline.events.record import Position, Record
from lern_pipeline.events.validation import Skip
from lern_pipeline.microbatch.effects import Outcome, Performers, Stage
from lern_pipeline.microbatch.failed_topic import FailedShape
from lern_pipeline.microbatch.plan import Account, CacheWrites, DocumentUpdates, Effect, Message, RowWrites
from lern_pipeline.microbatch.services import Readers, Services
from lern_pipeline.settings import JobSettings

Work = TypeVar("Work")
State = TypeVar("State")


@dataclass(frozen=True, slots=True)
class Event(Generic[Work]):
    """A valid event: its record and what it asks for. Its members are not kept: thousands of them weigh much."""

    record: Record
    work: Work

    @property
    def position(self) -> Position:
        return self.record.position


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an event failed. ``reason`` is counted and shown; it holds no personal data. ``kind``: for a job's own
    shape of failed records, see :attr:`JobSpec.failed_shape`; ``error``: what the failed record says, where that is
    more than what is counted."""

    reason: str
    code: str = "DATA_ERROR"
    kind: str = ""
    error: str | None = None


@dataclass(frozen=True, slots=True)
class FailedPayload:
    """A failed record of the job's own making, in place of the original events' members. ``reason``: as
    :attr:`Failure.reason`."""

    position: Position
    members: dict[str, Any]
    error: str
    code: str = "DATA_ERROR"
    reason: str = ""


@dataclass(slots=True)
class Decision:
    """The outcome of a job's rules for one micro-batch.

    ``skipped`` and ``failed`` name the events that were not processed, by position. A failed event's members go
    to the failed topic, unless it stands in ``failed_without_record``: then a payload in ``failed_payloads``
    already tells of it.

    A job with effects sets ``pending`` to what its :attr:`JobSpec.follow` needs (plain data, it is stored with the
    plan), and may name the first ``effects`` already. What ``follow`` decides in the end says what became of the events
    that are neither skipped nor failed here. ``settled``, of that last decision: outcomes by effect key that the ledger
    keeps instead of the first ones once all messages are acknowledged.
    """

    rows: list[RowWrites] = field(default_factory=list)
    cache: list[CacheWrites] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    last: list[CacheWrites] = field(default_factory=list)
    skipped: dict[Position, str] = field(default_factory=dict)
    failed: dict[Position, Failure] = field(default_factory=dict)
    failed_without_record: set[Position] = field(default_factory=set)
    failed_payloads: list[FailedPayload] = field(default_factory=list)
    counted: list[str] = field(default_factory=list)
    metrics: dict[str, float] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    effects: list[Effect] = field(default_factory=list)
    pending: dict[str, Any] | None = None
    settled: dict[str, Outcome] = field(default_factory=dict)
    documents: list[DocumentUpdates] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Moment:
    """Time, ids and history, handed to the rules so that they need no clock and no random.

    ``counted``: units that an earlier plan of this very batch has counted; empty but for reruns.
    """

    now_ms: int
    write_time_us: int
    ids: IdMaker
    counted: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Store:
    """A table, Redis database, collection, index or mailbox that a job writes, as it is drawn in the lineage.

    ``name`` is its asset key as path; ``table``: the settings that make up what :attr:`RowWrites.table` names
    (keyspace, table); ``cache``: (server, setting of the database index); ``collection``: in MongoDB;
    ``index``: in the search cluster; ``metric``: the job's metric that counts what went there.
    """

    name: tuple[str, ...]
    description: str
    kind: str
    table: tuple[str, str] | None = None
    cache: tuple[str, str] | None = None
    metric: str | None = None
    collection: str | None = None
    index: str | None = None


Follow = Callable[[dict[str, Any], Mapping[str, Outcome], JobSettings, Moment], Stage | Decision]
"""(what the plan left pending, outcomes so far by effect key, settings, moment of the plan) → next stage, or the end.

Called again after each stage with all outcomes so far. Pure: the same outcomes give the same stages, after a crash too.
"""


@dataclass(frozen=True)
class JobSpec(Generic[Work, State]):
    """One job on the engine.

    ``failed_shape``: how failed records look and are keyed where the job's contract has them differ from the
    platform's. ``event_metrics``: metric → which figure of the account it is, by name or as a function; what the
    rules count under the same name is added.
    ``cassandra``: the settings' prefix of the cluster that the job reads and writes.
    ``follow`` and ``performers``: of jobs with effects; the pure rules that go on from outcomes, and who carries
    effects out, by kind (made anew for each batch: what a performer remembers lives that long).
    ``repeatable_effects``: none of them is behind the ledger, so that none can be left unfinished.
    ``personal_data``: its events or plans hold names, addresses or the like, not only ids; what is kept of its batches
    is shredded when one of these users is deleted.
    ``remarks``: what an operator should know of the settings when the job starts, one line each.
    """

    name: str
    description: str
    group: str
    decode: Callable[[bytes | None], dict[str, Any]]
    validate: Callable[[dict[str, Any]], Work | Skip]
    read_state: Callable[[Sequence[Event[Work]], Readers, JobSettings, frozenset[str]], State]
    decide: Callable[[Sequence[Event[Work]], State, JobSettings, Moment], Decision]
    stores: tuple[Store, ...] = ()
    reads_stores: tuple[tuple[str, ...], ...] = ()
    output_topics: Mapping[str, str] = field(default_factory=dict)
    pool: str | None = None
    cassandra: str = "lms-cassandra"
    kinds: frozenset[str] = frozenset()
    owner: str = "team:lern"
    failed_record_name: str | None = None
    failed_shape: FailedShape | None = None
    time_columns: frozenset[str] = frozenset()
    follow: Follow | None = None
    performers: Callable[[Services, JobSettings], Performers] | None = None
    repeatable_effects: bool = False
    personal_data: bool = False
    remarks: Callable[[JobSettings], Sequence[str]] | None = None
    event_metrics: Mapping[str, str | Callable[[Account], int]] = field(default_factory=dict)
    io_metrics: Mapping[str, str] = field(default_factory=dict)

    @property
    def asset_name(self) -> str:
        """Dagster knows the job's asset under its name with underscores."""
        return self.name.replace("-", "_")

    @property
    def job_name_in_records(self) -> str:
        """``jobName`` on failed records."""
        return self.failed_record_name or self.name

    def input_topic(self, settings: JobSettings) -> str:
        return settings.text("kafka.input.topic")

    def failed_topic(self, settings: JobSettings) -> str:
        return settings.text("kafka.output.failed.topic")

    def consumer_group(self, settings: JobSettings) -> str:
        return settings.text("kafka.groupId")
