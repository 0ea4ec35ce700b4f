"""Learners who ask for their enrolment to be recomputed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lern_pipeline.events.record import Record
from lern_pipeline.jobs.enrolment_reconciliation.job import ENROLMENT_RECONCILIATION
from lern_pipeline.settings import load_configuration
from lern_pipeline_tests.jobs.activity_aggregate_updater.learners import Learners

FAILED = "test.enrolment.reconciliation.failed"


class SyncingLearners(Learners):
    """Asks instead of completing."""

    def sync(self, user: Any, course: Any = "do_9300", batch: Any = "B-800") -> Record:
        edata = {"action": "user-enrolment-sync", "iteration": 1, "userId": user, "batchId": batch, "courseId": course}
        return self.publish_edata(edata)


def syncing_learners(directory: Path | str, **settings: str) -> SyncingLearners:
    environment = {"LERN_PIPELINE_ENV": "test"} | settings
    configured = load_configuration(None, environment).for_job(ENROLMENT_RECONCILIATION.name)
    learners = SyncingLearners(str(directory), configured, ENROLMENT_RECONCILIATION)
    learners.course_9001()
    learners.relations(
        do_9300__do_9300__leafnodes=["do_z1", "do_z2"],
        do_9300__unit_k__leafnodes=["do_z1", "do_z2"],
        do_9300__do_z1__ancestors=["unit_k", "do_9300"],
        do_9300__do_z2__ancestors=["unit_k", "do_9300"],
    )
    return learners


@pytest.fixture
def learners(tmp_path: Path) -> SyncingLearners:
    """With both courses of the contract's worked examples."""
    return syncing_learners(tmp_path)
