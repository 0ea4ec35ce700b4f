"""What failed is shown, and sent through again by an operator, through Dagster."""

from __future__ import annotations

from typing import Any

import dagster as dg
import pytest

from lern_pipeline.microbatch.failure_trace import Origin
from lern_pipeline.microbatch.original_event import NO_WAY_BACK
from lern_pipeline.orchestration.failed_events import (
    FAILED_EVENTS,
    SHOWN_EVENTS,
    failed_events_asset,
    failed_events_metadata,
)
from lern_pipeline.orchestration.redrive import RedriveConfig, redrive, redriving_job
from lern_pipeline.resources.kafka_positions import TopicOffsets
from lern_pipeline.settings import load_configuration
from lern_pipeline_tests.jobs.activity_aggregate_updater.learners import CONSUMPTION
from lern_pipeline_tests.microbatch.failed_records import trace
from lern_pipeline_tests.orchestration.installed import JOB, TOPIC, Installed

pytestmark = pytest.mark.dagster

FAILED = "test.activity.agg.failed"
USER = "0b4b9e55-user-ada"


class Office:
    """An installation in which two events have failed: an unreadable one, and one of a course without leaf nodes."""

    def __init__(self, installed: Installed) -> None:
        self.installed = installed
        installed.world.broker.append(b"{", key=USER.encode())
        installed.publish(USER)
        assert installed.runner().drain().succeeded
        self.look_again()

    def look_again(self) -> None:
        """Kafka says what the failed topic has by now."""
        failed = sum(message.topic == FAILED for message in self.installed.world.broker.published)
        self.installed.positions.offsets_by_topic[FAILED] = TopicOffsets({0: 0}, {0: failed})

    def shown(self) -> dict[str, Any]:
        result = self.execute("failed_events_job")
        (materialisation,) = result.asset_materializations_for_node("failed_events")
        return dict(materialisation.metadata)

    def redrive(self, **asked: Any) -> dict[str, Any]:
        """The observation's metadata."""
        config = {"ops": {"redrive_failed_events": {"config": {"job": JOB.name, **asked}}}}
        result = self.execute("redrive_failed_events_job", config)
        (observed,) = [event for event in result.all_events if event.event_type_value == "ASSET_OBSERVATION"]
        observation = observed.asset_observation_data.asset_observation
        assert observation.asset_key == FAILED_EVENTS
        return {name: value.value for name, value in observation.metadata.items()}

    def execute(self, job: str, config: Any = None) -> dg.ExecuteInProcessResult:
        definition = self.installed.definitions.resolve_job_def(job)
        return definition.execute_in_process(config, instance=self.installed.instance)

    @property
    def sent(self) -> list[tuple[bytes, bytes | None]]:
        return [(m.value, m.key) for m in self.installed.world.broker.published if m.topic == TOPIC]


@pytest.fixture
def office(installed: Installed) -> Office:
    return Office(installed)


def records(table: Any) -> list[dict[str, Any]]:
    return [dict(record.data) for record in table.value.records]


def test_the_asset_shows_what_failed_for_which_reason(office: Office) -> None:
    shown = office.shown()
    assert shown["failed_events"].value == 2
    by_reason = {(row["job"], row["error"], row["reason"]): row for row in records(shown["by_reason"])}
    assert by_reason.keys() == {
        (JOB.name, "UnreadableRecord", "unreadable: not JSON: Input data was truncated"),
        (JOB.name, "FailedGroup", "missing leaf nodes"),
    }
    assert all(row["events"] == 1 and row["batches"].endswith("_0.0-2") for row in by_reason.values())
    newest = records(shown["newest"])
    assert [(row["topic"], row["partition"], row["offset"], row["attempt"]) for row in newest] == [
        (FAILED, 0, 1, 1),
        (FAILED, 0, 0, 1),
    ]
    assert {row["event"] for row in newest} == {f"{TOPIC}/0/0", f"{TOPIC}/0/1"}


def test_nothing_of_the_events_stands_in_metadata(office: Office) -> None:
    assert "user-ada" not in repr(office.shown())
    assert "user-ada" not in repr(office.redrive())


