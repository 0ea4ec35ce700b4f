"""Learners who ask for their enrolment to be recomputed: some have completed without anybody noticing."""

from __future__ import annotations

import json
from collections.abc import Iterator

from lern_pipeline.jobs.enrolment_reconciliation.job import ENROLMENT_RECONCILIATION
from lern_pipeline.microbatch.plan import CacheWrites, ReplaceSet, RowWrites
from lern_pipeline_tests.faults.job_world import KEYSPACE, OF_CACHES, JobWorld, Selection
from lern_pipeline_tests.faults.progress_world import aggregates_of

CONTENTS = 4
EVENTS_PER_LEARNER = 2

#: Status and, of the contents in their order, what is stored of them.
ENROLMENT_STATUSES = (0, 1, 2, None)
CONSUMED: tuple[tuple[int, ...], ...] = ((2, 2, 2, 2), (2, 2, 2), (2, 1), (), (1, 2, 2, 2))


class ReconciliationWorld(JobWorld):
    """Complete, incomplete, completed before, not enrolled, nothing consumed; and a course without leaf nodes."""

    job = ENROLMENT_RECONCILIATION
    never_passed = OF_CACHES
    # An enrolment has status 2 then: recomputed, it would ask for no certificate any more.
    telling_points = ("before-publish",)
    times = frozenset({"datetime", "completedon", "agg_last_updated"})

    def make_workload(self) -> None:
        self._learners = max(self.events // EVENTS_PER_LEARNER, 1)

    def event(self, number: int) -> bytes:
        user, course, batch = self._enrolment(number % self._learners)
        edata = {
            "action": "user-enrolment-sync",
            "iteration": 1,
            "userId": user,
            "batchId": batch,
            "courseId": course,
        }
        return json.dumps({"eid": "BE_JOB_REQUEST", "edata": edata}).encode()

    def given_rows(self, write_time_us: int) -> Iterator[RowWrites]:
        enrolments = RowWrites(
            f"{KEYSPACE}.user_enrolments", key=("userid", "courseid", "batchid"), set=("status", "active"), rows=[]
        )
        consumption = RowWrites(
            f"{KEYSPACE}.user_content_consumption",
            key=("userid", "courseid", "batchid", "contentid"),
            set=("status", "viewcount"),
            rows=[],
        )
        for number in range(self._learners):
            enrolment = self._enrolment(number)
            status = ENROLMENT_STATUSES[number % len(ENROLMENT_STATUSES)]
            if status is not None:
                enrolments.rows.append([*enrolment, status, True, write_time_us])
            for content, consumed in enumerate(CONSUMED[number % len(CONSUMED)]):
                consumption.rows.append([*enrolment, self._content(enrolment[1], content), consumed, 3, write_time_us])
        yield from (enrolments, consumption)

    def given_caches(self) -> Iterator[CacheWrites]:
        """Two units of two contents; the last content is optional."""
        course = self._course(0)
        contents = [self._content(course, number) for number in range(CONTENTS)]
        units = {f"{course}_u{unit}": contents[2 * unit : 2 * unit + 2] for unit in range(2)}
        changes = [
            ReplaceSet(f"{course}:{course}:leafnodes", tuple(contents)),
            ReplaceSet(f"{course}:{course}:optionalnodes", tuple(contents[-1:])),
            *(ReplaceSet(f"{course}:{unit}:leafnodes", tuple(inside)) for unit, inside in units.items()),
            *(
                ReplaceSet(f"{course}:{content}:ancestors", (course, unit))
                for unit, inside in units.items()
                for content in inside
            ),
        ]
        yield CacheWrites("redis", self.settings.integer("redis.database.relationCache.id"), [list(changes)])

    def selections(self) -> Iterator[Selection]:
        for number in range(self._learners):
            user, course, batch = self._enrolment(number)
            for table in ("user_content_consumption", "user_enrolments"):
                yield f"{KEYSPACE}.{table}", {"userid": user}
            yield from aggregates_of(user, (course, *(f"{course}_u{unit}" for unit in range(2))), batch)

    def _enrolment(self, number: int) -> tuple[str, str, str]:
        # One in nine is in the course that has no leaf nodes.
        return f"user-{self.token}-{number}", self._course(number % 9 == 8), f"batch-{self.token}"

    def _course(self, number: int) -> str:
        return f"do_{self.token}_{int(number)}"

    def _content(self, course: str, number: int) -> str:
        return f"{course}_c{number}"
