"""Course batches whose aggregates are wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from lern_pipeline.jobs.activity_aggregates_rebuild.course_batch import CourseBatch
from lern_pipeline.jobs.activity_aggregates_rebuild.kept import STORE
from lern_pipeline.jobs.activity_aggregates_rebuild.rebuild import Rebuild, Rebuilt, Request
from lern_pipeline.microbatch.store import BatchStore
from lern_pipeline_tests.jobs.activity_aggregate_updater.learners import AGGREGATES, STARTED, Learners
from lern_pipeline_tests.jobs.enrolment_reconciliation.conftest import syncing_learners

COURSE_BATCH = CourseBatch("do_9300", "B-800")
OTHER_BATCH = CourseBatch("do_9001", "B-501")

#: Of COURSE_BATCH: what the rules give differs from what is stored for the first four.
WRONG = ("u-behind", "u-finished", "u-late", "u-unit")
RIGHT = ("u-right",)
DONE = ("u-done",)
IDLE = ("u-idle",)


@dataclass
class Rebuilding:
    """Learners, and rebuilds of their batches; each run a minute after the one before."""

    learners: Learners
    runs: int = 0
    said: list[str] = field(default_factory=list)

    @property
    def world(self) -> Any:
        return self.learners.world

    @property
    def store(self) -> BatchStore:
        return BatchStore(self.learners.base, STORE)

    def rebuild(self, *batches: CourseBatch, **asked: Any) -> dict[CourseBatch, Rebuilt]:
        return dict(self.results(batches or (COURSE_BATCH,), **asked))

    def results(self, batches: Sequence[CourseBatch], **asked: Any) -> Any:
        self.runs += 1
        now = STARTED + 60 * self.runs
        rebuild = Rebuild(self.learners.settings, self.world.services, self.store, self.said.append, lambda: now)
        return rebuild.execute(batches, Request(**({"attempts_of": f"run-{self.runs}"} | asked)))

    def one(self, **asked: Any) -> Rebuilt:
        return self.rebuild(**asked)[COURSE_BATCH]

    def aggregate(self, user: str, activity: str, completed_count: float, batch: CourseBatch = COURSE_BATCH) -> None:
        key = {
            "activity_type": "Course",
            "activity_id": activity,
            "user_id": user,
            "context_id": f"cb:{batch.batch_id}",
        }
        aggregates = {"completedCount": completed_count, f"score:{activity}": 7.0}
        self.world.rows.give(AGGREGATES, key, {"aggregates": aggregates, "agg_last_updated": {"completedCount": 1}})


def rebuilding(directory: Path, **settings: str) -> Rebuilding:
    """The learners of both batches."""
    made = Rebuilding(syncing_learners(directory, **settings))
    learners, at = made.learners, COURSE_BATCH

    def give(user: str, statuses: Sequence[int | None], status: int, progress: int, course: int, unit: int) -> None:
        contents = dict(zip(("do_z1", "do_z2"), statuses, strict=False))
        known = {content: 1 if done is None else done for content, done in contents.items()}
        learners.enrolled(user, *at, status=status, progress=progress, contentstatus=known)
        for content, done in contents.items():
            learners.consumed(user, content, done, *at)
        if contents:
            made.aggregate(user, "do_9300", course)
            made.aggregate(user, "unit_k", unit)

    give("u-behind", (2, 1), status=0, progress=0, course=0, unit=0)
    give("u-done", (2, 2), status=2, progress=1, course=2, unit=2)
    give("u-finished", (2, 2), status=1, progress=1, course=1, unit=1)
    give("u-idle", (), status=0, progress=0, course=0, unit=0)
    give("u-late", (2, 2), status=1, progress=2, course=2, unit=2)
    give("u-right", (2, None), status=1, progress=1, course=1, unit=1)
    give("u-unit", (2, 1), status=1, progress=1, course=1, unit=5)
    learners.enrolled("u-ada", *OTHER_BATCH, status=0)
    learners.consumed("u-ada", "do_r1", 2, *OTHER_BATCH)
    learners.enrolled("u-behind", "do_9300", "B-other", status=0)
    return made


@pytest.fixture
def batch(tmp_path: Path) -> Rebuilding:
    return rebuilding(tmp_path)
