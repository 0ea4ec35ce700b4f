"""What the job reads before it decides (contract assessment-aggregator 3, 4, 7). Each distinct key once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from lern_pipeline.errors import ConfigurationError
from lern_pipeline.jobs.assessment_aggregator.aggregates import ACTIVITY_TYPE, context_id, stored_score
from lern_pipeline.jobs.assessment_aggregator.answers import Question
from lern_pipeline.jobs.assessment_aggregator.assessment_event import AggregateKey, AssessmentEvent, Attempt, Refusal
from lern_pipeline.jobs.assessment_aggregator.attempts import AttemptRow, Comparison, compare
from lern_pipeline.jobs.assessment_aggregator.total_questions import cached_total
from lern_pipeline.microbatch.job import Event, Failure
from lern_pipeline.microbatch.service_readers import ContentAnswer, ContentUnusable
from lern_pipeline.microbatch.services import Readers
from lern_pipeline.microbatch.stores import WrongType
from lern_pipeline.settings import JobSettings

# Leaf nodes and contents are looked up here, although the leaf nodes are written to `redis` (D9).
SERVER = "redis-meta"


@dataclass(slots=True)
class AssessmentState:
    """Everything read for one micro-batch.

    ``cached_totals`` and ``contents``: only where questions are counted, the latter only where the cache does not
    tell. ``attempts``: all attempts of each aggregate key that some event may change. ``aggregates``: only of keys
    with an event that is stored already. ``course_is_partition_key``: the table cannot hold an empty course id (D23).
    """

    leaf_nodes: dict[str, frozenset[str] | WrongType] = field(default_factory=dict)
    cached_totals: dict[str, int | Failure] = field(default_factory=dict)
    contents: dict[str, ContentAnswer | ContentUnusable] = field(default_factory=dict)
    attempts: dict[AggregateKey, dict[tuple[str, str], AttemptRow]] = field(default_factory=dict)
    aggregates: dict[AggregateKey, Mapping[str, float]] = field(default_factory=dict)
    course_is_partition_key: bool = False
    question_fields: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def read_state(
    events: Sequence[Event[AssessmentEvent]], readers: Readers, settings: JobSettings, counted: frozenset[str]
) -> AssessmentState:
    """Leaf nodes; then, of contents that belong to their course, totals, attempts and aggregates."""
    state = AssessmentState(warnings=_warnings(settings))
    if not events:
        return state
    _read_leaf_nodes(state, events, readers, settings)
    usable = [event.work for event in events if belongs(event.work, state.leaf_nodes[event.work.course_id]) is True]
    if settings.flag("assessment.skip.missingRecords"):
        _read_totals(state, usable, readers, settings)
    table = attempts_table(settings)
    if any(not work.course_id for work in usable):
        state.course_is_partition_key = readers.rows.partition_key(table) == ("course_id",)
    _read_attempts(state, usable, readers, settings)
    if any(isinstance(work.asks_for, Attempt) for work in usable):
        state.question_fields = _question_fields(readers, settings)
    _read_aggregates(state, usable, readers, settings)
    return state


def belongs(work: AssessmentEvent, leaf_nodes: frozenset[str] | WrongType) -> bool | None:
    """Whether the content belongs to its course: unknown courses take any content (D10). None: cannot be told."""
    if isinstance(leaf_nodes, WrongType):
        return None
    return not leaf_nodes or work.content_id in leaf_nodes


def attempts_table(settings: JobSettings) -> str:
    return f"{settings.text('lms-cassandra.keyspace')}.{settings.text('lms-cassandra.table')}"


def aggregates_table(settings: JobSettings) -> str:
    return f"{settings.text('lms-cassandra.keyspace')}.{settings.text('lms-cassandra.activityytable')}"


def _question_fields(readers: Readers, settings: JobSettings) -> tuple[str, ...]:
    """The question type's fields in this installation's order: values are written by it."""
    keyspace, name = settings.text("lms-cassandra.keyspace"), settings.text("lms-cassandra.questionudttype")
    fields = readers.rows.type_fields(keyspace, name)
    missing = sorted(set(Question._fields).difference(fields))
    if missing:
        raise ConfigurationError(
            f"the type {keyspace}.{name} has no field {', '.join(missing)}: check lms-cassandra.questionudttype"
        )
    return fields


def _warnings(settings: JobSettings) -> tuple[str, ...]:
    written, read = settings.address("redis"), settings.address(SERVER)
    if written == read:
        return ()
    return (
        f"leaf nodes are read from {SERVER} ({read[0]}:{read[1]}) but written to redis ({written[0]}:{written[1]}): "
        "unless one is a copy of the other, every content is accepted for every course",
    )


def _read_leaf_nodes(
    state: AssessmentState, events: Iterable[Event[AssessmentEvent]], readers: Readers, settings: JobSettings
) -> None:
    keys = {f"{course_id}:{course_id}:leafnodes": course_id for course_id in {e.work.course_id for e in events}}
    found = readers.caches.members(SERVER, settings.integer("redis.database.relationCache.id"), keys)
    state.leaf_nodes = {keys[key]: members for key, members in found.items()}


def _read_totals(
    state: AssessmentState, usable: Sequence[AssessmentEvent], readers: Readers, settings: JobSettings
) -> None:
    wanted = dict.fromkeys(work.content_id for work in usable if work.unique_questions is not None)
    found = readers.caches.texts(SERVER, settings.integer("redis.database.contentCache.id"), wanted)
    state.cached_totals = {content_id: cached_total(text) for content_id, text in found.items()}
    missing = [content_id for content_id, total in state.cached_totals.items() if total == 0]
    if missing:
        state.contents = readers.contents.read_contents(missing)


def _read_attempts(
    state: AssessmentState, usable: Sequence[AssessmentEvent], readers: Readers, settings: JobSettings
) -> None:
    state.attempts = {
        work.asks_for.aggregate: {}
        for work in usable
        if not isinstance(work.asks_for, Refusal) and (work.course_id or not state.course_is_partition_key)
    }
    rows = readers.rows.select(
        attempts_table(settings),
        (
            "user_id",
            "course_id",
            "batch_id",
            "content_id",
            "attempt_id",
            "last_attempted_on",
            "created_on",
            "total_score",
            "total_max_score",
        ),
        # Both key layouts can be asked so (3.2).
        equal=("course_id", "batch_id"),
        within="user_id",
        keys=[(key.course_id, key.batch_id, key.user_id) for key in state.attempts],
        times=("last_attempted_on", "created_on"),
    )
    for user_id, course_id, batch_id, content_id, attempt_id, last_attempted_on, created_on, score, max_score in rows:
        state.attempts[AggregateKey(user_id, course_id, batch_id)][content_id, attempt_id] = AttemptRow(
            last_attempted_on, created_on, stored_score(score), stored_score(max_score)
        )


def _read_aggregates(
    state: AssessmentState, usable: Sequence[AssessmentEvent], readers: Readers, settings: JobSettings
) -> None:
    """What stage 2 has left of attempts that are stored already."""
    keys = {}
    for work in usable:
        attempt = work.asks_for
        if isinstance(attempt, Attempt) and attempt.aggregate in state.attempts:
            row = state.attempts[attempt.aggregate].get((work.content_id, attempt.attempt_id))
            if compare(attempt.assessment_ts, row) is Comparison.EQUAL:
                key = attempt.aggregate
                keys[ACTIVITY_TYPE, key.course_id, context_id(key.batch_id), key.user_id] = key
    rows = readers.rows.select(
        aggregates_table(settings),
        ("activity_type", "activity_id", "context_id", "user_id", "aggregates"),
        equal=("activity_type", "activity_id", "context_id"),
        within="user_id",
        keys=keys,
    )
    for *key_columns, found in rows:
        state.aggregates[keys[tuple(key_columns)]] = found or {}
