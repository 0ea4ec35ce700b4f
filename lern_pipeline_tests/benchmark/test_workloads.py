"""The benchmarks' workloads: seeded, of the size asked for, and nothing in them is wasted on skips or failures."""

from __future__ import annotations

from typing import Any

import pytest

from lern_pipeline.benchmark.assessments import ASSESSMENTS
from lern_pipeline.benchmark.drained import Benchmark, Options
from lern_pipeline.benchmark.progress import PROGRESS
from lern_pipeline.benchmark.progress_workload import contents_of
from lern_pipeline.benchmark.reconciliation import RECONCILIATION
from lern_pipeline.benchmark.reconciliation_workload import ReconciliationWorkload
from lern_pipeline.events.validation import Skip

pytestmark = pytest.mark.rules

OPTIONS = Options(events=60, batch_size=60, events_per_learner=3, runs=1, seed=1)


@pytest.fixture(params=[PROGRESS, ASSESSMENTS, RECONCILIATION], ids=lambda benchmark: benchmark.name)
def benchmark(request: Any) -> Benchmark:
    found: Benchmark = request.param
    return found


def test_the_same_seed_makes_the_same_workload_and_another_one_does_not(benchmark: Benchmark) -> None:
    first, again, other = (benchmark.workload(OPTIONS, seed, "t") for seed in (1, 1, 2))
    assert list(first.messages()) == list(again.messages()) != list(other.messages())
    assert list(first.stored_rows("k", 1)) == list(again.stored_rows("k", 1))


def test_every_event_asks_for_work(benchmark: Benchmark) -> None:
    job = benchmark.job
    works = [job.validate(job.decode(value)) for _, value in benchmark.workload(OPTIONS, 1, "t").messages()]
    assert len(works) == 60
    assert not [work for work in works if isinstance(work, Skip)]


def test_workloads_of_two_runs_do_not_meet(benchmark: Benchmark) -> None:
    first, other = (benchmark.workload(OPTIONS, 1, token) for token in ("t1", "t2"))
    assert not {value for _, value in first.messages()} & {value for _, value in other.messages()}


def test_the_enrolments_to_recompute_know_nothing_of_what_was_consumed() -> None:
    workload = ReconciliationWorkload(60, 3, 1, "t")
    enrolments, consumption, aggregates = workload.stored_rows("k", 5_000_000)
    assert len(enrolments.rows) == len(aggregates.rows) == len(workload.consumed) == 20
    assert all(row[3:5] == [0, 0] for row in enrolments.rows)
    assert all(row[4] == {"completedCount": 0.0} for row in aggregates.rows)
    assert len(consumption.rows) == sum(len(contents) for contents in workload.consumed.values())
    # Some are complete without anybody having noticed, and some are not.
    complete = [set(contents_of(course_id)) <= set(found) for (_, course_id, _), found in workload.consumed.items()]
    assert any(complete) and not all(complete)
    assert all(workload.consumed.values())
