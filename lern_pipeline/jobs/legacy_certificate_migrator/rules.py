"""The job's decisions: migrations, the old registry's rows, enrolments → certificates, rows, messages (contract
legacy-certificate-migrator 4–9).

Pure: no clock, no I/O, no random. An enrolment's migrations are one script: they rewrite the same list.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from lern_pipeline.conversion import converted
from lern_pipeline.events.record import Position
from lern_pipeline.events.validation import InvalidEvent
from lern_pipeline.jobs.certificates.history import History
from lern_pipeline.jobs.certificates.tally import Tally
from lern_pipeline.jobs.legacy_certificate_migrator.migrating import Holding, Migrating
from lern_pipeline.jobs.legacy_certificate_migrator.migration_event import Migration, SubmittedMigration
from lern_pipeline.jobs.legacy_certificate_migrator.state import MigrationState
from lern_pipeline.microbatch.effects import Outcome, Stage
from lern_pipeline.microbatch.job import Decision, Event, Failure, Moment
from lern_pipeline.microbatch.script import Script, next_stage
from lern_pipeline.settings import JobSettings


class EnrolmentWork(msgspec.Struct):
    """All migrations of one enrolment in their order, with their positions; what it and the registry held before."""

    migrations: list[tuple[tuple[int, int], Migration]]
    entries: list[dict[str, str]] | None
    states: dict[str, str | None]


class Pending(msgspec.Struct):
    """Of a whole micro-batch."""

    enrolments: list[EnrolmentWork]


def decide(
    events: Sequence[Event[SubmittedMigration]], state: MigrationState, settings: JobSettings, moment: Moment
) -> Decision:
    """Which migrations are carried out; what is invalid fails here."""
    decision = Decision()
    suppress = settings.flag("enable.suppress.exception")
    by_enrolment: dict[tuple[str, str, str], list[tuple[tuple[int, int], Migration]]] = defaultdict(list)
    for event in events:
        try:
            migration = event.work.checked(suppress)
        except InvalidEvent as error:
            decision.failed[event.position] = Failure(error.reason, error.code, error=error.error)
            continue
        at = event.position.partition, event.position.offset
        by_enrolment[migration.request.enrolment].append((at, migration))
    work = []
    for key, migrations in by_enrolment.items():
        enrolment = state.enrolments.get(key)
        entries = None if enrolment is None else [dict(entry) for entry in enrolment.issued]
        ids = {migration.identifier for _, migration in migrations}
        work.append(EnrolmentWork(migrations, entries, {id_: state.states[id_] for id_ in ids & state.states.keys()}))
    decision.pending = msgspec.to_builtins(Pending(work))
    return decision


def follow(
    pending: dict[str, Any], outcomes: Mapping[str, Outcome], settings: JobSettings, moment: Moment
) -> Stage | Decision:
    """The next stage of all enrolments' scripts; what it all came to."""
    tally = Tally()
    migrating = Migrating(settings, moment, tally, History(moment.counted))
    work = converted(pending, Pending).enrolments
    stage = next_stage((_in_turn(migrating, enrolment) for enrolment in work), outcomes)
    return tally.result() if stage is None else stage


def _in_turn(migrating: Migrating, work: EnrolmentWork) -> Script[None]:
    """One enrolment's migrations, one after the other."""
    holding = Holding(None if work.entries is None else [*work.entries], dict(work.states))
    for at, migration in work.migrations:
        yield from migrating.migration(migration, Position(*at), holding)
