"""The user read and the batch search: every page, and what each answer means (contract 3.1, 3.2, decisions 5)."""

from __future__ import annotations

from typing import Any

import pytest

from lern_pipeline.errors import ConfigurationError, ServiceUnavailable
from lern_pipeline.microbatch.batch_ownership import (
    BatchKey,
    Member,
    MemberFound,
    MemberRefused,
    MemberUnclear,
    OpenBatches,
)
from lern_pipeline.resources import course_batch_search
from lern_pipeline.resources.course_batch_search import LmsBatchSearch
from lern_pipeline.resources.organisation_members import UserOrganisationMembers
from lern_pipeline.settings import JobSettings, load_configuration
from lern_pipeline_tests.third_party.answers import Answer
from lern_pipeline_tests.third_party.server import ThirdParty

pytestmark = pytest.mark.stack


def settings(server: ThirdParty, **own: str) -> JobSettings:
    given = {
        "LERN_PIPELINE_SERVICE_LMS_BASEPATH": server.address,
        "LERN_PIPELINE_SERVICE_USERORG_BASEPATH": server.address,
        "LERN_PIPELINE_HTTP_ATTEMPTS": "2",
    } | {f"LERN_PIPELINE_JOBS_USER_OWNERSHIP_TRANSFER__{name.upper()}": value for name, value in own.items()}
    return load_configuration(None, given).for_job("user-ownership-transfer")


def read(server: ThirdParty, *users: str, **own: str) -> dict[str, Member]:
    """``service_userorg_basepath="…"`` sets one."""
    client = UserOrganisationMembers(settings(server, **own))
    try:
        return client.read_members(users)
    finally:
        client.close()


def search(server: ThirdParty, *users: str) -> dict[str, OpenBatches]:
    client = LmsBatchSearch(settings(server))
    try:
        return client.open_batches(users)
    finally:
        client.close()


# --- the user read


def profile(**members: Any) -> dict[str, Any]:
    return {"responseCode": "OK", "result": {"response": members}}


@pytest.mark.parametrize("path", ["/private/user/v1/read/", "/private/user/v1/read", "private/user/v1/read//"])
def test_the_path_has_one_slash_and_the_query_its_words(third_party: ThirdParty, path: str) -> None:
    third_party.answer("private", profile(identifier="u 1/2", rootOrgId="o1"))
    own = {"user_read_api": path, "service_userorg_basepath": f"{third_party.address}/"}
    assert read(third_party, "u 1/2", "u 1/2", **own) == {"u 1/2": MemberFound("u 1/2", "o1")}
    (request,) = third_party.requests
    assert (request.method, request.path) == ("GET", "/user/v1/read/u%201%2F2?identifier,rootOrgId")
    assert request.headers["Content-Type"] == "application/json"


@pytest.mark.parametrize(
    ("answer", "member"),
    [
        (profile(), MemberFound("", "")),
        (profile(identifier=None, rootOrgId=5), MemberFound("", "")),
        ({"result": None}, MemberFound("", "")),
        ({}, MemberFound("", "")),
        ("", MemberUnclear("answered 200 without a JSON object")),
        ("[]", MemberUnclear("answered 200 without a JSON object")),
        (Answer(profile(identifier="u", rootOrgId="o"), 201), MemberUnclear("answered 201")),
        (Answer({}, 400), MemberRefused(400)),
        (Answer({}, 404), MemberRefused(404)),
        (Answer({}, 418), MemberRefused(418)),
    ],
)
def test_what_an_answer_says_of_a_user(third_party: ThirdParty, answer: Any, member: Member) -> None:
    third_party.answer("private", answer)
    assert read(third_party, "u") == {"u": member}
    assert len(third_party.requests) == 1


@pytest.mark.parametrize("answer", [Answer({}, 429), Answer({}, 500), Answer({}, 503), Answer(drop=True)])
def test_an_outage_of_the_user_service_is_no_answer_about_a_user(third_party: ThirdParty, answer: Answer) -> None:
    third_party.answer("private", answer)
    with pytest.raises(ServiceUnavailable, match="user service at "):
        read(third_party, "u")
    assert len(third_party.requests) == 2


@pytest.mark.parametrize("status", [401, 403])
def test_a_refusal_names_the_setting(third_party: ThirdParty, status: int) -> None:
    third_party.answer("private", Answer({}, status))
    with pytest.raises(ConfigurationError, match=f"{status} .*check service.userorg.basePath"):
        read(third_party, "u")
    third_party.answer("v1", Answer({}, status))
    with pytest.raises(ConfigurationError, match=f"{status} .*check service.lms.basePath"):
        search(third_party, "u")


# --- the batch search


def found(count: Any, *batches: str, **more: Any) -> dict[str, Any]:
    content = [{"batchId": batch, "courseId": f"C-{batch}", **more} for batch in batches]
    return {"result": {"response": {"count": count, "content": content}}}


def keys(*batches: str) -> tuple[BatchKey, ...]:
    return tuple(BatchKey(f"C-{batch}", batch) for batch in batches)


NOTHING = found(0)


