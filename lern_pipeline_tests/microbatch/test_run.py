"""One micro-batch from its records to the committed offsets: the order of effects, and what becomes of each event."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lern_pipeline.errors import ServiceUnavailable
from lern_pipeline.events.decoding import decode_lenient
from lern_pipeline.microbatch.job import Decision
from lern_pipeline.microbatch.key import MicroBatchKey
from lern_pipeline.microbatch.run import AccountDoesNotBalance
from lern_pipeline.microbatch.services import RecordsExpired
from lern_pipeline_tests.microbatch.failing import FailingBroker, FailingCaches, FailingRows
from lern_pipeline_tests.microbatch.in_memory import InMemoryWorld
from lern_pipeline_tests.microbatch.tally import (
    GREETINGS,
    STARTED,
    TABLE,
    TALLY,
    counts,
    event,
    key_of,
    tally_run,
)

pytestmark = pytest.mark.rules

FAILED_TOPIC = "test.activity.agg.failed"


@pytest.fixture
def world() -> InMemoryWorld:
    return InMemoryWorld()


def failed_values(world: InMemoryWorld) -> list[dict[str, Any]]:
    return [json.loads(message.value) for message in world.broker.published if message.topic == FAILED_TOPIC]


# --- order


def test_effects_have_one_order_and_nothing_is_written_before_the_plan(world: InMemoryWorld, tmp_path: Path) -> None:
    world.broker.append(event("ada"))
    world.broker.append(b"not JSON")
    tally_run(world, tmp_path).execute(key_of(world.broker), 1, rerun=False)
    assert world.journal == [
        "read",
        "archive",
        "plan 1",
        f"rows {TABLE}",
        "cache redis/1",
        f"publish {GREETINGS}",
        f"publish {FAILED_TOPIC}",
        "cache redis/2",
        "applied 1",
        "commit",
    ]


def test_the_group_commits_the_end_of_every_range(world: InMemoryWorld, tmp_path: Path) -> None:
    for partition in (0, 0, 1):
        world.broker.append(event("ada"), partition)
    tally_run(world, tmp_path).execute(key_of(world.broker), 1, rerun=False)
    topic, group = "test.coursebatch.job.request", "test-activity-aggregate-updater-group"
    assert world.broker.commits == [(topic, group, {0: 2, 1: 1})]


def test_a_refused_commit_is_a_warning_and_no_failure(world: InMemoryWorld, tmp_path: Path) -> None:
    world.broker.append(event("ada"))
    world.broker.commit_warning = "offsets of group g not committed"
    result = tally_run(world, tmp_path).execute(key_of(world.broker), 1, rerun=False)
    assert result.warnings == ["offsets of group g not committed"]


def test_a_position_key_does_nothing_at_all(world: InMemoryWorld, tmp_path: Path) -> None:
    result = tally_run(world, tmp_path).execute(MicroBatchKey.parse("20270101T000000Z_0.0"), 1, rerun=False)
    assert result.account.consumed == 0
    assert not world.broker.published
    assert not world.broker.commits


def test_a_range_without_records_still_moves_the_group(world: InMemoryWorld, tmp_path: Path) -> None:
    tally_run(world, tmp_path).execute(MicroBatchKey.parse("20270101T000000Z_0.3-5"), 1, rerun=False)
    assert world.broker.commits[0][2] == {0: 5}


# --- every event is accounted for


def test_every_outcome_is_counted_under_its_reason(world: InMemoryWorld, tmp_path: Path) -> None:
    values = [
        event("ada"),
        event("eve", other=True),
        event("eve", outcome="skip"),
        event("eve", outcome="fail"),
        event("eve", outcome="fail with payload"),
        event(" "),
        b"[]",
        b"",
        None,
        b'{"user": "\xff"}',
    ]
    for value in values:
        world.broker.append(value)
    result = tally_run(world, tmp_path).execute(key_of(world.broker), 1, rerun=False)
    account = result.account
    assert account.consumed == 10
    assert account.processed == 1
    assert account.skipped == {"other action": 1, "not today": 1}
    assert account.failed == {
        "cannot be decided": 2,
        "event.user is blank": 1,
        "unreadable: not a JSON object but an array": 1,
        "unreadable: empty value": 1,
        "unreadable: tombstone (null value)": 1,
        "unreadable: not UTF-8": 1,
    }
    assert result.plan.metrics == {"total-events-count": 10.0, "failed-events-count": 7.0}
    assert counts(world) == {"ada": 1}


def test_like_reasons_count_together_wherever_the_text_is_broken(world: InMemoryWorld, tmp_path: Path) -> None:
    for value in (b"{]", b'{"a": ]', b'{"abcdef": ]'):
        world.broker.append(value)
    result = tally_run(world, tmp_path).execute(key_of(world.broker), 1, rerun=False)
    assert sum(result.account.failed.values()) == 3
    assert all("byte" not in reason for reason in result.account.failed)


def test_every_failed_event_has_one_failed_record_with_its_position(world: InMemoryWorld, tmp_path: Path) -> None:
    for value in (event("ada"), event("eve", outcome="fail"), event("eve", outcome="fail with payload"), b"{"):
        world.broker.append(value)
    tally_run(world, tmp_path).execute(key_of(world.broker), 1, rerun=False)
    found = {value["failInfo"]["offset"]: value for value in failed_values(world)}
    assert sorted(found) == [1, 2, 3]
    assert found[1]["user"] == "eve"
    assert found[2]["who"] == "eve"
    assert "user" not in found[2]
    assert found[3]["raw"] == "{"
    assert {value["jobName"] for value in found.values()} == {"tally"}


def test_an_account_that_does_not_balance_fails_before_anything_is_written(
    world: InMemoryWorld, tmp_path: Path
) -> None:
    """A job whose rules name an event that was not there."""
    record = world.broker.append(event("ada"))
    elsewhere = record.position._replace(offset=99)
    job = replace(TALLY, decide=lambda *_: Decision(skipped={elsewhere: "invented", record.position: "real"}))
    with pytest.raises(AccountDoesNotBalance, match="1 consumed"):
        tally_run(world, tmp_path, job=job).execute(key_of(world.broker), 1, rerun=False)
    assert world.journal == ["read", "archive"]


def test_an_event_cannot_be_both_skipped_and_failed(world: InMemoryWorld, tmp_path: Path) -> None:
    position = world.broker.append(event("ada", outcome="fail")).position

    def both(*arguments: Any) -> Decision:
        decision = TALLY.decide(*arguments)
        decision.skipped[position] = "too"
        return decision

    with pytest.raises(AccountDoesNotBalance):
        tally_run(world, tmp_path, job=replace(TALLY, decide=both)).execute(key_of(world.broker), 1, rerun=False)


# --- records that come back from nowhere


def test_a_batch_is_read_from_its_archive_when_it_has_one(world: InMemoryWorld, tmp_path: Path) -> None:
    world.broker.append(event("ada"))
    key = key_of(world.broker)
    tally_run(world, tmp_path).execute(key, 1, rerun=False)
    world.broker.log_starts = {0: 1}
    result = tally_run(world, tmp_path).execute(key, 1, rerun=True)
    assert result.account.processed == 1
    assert world.journal.count("read") == 1


def test_records_that_neither_kafka_nor_the_archive_has_are_refused_clearly(
    world: InMemoryWorld, tmp_path: Path
) -> None:
    world.broker.append(event("ada"))
    world.broker.log_starts = {0: 1}
    key = key_of(world.broker)
    with pytest.raises(RecordsExpired) as refused:
        tally_run(world, tmp_path).execute(key, 1, rerun=False)
    assert str(key) in str(refused.value)
    assert str(tmp_path) in str(refused.value)


# --- outages


def test_an_outage_while_reading_state_leaves_nothing_written(world: InMemoryWorld, tmp_path: Path) -> None:
    world.rows = rows = FailingRows(world.journal)
    rows.reads_fail = True
    world.broker.append(event("ada"))
    with pytest.raises(ServiceUnavailable, match="Cassandra at cassandra:9042 is not available"):
        tally_run(world, tmp_path).execute(key_of(world.broker), 1, rerun=False)
    assert world.journal == ["read", "archive"]


def test_an_outage_while_reading_records_leaves_nothing_at_all(world: InMemoryWorld, tmp_path: Path) -> None:
    world.broker = broker = FailingBroker(world.journal)
    broker.append(event("ada"))
    broker.reads_fail = True
    with pytest.raises(ServiceUnavailable):
        tally_run(world, tmp_path).execute(key_of(broker), 1, rerun=False)
    assert world.journal == []
    assert list(tmp_path.iterdir()) == []


def test_an_outage_while_writing_is_finished_by_the_stored_plan(world: InMemoryWorld, tmp_path: Path) -> None:
    world.rows = rows = FailingRows(world.journal)
    rows.writes_before_failure = 0
    world.broker.append(event("ada"))
    key = key_of(world.broker)
    with pytest.raises(ServiceUnavailable):
        tally_run(world, tmp_path).execute(key, 1, rerun=False)
    assert not world.broker.published
    assert not world.broker.commits
    rows.writes_before_failure = None
    result = tally_run(world, tmp_path, now=STARTED + 900).execute(key, 2, rerun=False)
    assert result.from_stored_plan
    assert counts(world) == {"ada": 1}
    assert world.rows.rows(TABLE)[0]["at"] == int(STARTED * 1000)


def test_messages_that_went_out_before_the_outage_go_out_again_byte_for_byte(
    world: InMemoryWorld, tmp_path: Path
) -> None:
    world.broker = broker = FailingBroker(world.journal)
    for user in ("ada", "eve", "zed"):
        broker.append(event(user))
    broker.messages_before_failure = 2
    with pytest.raises(ServiceUnavailable):
        tally_run(world, tmp_path).execute(key_of(broker), 1, rerun=False)
    assert "cache redis/2" not in world.journal
    broker.messages_before_failure = None
    tally_run(world, tmp_path, now=STARTED + 900).execute(key_of(broker), 2, rerun=False)
    assert len(broker.published) == 5
    by_id: dict[str, set[bytes]] = {}
    for message in broker.published:
        by_id.setdefault(message.id, set()).add(message.value)
    assert {len(values) for values in by_id.values()} == {1}


def test_checksums_that_could_not_be_stored_are_stored_by_the_next_attempt(
    world: InMemoryWorld, tmp_path: Path
) -> None:
    world.caches = caches = FailingCaches(world.journal)
    world.broker.append(event("ada"))
    caches.writes_fail = True
    with pytest.raises(ServiceUnavailable):
        tally_run(world, tmp_path).execute(key_of(world.broker), 1, rerun=False)
    caches.writes_fail = False
    tally_run(world, tmp_path).execute(key_of(world.broker), 2, rerun=False)
    assert caches.database("redis", 2) == {"0.0": ""}
    assert caches.expiries["0.0"] == 60


def test_a_failed_event_that_cannot_be_written_back_as_json_goes_out_as_text(
    world: InMemoryWorld, tmp_path: Path
) -> None:
    """An integer that Python reads but does not write must not stop the lane for ever."""
    digits = "9" * 5000
    world.broker.append(f'{{"user": " ", "n": {digits}}}'.encode())
    tally_run(world, tmp_path, job=replace(TALLY, decode=decode_lenient)).execute(key_of(world.broker), 1, rerun=False)
    (value,) = failed_values(world)
    assert digits in value["raw"]
    assert value["failInfo"]["error"] == "event.user is blank"


@pytest.mark.parametrize("depth", [400, 700, 980, 990, 995, 1000, 100_000])
def test_deeply_nested_events_end_on_the_failed_topic_at_any_depth(
    world: InMemoryWorld, tmp_path: Path, depth: int
) -> None:
    world.broker.append(b'{"user": " ", "a": ' + b"[" * depth + b"]" * depth + b"}")
    result = tally_run(world, tmp_path).execute(key_of(world.broker), 1, rerun=False)
    assert result.account.failed_total == 1
    assert len(failed_values(world)) == 1


def test_messages_of_the_job_come_before_failed_records(world: InMemoryWorld, tmp_path: Path) -> None:
    world.broker.append(b"{")
    world.broker.append(event("ada"))
    tally_run(world, tmp_path).execute(key_of(world.broker), 1, rerun=False)
    assert [message.topic for message in world.broker.published] == [GREETINGS, FAILED_TOPIC]
