"""What stays of a batch in the process that ran it."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytestmark = pytest.mark.dagster

# In a process of its own: what Dagster keeps is what stood around it when it made the first thing of its kind.
TOLD_AND_FORGOTTEN = """
import gc

from lern_pipeline.jobs.all_jobs import job_named
from lern_pipeline.microbatch.plan import Account, Plan
from lern_pipeline.microbatch.run import BatchResult
from lern_pipeline.orchestration.batch_asset import batch_metadata, events_accounted_for

job = job_named("activity-aggregate-updater")


def tell():
    plan = Plan(job.name, "20270101T000000Z_0.0-9", 1, 0, Account(9, 7, {"other action": 1}, {"not JSON": 1}))
    result = BatchResult(plan, warnings=["one"])
    assert batch_metadata(job, result, {})["events"] == 9
    assert events_accounted_for(job, result).passed
    assert any(isinstance(one, BatchResult) for one in gc.get_objects())


tell()
gc.collect()
assert not any(isinstance(one, BatchResult) for one in gc.get_objects()), "a batch is kept"
"""


def test_dagster_keeps_no_batch() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", TOLD_AND_FORGOTTEN], capture_output=True, text=True, timeout=120, check=False
    )
    assert ended.returncode == 0, ended.stderr[-1500:]
