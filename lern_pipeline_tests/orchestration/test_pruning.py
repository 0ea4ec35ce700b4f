"""Forgetting old batches for good: their files first, the ledger whole, nothing that is in use."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lern_pipeline.events.record import Record
from lern_pipeline.microbatch.key import MicroBatchKey, OffsetRange
from lern_pipeline.microbatch.store import BatchStore
from lern_pipeline.orchestration.lane import Lane
from lern_pipeline.orchestration.pruning import prune
from lern_pipeline.resources.kafka_positions import TopicOffsets
from lern_pipeline_tests.orchestration.installed import JOB, TOPIC, Installed

pytestmark = pytest.mark.dagster

NOW = datetime(2027, 6, 1, tzinfo=UTC)


def old(start: int, end: int, days_ago: float = 30, seconds: int = 0) -> MicroBatchKey:
    return MicroBatchKey.of(NOW - timedelta(days=days_ago, seconds=-seconds), [OffsetRange(0, start, end)])


FIRST, SECOND, THIRD = old(0, 5), old(5, 9, seconds=3), old(9, 12, days_ago=1)


@pytest.fixture
def store(installed: Installed) -> BatchStore:
    return installed.resource.store(JOB, installed.instance)


@pytest.fixture
def three_batches(installed: Installed, store: BatchStore) -> Installed:
    """Two that have expired and the newest; Kafka has none of their records any more."""
    for key in (FIRST, SECOND, THIRD):
        installed.add(key)
        installed.report_materialised(key)
        store.write_records(str(key), [Record(0, key.starts[0], 0, None, b"{}")])
    installed.positions.offsets_by_topic[TOPIC] = TopicOffsets({0: 12}, {0: 12})
    return installed


def forget(installed: Installed) -> int:
    return prune(JOB, installed.instance, installed.resource, NOW)


def test_expired_batches_go_with_their_files(three_batches: Installed, store: BatchStore) -> None:
    assert forget(three_batches) == 2
    assert three_batches.lane().key_texts() == [str(THIRD)]
    assert store.keys() == [str(THIRD)]


def test_the_lane_goes_on_where_it_stood(three_batches: Installed) -> None:
    forget(three_batches)
    three_batches.positions.offsets_by_topic[TOPIC] = TopicOffsets({0: 12}, {0: 20})
    run = three_batches.lane().advance().run
    assert run is not None
    assert run.key.starts == {0: 12}


def test_a_batch_with_a_run_in_flight_stays_with_all_behind_it(three_batches: Installed, store: BatchStore) -> None:
    three_batches.create_run(FIRST)
    assert forget(three_batches) == 0
    assert len(three_batches.lane().key_texts()) == len(store.keys()) == 3


def test_files_whose_key_is_gone_already_are_removed(three_batches: Installed, store: BatchStore) -> None:
    store.write_records(str(old(100, 101)), [])
    forget(three_batches)
    assert store.keys() == [str(THIRD)]


def test_a_batch_that_is_planned_meanwhile_keeps_its_files(
    three_batches: Installed, store: BatchStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    planned = old(12, 15, days_ago=0)
    runs_of = Lane.runs_of

    def while_another_lane_plans(lane: Lane, key: MicroBatchKey) -> list[Any]:
        three_batches.add(planned)
        store.write_records(str(planned), [])
        return runs_of(lane, key)

    monkeypatch.setattr(Lane, "runs_of", while_another_lane_plans)
    forget(three_batches)
    assert store.keys() == [str(THIRD), str(planned)]


def test_a_stray_does_not_become_the_beginning_of_the_ledger(three_batches: Installed, store: BatchStore) -> None:
    """A planner that lost the race and died before it took its key back."""
    for key in (FIRST, SECOND, THIRD):
        three_batches.instance.delete_dynamic_partition(three_batches.lane()._partitions, str(key))
    for key in (FIRST, SECOND, old(5, 8, seconds=4), THIRD):
        three_batches.add(key)
    forget(three_batches)
    assert three_batches.lane().key_texts() == [str(THIRD)]
    assert three_batches.lane().chain().newest == THIRD
    assert store.keys() == [str(THIRD)]
