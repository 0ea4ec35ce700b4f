"""A job small enough to see through, with everything that makes a batch hard to repeat.

It counts each user's events (read, add, write back), says so in a message per event, keeps a last-seen mark per
user, and remembers in a checksum that an event was counted.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from lern_pipeline.events.decoding import decode_strict
from lern_pipeline.events.validation import InvalidEvent, Skip, required_id
from lern_pipeline.microbatch.job import Decision, Event, FailedPayload, Failure, JobSpec, Moment
from lern_pipeline.microbatch.key import MicroBatchKey, OffsetRange
from lern_pipeline.microbatch.plan import CacheWrites, Message, RowWrites, SetText
from lern_pipeline.microbatch.run import MicroBatchRun
from lern_pipeline.microbatch.services import Readers
from lern_pipeline.settings import JobSettings, load_configuration
from lern_pipeline_tests.microbatch.broker_in_memory import InMemoryBroker
from lern_pipeline_tests.microbatch.in_memory import InMemoryWorld
from lern_pipeline_tests.microbatch.journalled_store import JournalledStore

TABLE = "shop.tally"
GREETINGS = "test.greetings"
STARTED = 1_800_000_000.0


class Asked(NamedTuple):
    """``outcome``: None, or what the rules are to make of the event."""

    user: str
    outcome: str | None


def validate(members: dict[str, Any]) -> Asked | Skip:
    if members.get("other"):
        return Skip("other action")
    outcome = members.get("outcome")
    if outcome is not None and not isinstance(outcome, str):
        raise InvalidEvent("outcome is not a string")
    return Asked(required_id(members, "user", where="event"), outcome)


def read_state(
    events: Sequence[Event[Asked]], readers: Readers, settings: JobSettings, counted: frozenset[str]
) -> dict[str, int]:
    users = {event.work.user for event in events}
    rows = readers.rows.select(TABLE, ("user", "count"), equal=(), within="user", keys=((user,) for user in users))
    return {user: count or 0 for user, count in rows}


def decide(events: Sequence[Event[Asked]], state: dict[str, int], settings: JobSettings, moment: Moment) -> Decision:
    decision = Decision()
    counts = Counter(state)
    users: list[str] = []
    for event in events:
        user, outcome = event.work
        if outcome == "skip":
            decision.skipped[event.position] = "not today"
        elif outcome is not None:
            decision.failed[event.position] = Failure("cannot be decided")
            if outcome == "fail with payload":
                decision.failed_without_record.add(event.position)
                decision.failed_payloads.append(FailedPayload(event.position, {"who": user}, "told otherwise"))
        else:
            unit = str(event.position)
            if unit not in moment.counted:
                counts[user] += 1
            decision.counted.append(unit)
            users.append(user)
            text = json.dumps({"user": user, "id": moment.ids.make(event.position, "greeting")})
            decision.messages.append(Message(f"greeting|{unit}", GREETINGS, text.encode()))
    rows = [
        [user, counts[user], moment.now_ms, {"last": moment.now_ms}, moment.write_time_us]
        for user in dict.fromkeys(users)
    ]
    decision.rows = [RowWrites(TABLE, ("user",), ("count", "at"), ("seen",), rows)]
    decision.cache = [CacheWrites("redis", 1, [[SetText(user, "here")] for user in dict.fromkeys(users)])]
    decision.last = [CacheWrites("redis", 2, [[SetText(unit, "", 60) for unit in decision.counted]])]
    return decision


TALLY: JobSpec[Asked, dict[str, int]] = JobSpec(
    name="tally",
    description="Counts events by user.",
    group="tests",
    decode=decode_strict,
    validate=validate,
    read_state=read_state,
    decide=decide,
    time_columns=frozenset({"at", "seen"}),
    event_metrics={"total-events-count": "consumed", "failed-events-count": "failed"},
)


def tally_settings(**settings: str) -> JobSettings:
    """Any job's settings do: only topics, group and sizes are looked at."""
    environment = {"LERN_PIPELINE_ENV": "test"} | settings
    return load_configuration(None, environment).for_job("activity-aggregate-updater")


def key_of(broker: InMemoryBroker, starts: dict[int, int] | None = None) -> MicroBatchKey:
    """A batch of all that the broker has, or of all from ``starts`` on."""
    starts = starts or {}
    ranges = [OffsetRange(partition, starts.get(partition, 0), end) for partition, end in broker.ends().items()]
    return MicroBatchKey.of(datetime(2027, 1, 1, tzinfo=UTC), ranges)


def event(user: str, **members: Any) -> bytes:
    return json.dumps({"user": user, **members}).encode()


def tally_run(world: InMemoryWorld, base: Path, now: float = STARTED, job: JobSpec[Any, Any] = TALLY) -> MicroBatchRun:
    store = JournalledStore(str(base), job.name, world.journal)
    return MicroBatchRun(job, tally_settings(), world.services, store, clock=lambda: now)


def counts(world: InMemoryWorld) -> dict[str, int]:
    return {row["user"]: row["count"] for row in world.rows.rows(TABLE)}
