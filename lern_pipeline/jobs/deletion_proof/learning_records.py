"""Tables of course progress and of programmes, which deletions leave as they are (contract user-deletion-cleanup 1)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from lern_pipeline.jobs.deletion_proof.trace import Trace, counted
from lern_pipeline.microbatch.stores import RowReader
from lern_pipeline.settings import JobSettings

LEARNING_RECORD = "a learning record under the id, without name or address; no contract removes it"
CERTIFICATES = "certificates that were issued stay valid (contract user-deletion-cleanup 1)"
PROGRAMME = "joined programmes under the id, with organisation and place; no contract removes them"

KEYSPACE = "lms-cassandra.keyspace"


def in_course_progress(users: Sequence[str], rows: RowReader, settings: JobSettings) -> Iterator[Trace]:
    """Enrolments with their certificates, content consumption, aggregates; settings of activity-aggregate-updater."""
    enrolments = _name(settings, "lms-cassandra.user_enrolments.table")
    found = rows.select_each(enrolments, ("userid", "courseid", "issued_certificates"), "userid", users)
    certificates: Counter[str] = Counter()
    for user, _, issued in found:
        certificates[user] += len(issued or ())
    yield from _counted_rows(enrolments, Counter(row[0] for row in found))
    for user, number in certificates.items():
        if number:
            yield Trace(user, enrolments, counted(number, "certificate"), CERTIFICATES)
    consumption = _name(settings, "lms-cassandra.content_consumption.table")
    consumed = rows.select_each(consumption, ("userid",), "userid", users)
    yield from _counted_rows(consumption, Counter(row[0] for row in consumed))
    aggregates = _name(settings, "lms-cassandra.user_activity_agg.table")
    keys = {("Course", course, user) for user, course, _ in found}
    kept = rows.select(aggregates, ("user_id",), ("activity_type", "activity_id"), "user_id", keys)
    yield from _counted_rows(aggregates, Counter(row[0] for row in kept))


def in_assessments(
    users: Sequence[str], rows: RowReader, settings: JobSettings, progress: JobSettings
) -> Iterator[Trace]:
    """Attempts in the batches that the users are enrolled in; ``progress``: settings of activity-aggregate-updater."""
    enrolments = _name(progress, "lms-cassandra.user_enrolments.table")
    enrolled = rows.select_each(enrolments, ("courseid", "batchid", "userid"), "userid", users)
    attempts = _name(settings, "lms-cassandra.table")
    kept = rows.select(attempts, ("user_id",), ("course_id", "batch_id"), "user_id", enrolled)
    yield from _counted_rows(attempts, Counter(row[0] for row in kept))


def in_programmes(users: Sequence[str], rows: RowReader, settings: JobSettings) -> Iterator[Trace]:
    """Programmes that the users have joined. Nothing but a look at the whole table finds them by their user."""
    name = f"{settings.text('ml-cassandra.keyspace')}.{settings.text('ml-cassandra.table')}"
    wanted = frozenset(users)
    found: Counter[str] = Counter()
    for page in rows.scan(name, ("user_id",), "program_id", {}):
        found.update(user for (user,) in page if user in wanted)
    for user, number in found.items():
        yield Trace(user, name, counted(number, "row"), PROGRAMME)


def _name(settings: JobSettings, table: str) -> str:
    return f"{settings.text(KEYSPACE)}.{settings.text(table)}"


def _counted_rows(table: str, rows: Counter[str]) -> Iterator[Trace]:
    for user, number in rows.items():
        yield Trace(user, table, counted(number, "row"), LEARNING_RECORD)
