"""Whatever learners and events: batches may be cut anywhere, and replays ask for no certificate again."""

from __future__ import annotations

import tempfile
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lern_pipeline.microbatch.service_readers import NotRead, UserBlocked
from lern_pipeline_tests.jobs.collection_cert_pre_processor.certificates import (
    ATTENDANCE,
    MERIT,
    PROFILE,
    REQUESTS,
    STARTED,
    Certificates,
    issue,
    template,
)

pytestmark = pytest.mark.rules

USERS = ("u1", "u2", "u3")

enrolment = st.fixed_dictionaries(
    {
        "active": st.sampled_from([True, True, None]),
        "status": st.sampled_from([2, 2, 1]),
        "issued_certificates": st.sampled_from([None, [{"name": "ATTENDANCE", "identifier": "1-a"}]]),
    }
)
learner = st.fixed_dictionaries(
    {
        "enrolment": st.none() | enrolment,
        "score": st.none() | st.integers(0, 10),
        "profile": st.sampled_from([PROFILE, PROFILE | {"rootOrgId": "org1"}, {}, UserBlocked(), NotRead("x", "y")]),
    }
)
learners = st.fixed_dictionaries(dict.fromkeys(USERS, learner))
templates = st.lists(
    st.sampled_from(
        [
            MERIT,
            ATTENDANCE,
            template({"user": {"rootOrgId": "org9"}}, name="Org"),
            template("{"),
            template({"assessment": {"score": {"<": 50}}}, name="Low", issuer="[]"),
        ]
    ),
    max_size=4,
)
events = st.lists(
    st.builds(
        lambda users, **edata: issue(*users, **edata),
        st.lists(st.sampled_from((*USERS, 7, "")), min_size=1, max_size=3),
        reIssue=st.sampled_from([False, True, "true"]),
        action=st.sampled_from(["issue-certificate", "issue-certificate", "other"]),
        batchId=st.sampled_from(["0140077", "0140077", "unknown"]),
    ),
    min_size=1,
    max_size=6,
)
few = settings(max_examples=25)


def certificates_of(base: str, people: dict[str, Any], given: list[dict[str, str]]) -> Certificates:
    found = Certificates(base)
    found.templates(*given)
    found.course('{"name": "Road Safety"}')
    found.content("do_a", '{"contentType": "SelfAssess"}')
    for user, person in people.items():
        if person["enrolment"] is not None:
            found.enrolled(user, **person["enrolment"])
        if person["score"] is not None:
            found.scored(user, a=person["score"], max_a=10)
        found.profile(user, person["profile"])
    return found


def told(found: Certificates) -> list[Any]:
    """The requests in order, without their times; failed records in any order."""
    requests = [{name: value for name, value in request.items() if name != "ets"} for request in found.requests]
    failed = [f"{record['edata']} {record['failInfo']['error']}" for record in found.failed]
    return [*requests, *sorted(failed)]


def asked_for(found: Certificates) -> list[str]:
    """Ids of the requests, which begin with the position of the event."""
    return [message.id for message in found.world.broker.published if message.topic == REQUESTS]


@few
@given(learners, templates, events, st.sets(st.integers(0, 5)))
def test_one_batch_is_as_good_as_several(
    people: dict[str, Any], given_: list[dict[str, str]], published: list[dict[str, Any]], cuts: set[int]
) -> None:
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        whole, cut = certificates_of(one, people, given_), certificates_of(other, people, given_)
        results = []
        for number, event in enumerate(published):
            whole.publish(event)
            cut.publish(event)
            if number in cuts or number == len(published) - 1:
                results.append(cut.run())
        result = whole.run()
        assert told(whole) == told(cut)
        for name, value in result.plan.metrics.items():
            assert value == sum(part.plan.metrics[name] for part in results), name


@few
@given(learners, templates, events)
def test_what_a_batch_says_adds_up(
    people: dict[str, Any], given_: list[dict[str, str]], published: list[dict[str, Any]]
) -> None:
    with tempfile.TemporaryDirectory() as base:
        found = certificates_of(base, people, given_)
        result = found.run_events(*published)
        metrics = result.plan.metrics
        assert metrics["total-events-count"] == len(published)
        assert metrics["success-events-count"] == len(found.requests)
        assert metrics["failed-events-count"] == result.account.failed_total == len(found.failed)
        assert metrics["skipped-event-count"] >= result.account.skipped_total
        mids = [request["mid"] for request in found.requests]
        assert len(set(mids)) == len(mids)


@few
@given(learners, templates, events)
def test_reruns_and_rewinds(
    people: dict[str, Any], given_: list[dict[str, str]], published: list[dict[str, Any]]
) -> None:
    with tempfile.TemporaryDirectory() as base:
        found = certificates_of(base, people, given_)
        first = found.run_events(*published)
        asked = asked_for(found)
        again = found.execute(found.keys[0], STARTED + 60, rerun=True)
        assert asked_for(found) == asked
        assert again.account == first.account
        # A rewind asks again for what the generator drops, never for a re-issue.
        found.rewind()
        found.run()
        issues = {f"0.{offset}" for offset, event in enumerate(published) if event["edata"]["reIssue"] is not True}
        assert asked_for(found)[len(asked) :] == [id_ for id_ in asked if id_.partition("|")[0] in issues]
