"""Attempts on a real Cassandra, in both key layouts that installations have (contract assessment-aggregator 3.2)."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import pytest

from lern_pipeline.microbatch.services import Services
from lern_pipeline.resources.cassandra import Cassandra
from lern_pipeline_tests.jobs.assessment_aggregator.assessments import (
    E1_MS,
    Assessments,
    accounts,
    assessed,
    example_e1,
)
from lern_pipeline_tests.microbatch.in_memory import InMemoryWorld
from lern_pipeline_tests.stack.servers import Servers

pytestmark = pytest.mark.stack

KEYS = {
    "a": "course_id, batch_id, user_id, content_id, attempt_id",
    "b": "(user_id, course_id), batch_id, content_id, attempt_id",
}
#: The second one in an order of its own: values must not be written by position alone.
TYPES = {
    "a": "id text, assess_ts timestamp, max_score double, score double, type text, title text, "
    "resvalues list<frozen<map<text, text>>>, params list<frozen<map<text, text>>>, description text, duration decimal",
    "b": "duration decimal, description text, title text, type text, score double, max_score double, id text, "
    "params list<frozen<map<text, text>>>, resvalues list<frozen<map<text, text>>>, assess_ts timestamp, more text",
}
COLUMNS = (
    "course_id text, batch_id text, user_id text, content_id text, attempt_id text, created_on timestamp, "
    "last_attempted_on timestamp, updated_on timestamp, total_score double, total_max_score double, grand_total text, "
    "question list<frozen<question>>"
)
AGGREGATES = (
    "activity_type text, activity_id text, user_id text, context_id text, agg map<text, int>, "
    "aggregates map<text, double>, agg_last_updated map<text, timestamp>, agg_details list<text>, "
    "PRIMARY KEY ((activity_type, activity_id, user_id), context_id)"
)


class OnCassandra(InMemoryWorld):
    """Rows on the real server, everything else in memory."""

    cassandra: Cassandra

    @property
    def services(self) -> Services:
        return replace(super().services, rows=self.cassandra)


#: A while ago: a list that is written again gets a later write time, by the time since it was planned.
NOW = time.time() - 600
NOW_MS = int(NOW * 1000)


@dataclass
class Layout:
    """A keyspace with one key layout, and the platform around the job."""

    assessments: Assessments
    cassandra: Cassandra
    keyspace: str

    def question_of(self, attempt: str) -> list[Any]:
        found = self.cassandra.session().execute(
            f"SELECT question FROM {self.keyspace}.assessment_aggregator WHERE attempt_id = %s ALLOW FILTERING",
            [attempt],
        )
        return list(found.one()[0])

    def details(self) -> list[str]:
        return list(
            self.cassandra.session().execute(f"SELECT agg_details FROM {self.keyspace}.user_activity_agg").one()[0]
        )

    def times(self, attempt: str = "att-1") -> tuple[int, ...]:
        (row,) = self.cassandra.select(
            f"{self.keyspace}.assessment_aggregator",
            ("attempt_id", "created_on", "last_attempted_on", "updated_on"),
            equal=("course_id", "batch_id"),
            within="user_id",
            keys=[("do_C1", "B-77", "usr-1")],
            times=("created_on", "last_attempted_on", "updated_on"),
        )
        assert row[0] == attempt
        return row[1:]


@pytest.fixture(params=sorted(KEYS))
def layout(request: Any, servers: Servers, tmp_path: Any) -> Iterator[Layout]:
    which = request.param
    keyspace = f"layout_{which}_{servers.env}"
    settings = servers.settings("assessment-aggregator", {"lms-cassandra.keyspace": keyspace})
    cassandra = Cassandra(settings)
    session = cassandra.session()
    session.execute(
        f"CREATE KEYSPACE {keyspace} WITH replication = {{'class': 'SimpleStrategy', 'replication_factor': 1}}"
    )
    session.execute(f"CREATE TYPE {keyspace}.question ({TYPES[which]})")
    session.execute(f"CREATE TABLE {keyspace}.assessment_aggregator ({COLUMNS}, PRIMARY KEY ({KEYS[which]}))")
    session.execute(f"CREATE TABLE {keyspace}.user_activity_agg ({AGGREGATES})")
    world = OnCassandra()
    world.cassandra = cassandra
    try:
        yield Layout(Assessments(str(tmp_path), settings, world), cassandra, keyspace)
    finally:
        session.execute(f"DROP KEYSPACE {keyspace}")
        cassandra.close()


def test_an_attempt_is_written_read_again_and_aggregated(layout: Layout) -> None:
    assessments = layout.assessments
    assert accounts(assessments.run_events(example_e1(), now=NOW)) == (1, 0, 0)
    assert layout.times() == (NOW_MS, E1_MS, NOW_MS)
    first, second = layout.question_of("att-1")
    assert (first.id, first.score, first.title, first.duration) == ("q1", 1.0, "T-q1", Decimal("2.5"))
    assert dict(second.resvalues[0]) == {"2": '{"text":"B","n":4.0}'}
    assert accounts(assessments.run_events(example_e1(), now=NOW)) == (0, 1, 0)
    assert accounts(assessments.run_events(example_e1(assessmentTs=E1_MS + 1), now=NOW + 60)) == (1, 0, 0)
    assert layout.times() == (NOW_MS, E1_MS + 1, NOW_MS + 60_000)
    assert len(layout.question_of("att-1")) == 2
    assert len(layout.details()) == 1


def test_a_batch_run_again_doubles_no_list(layout: Layout) -> None:
    assessments = layout.assessments
    assessments.run_events(example_e1(), now=NOW)
    # Write times of lists have steps of a tenth of a second.
    time.sleep(0.2)
    assessments.execute(assessments.keys[0], NOW + 60, rerun=True)
    assert layout.times() == (NOW_MS, E1_MS, NOW_MS)
    assert len(layout.question_of("att-1")) == 2
    assert len(layout.details()) == 1


@pytest.mark.parametrize("when", [2**63 - 1, -(2**63)])
def test_a_time_beyond_all_calendars_stops_nobody(layout: Layout, when: int) -> None:
    assessments = layout.assessments
    assert accounts(assessments.run_events(example_e1(assessmentTs=when), now=NOW)) == (1, 0, 0)
    assert layout.times()[1] == when
    assert accounts(
        assessments.run_events(example_e1(assessmentTs=when), example_e1(attemptId="att-2"), now=NOW + 1)
    ) == (1, 1, 0)
    assert len(layout.details()) == 2


def test_the_longest_ids_can_be_written(layout: Layout) -> None:
    assert accounts(layout.assessments.run_events(example_e1(attemptId="x" * 64_900))) == (1, 0, 0)
    assert accounts(layout.assessments.run_events(example_e1(userId="x" * 64_900))) == (1, 0, 0)
    assert accounts(layout.assessments.run_events(example_e1(userId="x" * 65_000))) == (0, 0, 1)


def test_an_empty_course_is_stored_where_the_layout_can(layout: Layout) -> None:
    stored = accounts(layout.assessments.run_events(example_e1(courseId=""), assessed([], courseId="")))
    assert stored == ((2, 0, 0) if layout.keyspace.startswith("layout_b") else (0, 0, 2))
