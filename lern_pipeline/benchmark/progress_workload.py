"""A seeded workload of course progress: courses with units and optional nodes, batches, learners, completions."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from lern_pipeline.microbatch.plan import CacheChange, CacheWrites, ReplaceSet, RowWrites
from lern_pipeline.settings import JobSettings

COURSES = 10
UNITS = 4
CONTENTS_PER_UNIT = 5
OPTIONAL_PER_UNIT = 1
BATCHES_PER_COURSE = 5


@dataclass(frozen=True, slots=True)
class Completed:
    """One event to come: a learner completes a content of a batch."""

    user_id: str
    course_id: str
    batch_id: str
    content_ids: tuple[str, ...]

    def value(self) -> bytes:
        """The event as the LMS sends it."""
        return msgspec.json.encode(
            {
                "eid": "BE_JOB_REQUEST",
                "ets": 1700000000000,
                "mid": f"LP.1700000000000.{self.user_id}",
                "actor": {"id": "Course Batch Updater", "type": "System"},
                "context": {"pdata": {"ver": "1.0", "id": "org.sunbird.platform"}},
                "object": {"type": "CourseBatchEnrolment", "id": f"{self.batch_id}_{self.user_id}"},
                "edata": {
                    "action": "batch-enrolment-update",
                    "iteration": 1,
                    "userId": self.user_id,
                    "batchId": self.batch_id,
                    "courseId": self.course_id,
                    "contents": [
                        {"contentId": content_id, "status": 2, "progress": 100} for content_id in self.content_ids
                    ],
                },
            }
        )


class ProgressWorkload:
    """``events`` completions by learners who each have ``events_per_learner`` of them, in random order.

    The same seed makes the same workload; ``token`` stands in every id.
    """

    def __init__(self, events: int, events_per_learner: int, seed: int, token: str) -> None:
        self._random = random.Random(seed)
        self._token = token
        learners = max(events // events_per_learner, 1)
        self.enrolments = [self._enrolment(number) for number in range(learners)]
        self.completions = self._completions(events)

    def _enrolment(self, number: int) -> tuple[str, str, str]:
        course = self._random.randrange(COURSES)
        batch = self._random.randrange(BATCHES_PER_COURSE)
        return f"user-{self._token}-{number}", self._course(course), f"batch-{self._token}-{course}-{batch}"

    def _course(self, number: int) -> str:
        return f"do_{self._token}_{number}"

    def _completions(self, events: int) -> list[Completed]:
        learners = [self.enrolments[number % len(self.enrolments)] for number in range(events)]
        self._random.shuffle(learners)
        return [
            Completed(user_id, course_id, batch_id, (self._random.choice(contents_of(course_id)),))
            for user_id, course_id, batch_id in learners
        ]

    @property
    def about(self) -> str:
        return f"{len(self.enrolments)} learners"

    def messages(self) -> Iterator[tuple[bytes | None, bytes]]:
        """The events, keyed as the LMS keys them."""
        for completed in self.completions:
            yield completed.user_id.encode(), completed.value()

    def caches(self, settings: JobSettings) -> Iterator[CacheWrites]:
        """What relation-cache-updater has written before."""
        yield self.relation_cache(settings.integer("redis.database.relationCache.id"))

    def relation_cache(self, database: int) -> CacheWrites:
        """Leaf nodes, optional nodes and ancestors of all courses."""
        writes = CacheWrites("redis", database, [])
        for number in range(COURSES):
            course = self._course(number)
            contents = contents_of(course)
            changes: list[CacheChange] = [ReplaceSet(f"{course}:{course}:leafnodes", tuple(contents))]
            optional: list[str] = []
            for unit in range(UNITS):
                inside = [content for content in contents if f"_u{unit}_" in content]
                optional += inside[:OPTIONAL_PER_UNIT]
                unit_id = f"{course}_u{unit}"
                changes.append(ReplaceSet(f"{course}:{unit_id}:leafnodes", tuple(inside)))
                changes.append(ReplaceSet(f"{course}:{unit_id}:optionalnodes", tuple(inside[:OPTIONAL_PER_UNIT])))
                changes += [ReplaceSet(f"{course}:{content}:ancestors", (course, unit_id)) for content in inside]
            changes.append(ReplaceSet(f"{course}:{course}:optionalnodes", tuple(optional)))
            writes.transactions.append(changes)
        return writes

    def stored_rows(self, keyspace: str, write_time_us: int) -> Iterator[RowWrites]:
        """What the LMS has written before: enrolments, and the consumption rows of the completed contents."""
        yield RowWrites(
            f"{keyspace}.user_enrolments",
            key=("userid", "courseid", "batchid"),
            set=("status", "active"),
            rows=[[*enrolment, 0, True, write_time_us] for enrolment in self.enrolments],
        )
        named = {
            (done.user_id, done.course_id, done.batch_id, content_id)
            for done in self.completions
            for content_id in done.content_ids
        }
        yield RowWrites(
            f"{keyspace}.user_content_consumption",
            key=("userid", "courseid", "batchid", "contentid"),
            set=("status", "progress"),
            rows=[[*key, 2, 100, write_time_us] for key in sorted(named)],
        )


def contents_of(course_id: str) -> list[str]:
    """The contents of one of the workload's courses."""
    return [f"{course_id}_u{unit}_c{i}" for unit in range(UNITS) for i in range(CONTENTS_PER_UNIT)]
