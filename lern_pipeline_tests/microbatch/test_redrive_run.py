"""Failed events are sent through again, each once, whatever breaks on the way."""

from __future__ import annotations

import json

import pytest

from lern_pipeline.errors import ServiceUnavailable
from lern_pipeline.microbatch.failed_log import FailedLog
from lern_pipeline.microbatch.redrive_run import Redrive, Redriven, traces_in
from lern_pipeline.microbatch.redriving import Selection
from lern_pipeline.microbatch.services import RecordsExpired
from lern_pipeline.settings import load_configuration
from lern_pipeline_tests.microbatch.broker_in_memory import InMemoryBroker
from lern_pipeline_tests.microbatch.failed_records import failed_topic_message
from lern_pipeline_tests.microbatch.failing import FailingBroker, FailingRows

pytestmark = pytest.mark.rules

INPUT, FAILED = "test.input", "test.failed"
ALL = Selection("tally")
TABLE = "lern_pipeline.redriven_events"


class Yard:
    """A failed topic with three events of one job and one of another."""

    def __init__(self) -> None:
        self.broker = FailingBroker()
        self.rows = FailingRows()
        for offset in range(3):
            self.fail(offset)
        self.broker.published.append(failed_topic_message(0, b"{}", job_name="parcels"))

    def fail(self, offset: int, attempt: int = 1, earlier_attempts: int = 0) -> None:
        value = json.dumps({"user": f"u-{offset}"}).encode()
        message = failed_topic_message(offset, value, attempt=attempt, earlier_attempts=earlier_attempts)
        self.broker.published.append(message)

    def run(self, selection: Selection = ALL, dry_run: bool = False, **asked: int | bool) -> Redriven:
        settings = load_configuration(None, {"LERN_PIPELINE_ENV": "test"}).for_job("relation-cache-updater")
        failed = sum(message.topic == FAILED for message in self.broker.published)
        log = FailedLog(FAILED, {0: 0}, {0: failed})
        redrive = Redrive(settings, self.broker, self.rows, log, INPUT, lambda: 1_800_000_000.0)
        return redrive.run(selection, int(asked.get("at_most", 100)), bool(asked.get("again")), dry_run)

    @property
    def sent(self) -> list[tuple[bytes, bytes | None, dict[str, bytes]]]:
        return [(m.value, m.key, dict(m.headers)) for m in self.broker.published if m.topic == INPUT]


@pytest.fixture
def yard() -> Yard:
    return Yard()


def offsets(result: Redriven) -> list[int]:
    return [one.origin.offset for one in result.events]


def test_what_was_selected_goes_to_the_input_topic_as_it_was(yard: Yard) -> None:
    assert offsets(yard.run()) == [0, 1, 2]
    assert yard.sent == [
        (b'{"user": "u-%d"}' % offset, b"k-%d" % offset, {"lern-pipeline-attempts": b"1"}) for offset in range(3)
    ]


def test_a_dry_run_sends_and_keeps_nothing(yard: Yard) -> None:
    assert offsets(yard.run(dry_run=True)) == [0, 1, 2]
    assert yard.sent == []
    assert yard.rows.rows(TABLE) == []


def test_a_second_run_sends_nothing(yard: Yard) -> None:
    yard.run()
    result = yard.run()
    assert (offsets(result), result.choice.redriven, len(yard.sent)) == ([], 3, 3)
    assert yard.rows.tables[TABLE].expires_after == 30 * 86_400


def test_a_limit_is_worked_off_run_by_run(yard: Yard) -> None:
    assert [offsets(yard.run(at_most=2)) for _ in range(3)] == [[0, 1], [2], []]


def test_again_sends_again(yard: Yard) -> None:
    yard.run()
    assert offsets(yard.run(again=True)) == [0, 1, 2]


def test_a_failure_of_what_was_sent_again_is_another_event_and_counts_on(yard: Yard) -> None:
    yard.run()
    yard.fail(7, earlier_attempts=1)
    assert offsets(yard.run()) == [7]
    assert yard.sent[-1][2] == {"lern-pipeline-attempts": b"2"}


def test_what_was_sent_and_not_noted_is_sent_twice_and_nothing_is_lost(yard: Yard) -> None:
    yard.rows.writes_before_failure = 0
    with pytest.raises(ServiceUnavailable):
        yard.run()
    yard.rows.writes_before_failure = None
    assert offsets(yard.run()) == [0, 1, 2]
    assert len(yard.sent) == 6
    assert offsets(yard.run()) == []


def test_what_was_not_acknowledged_is_not_noted(yard: Yard) -> None:
    yard.broker.messages_before_failure = 1
    with pytest.raises(ServiceUnavailable):
        yard.run()
    assert yard.rows.rows(TABLE) == []


def test_without_the_table_nothing_is_sent(yard: Yard) -> None:
    yard.rows.reads_fail = True
    with pytest.raises(ServiceUnavailable):
        yard.run()
    assert yard.sent == []


def test_what_cannot_be_sent_is_told_with_its_reason(yard: Yard) -> None:
    yard.broker.published.append(failed_topic_message(9, None))
    result = yard.run(dry_run=True)
    assert offsets(result) == [0, 1, 2]
    assert result.hindered == {"the event has no value": 1}


def test_what_retention_takes_away_meanwhile_is_told(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    read, reads = InMemoryBroker.read_with_headers, []

    def once(self: InMemoryBroker, *asked: object) -> object:
        reads.append(asked)
        if len(reads) > 1:
            raise RecordsExpired("gone")
        return read(self, *asked)  # type: ignore[arg-type]

    monkeypatch.setattr(InMemoryBroker, "read_with_headers", once)
    result = yard.run()
    assert (offsets(result), result.gone) == ([], 3)
    assert yard.rows.rows(TABLE) == []


def test_a_topic_that_does_not_exist_has_nothing() -> None:
    assert traces_in(InMemoryBroker(), FailedLog(FAILED)) == []
