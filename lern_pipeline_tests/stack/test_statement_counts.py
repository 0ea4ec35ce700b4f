"""How often the stores are asked: by key and by group, never by event."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from lern_pipeline_tests.stack.learner_tables import LearnerTables, RealRun, completion
from lern_pipeline_tests.stack.servers import Servers

pytestmark = pytest.mark.stack

LEARNERS, EVENTS_EACH = 120, 4
GROUP = 25


@pytest.fixture(scope="module")
def counted(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimpleNamespace]:
    """One batch: every learner completes one content in each of four events, two of them the same."""
    course = f"{servers.env}_course"
    tables = LearnerTables(servers)
    tables.relations(
        {
            f"{course}:{course}:leafnodes": ["r1", "r2", "r3", "r4"],
            f"{course}:unit:leafnodes": ["r1", "r2"],
            **{f"{course}:{content}:ancestors": ["unit", course] for content in ("r1", "r2", "r3")},
        }
    )
    users = [f"{servers.env}-u{n}" for n in range(LEARNERS)]
    for user in users:
        tables.insert("user_enrolments", userid=user, courseid=course, batchid="b", status=0)
    servers.topic("coursebatch.job.request")
    run = RealRun(servers, tmp_path_factory.mktemp("batches"))
    events = [completion(user, course, "b", content) for content in ("r1", "r2", "r3", "r1") for user in users]
    result = run.batch(*events)
    again = run.batch(*events)
    yield SimpleNamespace(result=result, counts=result.counts, again=again, tables=tables, course=course, users=users)
    run.services.close()
    tables.forget(users, [course])
    tables.close()


def test_the_batch_is_what_it_should_be(counted: SimpleNamespace) -> None:
    assert counted.result.account.processed == LEARNERS * EVENTS_EACH
    assert counted.tables.consumption(counted.users[0]) == dict.fromkeys(("r1", "r2", "r3"), (None, 1, 1))


def test_each_distinct_key_is_read_once_and_in_groups(counted: SimpleNamespace) -> None:
    """Consumption and enrolment of every learner."""
    assert counted.counts["cassandra.keys_read"] == 2 * LEARNERS
    assert counted.counts["cassandra.selects"] == 2 * -(-LEARNERS // GROUP)


def test_a_row_that_changes_is_written_once(counted: SimpleNamespace) -> None:
    # Three contents, course and unit, enrolment.
    assert counted.counts["cassandra.rows_written"] == LEARNERS * (3 + 2 + 1)
    assert counted.counts["cassandra.batches"] <= counted.counts["cassandra.rows_written"] / 4


def test_sets_are_read_once_for_all_learners(counted: SimpleNamespace) -> None:
    # Course and unit: leaf and optional nodes; ancestors of three contents.
    assert counted.counts["redis.set_reads"] == 2 + 2 + 3
    assert counted.counts["redis.exists"] == LEARNERS * 3


def test_round_trips_do_not_grow_with_the_events(counted: SimpleNamespace) -> None:
    # One each for checksums, course sets, ancestors and unit sets, and one to store the checksums.
    assert counted.counts["redis.round_trips"] == 5


def test_every_message_is_published_once(counted: SimpleNamespace) -> None:
    assert counted.counts["kafka.messages_published"] == len(counted.result.plan.messages) == LEARNERS * 3 * 2
    assert counted.counts["kafka.records_read"] == LEARNERS * EVENTS_EACH
    assert counted.counts["http.requests"] == 0


def test_repetitions_only_ask_for_their_checksums(counted: SimpleNamespace) -> None:
    assert counted.again.account.processed == LEARNERS * EVENTS_EACH
    asked = {name: count for name, count in counted.again.counts.items() if count and not name.startswith("kafka")}
    assert asked == {"redis.exists": LEARNERS * 3, "redis.round_trips": 1}
