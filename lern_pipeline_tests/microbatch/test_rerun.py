"""Running an applied batch again: computed anew, but nothing is counted, sent or made older twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from lern_pipeline.errors import BatchShredded, ServiceUnavailable
from lern_pipeline.microbatch.plan import Account, Message, Plan, RowWrites
from lern_pipeline.microbatch.rerun import reconcile
from lern_pipeline_tests.microbatch.failing import FailingBroker
from lern_pipeline_tests.microbatch.in_memory import InMemoryWorld
from lern_pipeline_tests.microbatch.tally import GREETINGS, STARTED, TABLE, counts, event, key_of, tally_run

pytestmark = pytest.mark.rules

LATER = STARTED + 3600


@pytest.fixture
def world() -> InMemoryWorld:
    world = InMemoryWorld()
    for value in (event("ada"), event("eve"), event("zed", outcome="fail")):
        world.broker.append(value)
    return world


def test_a_rerun_counts_and_sends_nothing_twice(world: InMemoryWorld, tmp_path: Path) -> None:
    key = key_of(world.broker)
    tally_run(world, tmp_path).execute(key, 1, rerun=False)
    state, sent = world.rows.state(), list(world.broker.published)
    result = tally_run(world, tmp_path, now=LATER).execute(key, 1, rerun=True)
    assert result.recomputed
    assert result.plan.number == 2
    assert world.rows.state() == state
    assert world.broker.published == sent
    assert len(world.broker.commits) == 1


def test_a_rerun_of_a_rerun_changes_nothing_either(world: InMemoryWorld, tmp_path: Path) -> None:
    key = key_of(world.broker)
    tally_run(world, tmp_path).execute(key, 1, rerun=False)
    state, sent = world.rows.state(), list(world.broker.published)
    for number in (2, 3, 4):
        result = tally_run(world, tmp_path, now=LATER + number).execute(key, 1, rerun=True)
        assert result.plan.number == number
    assert world.rows.state() == state
    assert world.broker.published == sent


def test_a_rerun_does_not_undo_what_later_batches_made_of_a_row(world: InMemoryWorld, tmp_path: Path) -> None:
    key = key_of(world.broker)
    tally_run(world, tmp_path).execute(key, 1, rerun=False)
    world.broker.append(event("ada"))
    tally_run(world, tmp_path, now=STARTED + 60).execute(key_of(world.broker, {0: 3}), 1, rerun=False)
    tally_run(world, tmp_path, now=LATER).execute(key, 1, rerun=True)
    assert counts(world) == {"ada": 2, "eve": 1}


def test_a_rerun_heals_a_row_that_was_damaged_since(world: InMemoryWorld, tmp_path: Path) -> None:
    key = key_of(world.broker)
    tally_run(world, tmp_path).execute(key, 1, rerun=False)
    world.rows.apply(RowWrites(TABLE, ("user",), ("count",), (), [["ada", 40, int((STARTED + 1) * 1e6)]]))
    tally_run(world, tmp_path, now=LATER).execute(key, 1, rerun=True)
    # What the state says today counts, and the batch's own event is in it.
    assert counts(world) == {"ada": 40, "eve": 1}


def test_a_rerun_that_dies_is_finished_from_its_own_plan(world: InMemoryWorld, tmp_path: Path) -> None:
    """The failed event's record went out with the first plan; the rerun has a message of its own to send."""
    world.broker = broker = FailingBroker(world.journal)
    for value in (event("ada"), event("zed", outcome="fail")):
        broker.append(value)
    key = key_of(broker)
    tally_run(world, tmp_path).execute(key, 1, rerun=False)
    broker.messages_before_failure = 0
    with pytest.raises(ServiceUnavailable):
        tally_run(world, tmp_path, now=LATER).execute(key, 1, rerun=True)
    broker.messages_before_failure = None
    result = tally_run(world, tmp_path, now=LATER + 60).execute(key, 2, rerun=True)
    assert result.from_stored_plan
    assert result.plan.number == 2
    assert counts(world) == {"ada": 1}
    assert [message.topic for message in broker.published].count(GREETINGS) == 1


# --- reconcile alone


def plan(
    number: int, rows: list[RowWrites], messages: list[Message] | None = None, counted: tuple[str, ...] = ()
) -> Plan:
    return Plan("tally", "key", number, 0, Account(), rows=rows, messages=messages or [], counted=list(counted))


def writes(*rows: list[object], table: str = TABLE, columns: tuple[str, ...] = ("count", "at")) -> RowWrites:
    return RowWrites(table, ("user",), columns, (), [list(row) for row in rows])


def test_a_row_that_came_out_as_before_keeps_its_times() -> None:
    before = plan(1, [writes(["ada", 3, 1000, 10])])
    after = reconcile(plan(2, [writes(["ada", 3, 2000, 20])]), before, frozenset({"at"}))
    assert after.rows[0].rows == [["ada", 3, 1000, 10]]


def test_a_row_that_came_out_differently_is_written_with_todays_times() -> None:
    before = plan(1, [writes(["ada", 3, 1000, 10])])
    after = reconcile(plan(2, [writes(["ada", 4, 2000, 20])]), before, frozenset({"at"}))
    assert after.rows[0].rows == [["ada", 4, 2000, 20]]


def test_times_that_are_no_time_columns_make_a_difference() -> None:
    before = plan(1, [writes(["ada", 3, 1000, 10])])
    after = reconcile(plan(2, [writes(["ada", 3, 2000, 20])]), before, frozenset())
    assert after.rows[0].rows == [["ada", 3, 2000, 20]]


@pytest.mark.parametrize(
    "other", [writes(["ada", 3, 1, 10], table="shop.other"), writes(["ada", 3, 1, 10], columns=("at", "count"))]
)
def test_rows_of_another_table_or_shape_are_no_older_form_of_a_row(other: RowWrites) -> None:
    after = reconcile(plan(2, [writes(["ada", 3, 1, 20])]), plan(1, [other]), frozenset({"at"}))
    assert after.rows[0].rows == [["ada", 3, 1, 20]]


def test_messages_of_any_earlier_plan_are_not_sent_again() -> None:
    first = plan(1, [], [Message("a", "t", b"1"), Message("b", "t", b"1")])
    second = reconcile(plan(2, [], [Message("b", "t", b"2"), Message("c", "t", b"2")]), first, frozenset())
    assert [message.id for message in second.messages] == ["c"]
    third = reconcile(plan(3, [], [Message("a", "t", b"3"), Message("c", "t", b"3")]), second, frozenset())
    assert third.messages == []
    assert third.published() == {"a", "b", "c"}


def test_what_was_counted_stays_counted_although_todays_rules_do_not_count_it() -> None:
    after = reconcile(plan(2, [], counted=("0.2",)), plan(1, [], counted=("0.1",)), frozenset())
    assert after.counted == ["0.1", "0.2"]


@pytest.mark.parametrize("rerun", [True, False])
def test_a_shredded_batch_says_that_it_cannot_be_run_again(world: InMemoryWorld, tmp_path: Path, rerun: bool) -> None:
    key = key_of(world.broker)
    run = tally_run(world, tmp_path)
    run.execute(key, 1, rerun=False)
    state, sent = world.rows.state(), list(world.broker.published)
    run.store.shred(str(key), "shredded on 2027-01-02: it held data of a deleted user")
    with pytest.raises(BatchShredded, match="can no longer be run again from its archive: shredded on 2027-01-02"):
        tally_run(world, tmp_path, now=LATER).execute(key, 2, rerun=rerun)
    assert world.rows.state() == state
    assert world.broker.published == sent