def test_by_itself_the_job_only_shows_what_it_would_send(office: Office) -> None:
    told = office.redrive()
    assert (told["dry_run"], told["would_be_sent"]) == (True, 2)
    assert len(told["events"].records) == 2
    assert office.sent == []


def test_what_is_selected_goes_out_once(office: Office) -> None:
    assert office.redrive(dry_run=False, reasons=["missing leaf nodes"])["sent"] == 1
    assert office.redrive(dry_run=False, errors=["UnreadableRecord"])["sent"] == 1
    again = office.redrive(dry_run=False)
    assert (again["sent"], again["redriven_before"]) == (0, 2)
    before = office.installed.world.broker.partitions[0]
    assert office.sent == [(before[1].value, None), (b"{", USER.encode())]


def test_an_event_is_processed_when_its_cause_is_gone(office: Office) -> None:
    office.redrive(dry_run=False)
    relations = office.installed.world.caches.database("redis", 10)
    relations["do_9001:do_9001:leafnodes"] = frozenset({"do_r1", "do_r2"})
    for value, key in office.sent:
        office.installed.world.broker.append(value, key=key)
    report = office.installed.runner().drain()
    assert [(batch.processed, batch.failed) for batch in report.batches] == [(1, 1)]
    assert [row["userid"] for row in office.installed.world.rows.rows(CONSUMPTION)] == [USER]


@pytest.mark.parametrize(
    ("config", "why"),
    [
        ({"job": "no-such-job"}, "there is no job no-such-job; one of "),
        ({"failed_from": "yesterday"}, "failed_from: 'yesterday' is no time"),
        ({"failed_until": "2026-13-01"}, "failed_until"),
    ],
)
def test_what_cannot_be_meant_is_refused(office: Office, config: dict[str, Any], why: str) -> None:
    with pytest.raises(dg.Failure, match=why):
        redrive([JOB], office.installed.resource, RedriveConfig(**({"job": JOB.name} | config)))


@pytest.mark.parametrize(
    ("failed_from", "failed_until", "found"),
    [
        ("2023-11-14T22:13:20Z", "", 2),
        ("2023-11-14T22:13:21", "", 1),
        ("", "2023-11-14T23:13:21+01:00", 1),
        ("2023-11-15", "", 0),
    ],
)
def test_times_are_those_of_failing(office: Office, failed_from: str, failed_until: str, found: int) -> None:
    config = RedriveConfig(job=JOB.name, failed_from=failed_from, failed_until=failed_until)
    assert len(redrive([JOB], office.installed.resource, config).events) == found


def test_a_kafka_that_is_down_fails_both_with_one_line(office: Office) -> None:
    office.installed.positions.outage = "no broker answers"
    asset = failed_events_asset([JOB], load_configuration(None, {"LERN_PIPELINE_ENV": "test"}))
    config = {"ops": {"redrive_failed_events": {"config": {"job": JOB.name}}}}
    resources = {"installation": office.installed.resource}
    looked = dg.materialize([asset], instance=office.installed.instance, resources=resources, raise_on_error=False)
    sent = redriving_job([JOB]).execute_in_process(config, resources=resources, raise_on_error=False)
    for result in (looked, sent):
        (failure,) = [event for event in result.all_events if event.is_step_failure]
        assert "no broker answers" in str(failure.step_failure_data.error)


def test_tables_are_bounded_and_call_strangers_unknown() -> None:
    traces = [trace(n, n * 1_000, batch=f"b{n}") for n in range(SHOWN_EVENTS + 5)]
    stranger = trace(0, 0, job_name="u-ada@example.org", origin=None, hindrance=NO_WAY_BACK)
    metadata = failed_events_metadata([*traces, stranger], 7, {"tally": "tally-job"})
    assert len(records(metadata["newest"])) == SHOWN_EVENTS
    assert metadata["older_not_looked_at"] == 7
    assert metadata["not_redrivable"] == 1
    ours, unknown = records(metadata["by_reason"])
    newest = ", ".join(f"b{SHOWN_EVENTS + n}" for n in (4, 3, 2))
    assert ours["batches"] == f"{newest} and {SHOWN_EVENTS + 2} more"
    assert (ours["job"], unknown["job"]) == ("tally-job", "unknown")
    assert str(Origin("t", 1, 2)) == "t/1/2"
