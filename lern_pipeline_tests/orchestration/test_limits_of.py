"""When a batch is closed: by size or by interval, from the settings of the job or of the engine."""

from __future__ import annotations

import pytest

from lern_pipeline.orchestration.lane import limits_of
from lern_pipeline.settings import load_configuration

pytestmark = pytest.mark.rules

AGGREGATES = "activity-aggregate-updater"


def limits(job: str, **environment: str) -> tuple[int, float]:
    found = limits_of(load_configuration(None, environment).for_job(job))
    return found.min_records, found.max_wait_seconds


def test_by_default_a_batch_takes_at_once_what_waits() -> None:
    assert limits(AGGREGATES)[1] == 0.0


def test_the_jobs_own_interval_and_size_close_a_batch() -> None:
    own = {
        "LERN_PIPELINE_THRESHOLD_BATCH_READ_SIZE": "20",
        "LERN_PIPELINE_THRESHOLD_BATCH_READ_INTERVAL": "60",
    }
    assert limits(AGGREGATES, **own) == (20, 60.0)


def test_a_job_without_them_has_the_engines() -> None:
    engine = {"LERN_PIPELINE_MICROBATCH_MAX_WAIT_SECONDS": "5", "LERN_PIPELINE_MICROBATCH_MIN_RECORDS": "7"}
    assert limits("relation-cache-updater", **engine) == (7, 5.0)


def test_drain_waits_for_nothing() -> None:
    own = {"LERN_PIPELINE_THRESHOLD_BATCH_READ_INTERVAL": "60"}
    found = limits_of(load_configuration(None, own).for_job(AGGREGATES), immediate=True)
    assert (found.max_wait_seconds, found.backoff_seconds) == (0.0, 0.0)
