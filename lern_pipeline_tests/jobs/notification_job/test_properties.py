"""However records are cut into batches, replayed or refused: nobody gets a message twice, and none gets lost."""

from __future__ import annotations

import tempfile
from collections import Counter
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lern_pipeline.microbatch.channels import Mail, NotSent, Push, Sent, Sms
from lern_pipeline_tests.jobs.notification_job.post_office import (
    MAIL,
    PUSH,
    SMS,
    STARTED,
    PostOffice,
    changed,
    envelope,
    notification_settings,
)

pytestmark = pytest.mark.rules

quick = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])

NOTIFICATIONS = (
    SMS,
    changed(SMS, ids=None),
    changed(SMS, ids=[]),
    changed(SMS, mode=None),
    changed(SMS, mode="pigeon"),
    MAIL,
    changed(MAIL, ids=["b@lern.test", "c@lern.test"]),
    PUSH,
    changed(PUSH, ids=None, config={"topic": "all"}),
)


def event_of(number: int, twin: str | None, iteration: int) -> Any:
    """The same mid says the same."""
    return envelope(NOTIFICATIONS[number], None if twin is None else f"{twin}{number}", iteration)


events = st.builds(
    event_of, st.integers(0, len(NOTIFICATIONS) - 1), st.sampled_from([None, "a", "b"]), st.sampled_from([1, 1, 2])
)
placed = st.lists(st.tuples(events, st.integers(0, 1)), min_size=1, max_size=8)
refused = st.frozensets(st.sampled_from(["sms", "mail", "t1", "t2", "all"]))
transports = st.sampled_from([{}, {"fcm_service_account_json": "{}"}])


def refusing(names: frozenset[str]) -> Any:
    def answer(message: Sms | Mail | Push) -> Sent | NotSent:
        match message:
            case Sms():
                mine = {"sms"}
            case Mail():
                mine = {"mail"}
            case Push(tokens=tokens, topic=topic):
                mine = set(tokens) or {topic}
        return NotSent("refused") if mine <= names else Sent()

    return answer


def opened(base: str, names: frozenset[str], setting: dict[str, str]) -> PostOffice:
    office = PostOffice(base, notification_settings(**setting))
    for channel in (office.sms, office.mail, office.push):
        channel.answer = refusing(names)
    return office


def work_off(office: PostOffice) -> None:
    """Until nothing comes back."""
    while True:
        office.run(STARTED)
        if not office.take_up_retries():
            return


@quick
@given(placed, st.sets(st.integers(0, 7)), refused, transports)
def test_batches_may_be_cut_anywhere(
    records: list[tuple[Any, int]], cuts: set[int], names: frozenset[str], setting: dict[str, str]
) -> None:
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        whole, cut = opened(one, names, setting), opened(other, names, setting)
        for number, (event, _) in enumerate(records):
            whole.publish(event)
            cut.publish(event)
            if number in cuts:
                cut.run()
        work_off(whole)
        work_off(cut)
        assert attempts(whole) == attempts(cut)


def attempts(office: PostOffice) -> Counter[str]:
    """The keys under which something was tried; those without a mid have no key that a retry shares."""
    keys = [key for (_, key), entry in office.world.ledger.known.items() if entry.outcome is not None]
    return Counter({key: 1 for key in keys if not key.startswith("at|")}) + Counter(
        by_place=sum(key.startswith("at|") for key in keys)
    )


@quick
@given(placed, refused, transports)
def test_a_replay_tries_nothing_again_and_publishes_nothing(
    records: list[tuple[Any, int]], names: frozenset[str], setting: dict[str, str]
) -> None:
    """Each batch once more as an operator does, then everything once more in one batch."""
    with tempfile.TemporaryDirectory() as base:
        office = opened(base, names, setting)
        for event, partition in records:
            office.publish(event, partition)
        work_off(office)
        tried, published = len(office.tried), len(office.world.broker.published)
        for key in list(office.keys):
            office.execute(key, attempt=2, rerun=True)
        office.go_back()
        replayed = office.run()
        assert (len(office.tried), len(office.world.broker.published)) == (tried, published)
        assert replayed.account.processed == replayed.account.failed_total == 0


@quick
@given(placed, refused, transports)
def test_nothing_is_tried_more_than_twice_and_every_event_ends(
    records: list[tuple[Any, int]], names: frozenset[str], setting: dict[str, str]
) -> None:
    with tempfile.TemporaryDirectory() as base:
        office = opened(base, names, setting)
        for number, (event, partition) in enumerate(records):
            office.publish(event | {"mid": f"m{number}"}, partition)
        work_off(office)
        mails = Counter(mail.id for mail in office.mail.tried)
        assert all(count == 1 for count in mails.values())
        outcomes = [entry.outcome for entry in office.world.ledger.known.values()]
        assert all(outcome is not None and outcome.status in ("done", "failed") for outcome in outcomes)
        wanted = sum(event["edata"]["request"]["notification"]["mode"] == "phone" for event, _ in records)
        assert len(office.sms.tried) <= 2 * wanted
        if not names:
            assert len(office.sms.tried) == len(office.sms.sent)