def test_both_searches_are_made_with_escaped_ids(third_party: ThirdParty) -> None:
    user = 'u"1\\'
    third_party.answer("v1", found(1, "B1"), found(2, "B1", "B2", mentors=None))
    assert search(third_party, user, user) == {user: OpenBatches(keys("B1", "B2"))}
    assert [(request.method, request.path) for request in third_party.requests] == [
        ("POST", "/course/batch/search")
    ] * 2
    fields = ["identifier", "createdFor", "batchId", "courseId", "startDate", "enrollmentType"]
    page = {"offset": 0, "limit": 200}
    assert [request.body["request"] for request in third_party.requests] == [
        {"filters": {"createdBy": user, "status": [0, 1]}, "fields": fields, **page},
        {"filters": {"mentors": [user], "status": [0, 1]}, "fields": [*fields, "mentors"], **page},
    ]


def test_pages_are_asked_for_until_all_are_there_whatever_the_service_makes_of_the_limit(
    third_party: ThirdParty,
) -> None:
    third_party.answer("v1", found(5, "B1", "B2"), found(5, "B3"), found(5, "B4", "B5"), NOTHING)
    assert search(third_party, "u") == {"u": OpenBatches(keys("B1", "B2", "B3", "B4", "B5"))}
    assert [request.body["request"]["offset"] for request in third_party.requests] == [0, 2, 3, 0]


def test_a_service_that_counts_more_than_it_gives_does_not_hold_the_lane(third_party: ThirdParty) -> None:
    third_party.answer("v1", found(5, "B1"), found(5), NOTHING)
    assert search(third_party, "u") == {"u": OpenBatches(keys("B1"))}


def test_pages_that_shift_are_gone_through_again(third_party: ThirdParty, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(course_batch_search, "PAGE", 2)
    third_party.answer("v1", found(3, "B1", "B2"), found(3, "B2"), found(3, "B3", "B1"), found(3, "B2"), NOTHING)
    assert search(third_party, "u") == {"u": OpenBatches(keys("B1", "B2", "B3"))}
    assert len(third_party.requests) == 5


def test_pages_that_never_come_to_rest_are_told_of(third_party: ThirdParty, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(course_batch_search, "PAGE", 2)
    shifting = [found(3, "B1", "B2"), found(3, "B2")] * course_batch_search.PASSES
    third_party.answer("v1", *shifting, NOTHING)
    assert search(third_party, "u") == {"u": OpenBatches(keys("B1", "B2"), is_complete=False)}


def test_no_more_is_asked_for_than_the_cluster_gives_out(
    third_party: ThirdParty, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(course_batch_search, "PAGE", 2)
    monkeypatch.setattr(course_batch_search, "MOST", 3)
    third_party.answer("v1", found(7, "B1", "B2"), found(7, "B3"), NOTHING)
    assert search(third_party, "u") == {"u": OpenBatches(keys("B1", "B2", "B3"), is_complete=False)}
    pages = [(request.body["request"]["offset"], request.body["request"]["limit"]) for request in third_party.requests]
    assert pages == [(0, 2), (2, 1), (0, 2)]


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"result": {}},
        {"result": {"response": {}}},
        found(0, "B1"),
        {"result": {"response": {"content": [{"batchId": "B1", "courseId": "C1"}]}}},
        {"result": {"response": {"count": 3}}},
        {"result": {"response": {"count": 3, "content": None}}},
    ],
)
def test_without_count_or_content_nothing_is_found(third_party: ThirdParty, answer: Any) -> None:
    third_party.answer("v1", answer)
    assert search(third_party, "u") == {"u": OpenBatches()}


def test_entries_without_course_or_batch_are_left_out(third_party: ThirdParty) -> None:
    odd = [{"batchId": "B0"}, {"courseId": "C0"}, {"batchId": "", "courseId": "C"}, {"batchId": 5, "courseId": "C"}, 7]
    answer = found(6, "B1")
    answer["result"]["response"]["content"] += odd
    third_party.answer("v1", answer, NOTHING)
    assert search(third_party, "u") == {"u": OpenBatches(keys("B1"), without_key=5)}


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Answer(found(1, "B1"), 201), "answered 201"),
        (Answer({}, 404), "answered 404"),
        (Answer({}, 503), "answered 503"),
        (Answer(drop=True), "did not answer"),
        ("<html>", "cannot be used"),
        (found(None, "B1"), "cannot be used"),
        (found("1", "B1"), "cannot be used"),
        ({"result": []}, "cannot be used"),
    ],
)
def test_whatever_is_no_result_is_tried_again_and_then_an_outage(
    third_party: ThirdParty, answer: Any, reason: str
) -> None:
    third_party.answer("v1", answer)
    with pytest.raises(ServiceUnavailable, match=f"LMS service at .*{reason}"):
        search(third_party, "u")
    assert len(third_party.requests) == 2


def test_a_search_that_works_again_is_used(third_party: ThirdParty) -> None:
    third_party.answer("v1", "<html>", found(1, "B1"), Answer({}, 503), NOTHING)
    assert search(third_party, "u") == {"u": OpenBatches(keys("B1"))}
