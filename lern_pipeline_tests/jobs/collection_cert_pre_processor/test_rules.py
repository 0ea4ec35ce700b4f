"""One rule at a time: events, templates, criteria, names, what goes into a request."""

from __future__ import annotations

from typing import Any

import pytest

from lern_pipeline.errors import ConfigurationError
from lern_pipeline.events.validation import InvalidEvent, Skip
from lern_pipeline.jobs.collection_cert_pre_processor.assessment import meets, percents
from lern_pipeline.jobs.collection_cert_pre_processor.cached_entry import UnusableEntry, cached_entry
from lern_pipeline.jobs.collection_cert_pre_processor.course_name import clean
from lern_pipeline.jobs.collection_cert_pre_processor.enrolment import equal_ignoring_case
from lern_pipeline.jobs.collection_cert_pre_processor.issue_request import IssueRequest, issue_request
from lern_pipeline.jobs.collection_cert_pre_processor.profile import without_null_elements
from lern_pipeline.jobs.collection_cert_pre_processor.refusal import Refused
from lern_pipeline.jobs.collection_cert_pre_processor.template import BrokenTemplate, usable_templates
from lern_pipeline.microbatch.service_readers import NotRead
from lern_pipeline.microbatch.stores import WrongType
from lern_pipeline_tests.jobs.collection_cert_pre_processor.certificates import (
    ATTENDANCE,
    BATCH,
    COURSE,
    MERIT,
    PROFILE,
    USER,
    Certificates,
    account,
    certificate_settings,
    issue,
    template,
)

pytestmark = pytest.mark.rules

ENROLLED = {"enrollment": {"status": 2}}


# --- events (3, D1)


def test_an_event_asks_for_each_distinct_learner() -> None:
    assert issue_request(issue("a", "b", "a", None, "", action="Issue-Certificate", reIssue=True)) == IssueRequest(
        ("a", "b"), COURSE, BATCH, True
    )


@pytest.mark.parametrize(
    "edata",
    [
        {"action": "issue-certificates"},
        {"action": ...},
        {"batchId": ""},
        {"courseId": None},
        {"courseId": ...},
        {"userIds": ...},
        {"userIds": None},
        {"userIds": []},
        {"userIds": [""]},
        {"userIds": [None]},
    ],
    ids=str,
)
def test_events_that_are_skipped(edata: dict[str, Any]) -> None:
    assert isinstance(issue_request(issue(**edata)), Skip)


@pytest.mark.parametrize("event", [{}, {"edata": None}, {"edata": "x"}])
def test_an_event_without_edata_is_skipped(event: dict[str, Any]) -> None:
    assert isinstance(issue_request(event), Skip)


@pytest.mark.parametrize(
    "edata",
    [
        {"batchId": 17},
        {"courseId": ["do_1"]},
        {"userIds": "u1"},
        {"userIds": {"0": "u1"}},
        {"userIds": [17]},
        {"action": 1},
        # Also where the action is another one: the types are looked at first.
        {"action": "other", "batchId": 17},
        {"batchId": " "},
        {"courseId": "x" * 40_000},
        {"userIds": ["\t"]},
    ],
    ids=lambda edata: str(edata)[:40],
)
def test_events_that_fail(edata: dict[str, Any]) -> None:
    with pytest.raises(InvalidEvent) as raised:
        issue_request(issue(**edata))
    assert raised.value.code == "INVALID_DATA"


def test_a_learner_that_is_none_fails_the_event_but_not_the_other_learners(state_s: Certificates) -> None:
    result = state_s.run_events(issue(USER, 17))
    assert state_s.edata()["userId"] == USER
    assert state_s.told() == ("INVALID_DATA", "an element of edata.userIds is not a string")
    assert account(result) == (0, 0, 1)


@pytest.mark.parametrize("re_issue", ["true", 1, []])
def test_re_issue_of_a_wrong_type_matters_where_a_certificate_is_held(state_s: Certificates, re_issue: Any) -> None:
    assert account(state_s.run_events(issue(reIssue=re_issue))) == (1, 0, 0)
    state_s.enrolled(issued_certificates=[{"name": "Merit Certificate"}])
    assert account(state_s.run_events(issue(reIssue=re_issue))) == (0, 0, 1)
    assert state_s.told() == ("INVALID_DATA", "do_t1: edata.reIssue is not a boolean")


# --- templates (5.1, 5.2)


@pytest.mark.parametrize(
    "fields",
    [
        template("{"),
        template(""),
        template("null"),
        template([]),
        template({}),
        template({"completion": {"status": 2}}),
        template({"enrollment": [2]}),
        template({"user": "org9"}),
        template(ENROLLED, additionalProps="["),
        template(ENROLLED, additionalProps=[]),
        template(ENROLLED, additionalProps={"user": "channel"}),
        template(ENROLLED, additionalProps={"user": [1]}),
        template(ENROLLED, additionalProps={"unknown": 7}),
    ],
    ids=str,
)
def test_broken_templates(fields: dict[str, str]) -> None:
    (found,) = usable_templates({"t": fields}, BATCH)
    assert isinstance(found, BrokenTemplate)
    assert found.refusal.code == "INVALID_TEMPLATE"


def test_a_template_without_known_criteria_is_told_in_the_contracts_words(certificates: Certificates) -> None:
    certificates.templates(template({"completion": {}}), template({}))
    certificates.run_events(issue("a", "b"))
    text = f"Invalid template for batch : {BATCH}"
    assert certificates.told() == ("INVALID_TEMPLATE", f"do_t1: {text}; do_t2: {text}")


@pytest.mark.parametrize(("member", "text"), [("issuer", "[]"), ("issuer", "{"), ("signatoryList", "{}")])
def test_issuer_and_signatories_are_looked_at_when_they_are_needed(
    state_s: Certificates, member: str, text: str
) -> None:
    state_s.templates(MERIT | {member: text})
    state_s.enrolled("inactive", active=False)
    assert account(state_s.run_events(issue("inactive"), issue())) == (0, 1, 1)
    code, told = state_s.told()
    assert code == "INVALID_TEMPLATE"
    assert told.startswith(f"do_t1: {member}")


# --- enrolment (5.3)


@pytest.mark.parametrize(
    ("columns", "criteria", "passes"),
    [
        ({}, {"status": 2}, True),
        ({}, {"status": 2.0}, True),
        ({}, {"progress": 9}, True),
        ({}, {"status": "2"}, False),
        ({}, {"status": None}, False),
        ({"status": 1}, {"status": True}, False),
        ({"status": None}, {"status": 0}, True),
        ({"active": None}, {"status": 2}, False),
        ({"active": False}, {"status": 2}, False),
    ],
)
def test_enrolment_criteria(
    certificates: Certificates, columns: dict[str, Any], criteria: dict[str, Any], passes: bool
) -> None:
    certificates.templates(template({"enrollment": criteria}))
    certificates.enrolled(**columns)
    certificates.profile()
    certificates.course('{"name": "x"}')
    certificates.run_events(issue())
    assert bool(certificates.requests) is passes


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [("Merit", "mERIT", True), ("Straße", "STRASSE", False), ("ÄÖ", "äö", True), ("a", "ab", False), ("", "", True)],
)
def test_names_are_compared_character_by_character(one: str, other: str, equal: bool) -> None:
    assert equal_ignoring_case(one, other) is equal


@pytest.mark.parametrize("name", ["grade", "took"])
def test_a_name_that_is_no_column_fails_even_who_is_not_eligible(certificates: Certificates, name: str) -> None:
    certificates.templates(template(ENROLLED, additionalProps={"enrollment": [name]}))
    certificates.enrolled(active=False)
    certificates.run_events(issue())
    assert certificates.told()[0] == "INVALID_TEMPLATE"
    # Who is not enrolled at all is just that.
    assert account(certificates.run_events(issue("nobody"))) == (0, 1, 0)


# --- assessment (5.4)


def test_percents() -> None:
    aggregates = {"score:a": 3.0, "max_score:a": 10.0, "score:c": 5.0, "max_score:c": 0.0, "completedCount": 4.0}
    agg = {"score:a": 10, "score:b": 7, "score:score:d": 1, "score:e": None, "max_score:f": 1}
    assert percents(aggregates, agg) == {"a": 30.0, "b": 700.0, "c": 0.0, "d": 0.0}
    assert percents(None, None) == {}
    assert percents({"score:a": float("nan"), "score:b": 1.0, "max_score:b": float("nan")}, {}) == {"a": 0.0, "b": 0.0}


@pytest.mark.parametrize(
    ("criterion", "holds"),
    [
        ({"EQ": 70}, True),
        ({"eq": "70"}, True),
        ({"=": 70.0}, True),
        ({">=": 62.5}, True),
        ({">": 70}, False),
        ({"<": "70.5"}, True),
        ({"!=": 70}, False),
        ({"ne": 71}, True),
        ({"ge": 1}, False),
        ({"Eq": 70}, False),
        ({"==": "x"}, False),
        ({">=": 60, "<": 65}, False),
        ({">": 60, "<=": 70}, True),
        ({">": 60, "gte": 60}, False),
        ({">=": 10**400}, False),
        (70, True),
        ("70", True),
        (71.5, False),
        ({}, False),
        (None, False),
    ],
    ids=str,
)
def test_operators(criterion: Any, holds: bool) -> None:
    assert meets(criterion, 70.0) is holds


@pytest.mark.parametrize("criterion", [{">=": "x"}, {"=": None}, {"<": True}, {"<": [1]}, [70], True, "seventy", ""])
def test_a_score_that_is_compared_with_no_number_fails(criterion: Any) -> None:
    with pytest.raises(Refused):
        meets(criterion, 70.0)


@pytest.mark.parametrize(
    ("cached", "expected"),
    [
        (None, {}),
        ("", {}),
        ('{"contentType": "A", "content_type": "B", "x": ""}', {"contenttype": "B"}),
        ('{"Content_Type_": null}', {"contenttype": None}),
    ],
)
def test_cached_entries(cached: str | None, expected: dict[str, Any]) -> None:
    assert cached_entry(cached) == expected


@pytest.mark.parametrize("cached", ["x", "[]", '"a"', WrongType.WRONG_TYPE])
def test_cached_entries_that_are_none_fail_the_event_alone(state_s: Certificates, cached: str | WrongType) -> None:
    with pytest.raises(UnusableEntry):
        cached_entry(cached)
    if isinstance(cached, str):
        state_s.content("do_a", cached)
    else:
        state_s.world.caches.database("redis-meta", 5)["do_a"] = frozenset({"x"})
    state_s.run_events(issue())
    assert state_s.told()[0] == "SYSTEM_ERROR"


# --- profile (5.5, 6.2, 7.1)


@pytest.mark.parametrize(
    ("criteria", "passes"),
    [
        ({"rootOrgId": "org9"}, True),
        ({"rootOrgId": "ORG9"}, False),
        ({"age": 30.0}, True),
        ({"age": True}, False),
        ({"flag": 1}, False),
        ({"framework": {"board": ["A", "B"]}}, True),
        ({"framework": {"board": ["B", "A"]}}, False),
        ({"missing": None}, True),
        ({"missing": ""}, False),
        ({"gone": None}, True),
    ],
    ids=str,
)
@pytest.mark.parametrize("member", ["user", "users"])
def test_user_criteria(certificates: Certificates, member: str, criteria: dict[str, Any], passes: bool) -> None:
    certificates.templates(template({member: criteria}))
    profile = {"age": 30, "flag": True, "framework": {"board": ["A", None, "B"]}, "gone": None}
    certificates.profile(answer=PROFILE | profile)
    certificates.course('{"name": "x"}')
    certificates.run_events(issue())
    assert bool(certificates.requests) is passes


def test_an_empty_profile_earns_nothing(state_s: Certificates) -> None:
    state_s.profile(answer={})
    assert account(state_s.run_events(issue())) == (0, 1, 0)


def test_a_user_that_cannot_be_read_fails_its_event_alone(state_s: Certificates) -> None:
    state_s.enrolled("u502")
    state_s.scored("u502", a=7, max_a=10)
    state_s.profile("u502", NotRead("http://userorg/private/user/v1/read/u502", "answered 404"))
    assert account(state_s.run_events(issue("u502"), issue())) == (1, 0, 1)
    assert state_s.told() == (
        "ERR_API_CALL",
        "do_t1: Error from get API : http://userorg/private/user/v1/read/u502, with response: answered 404",
    )


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        ("  Ann ", " de  Roo ", "Ann   de  Roo"),
        ("Null", None, ""),
        (..., "Solo", "Solo"),
        ("Nullah", "nUlL", "Nullah"),
        ("\u00a0Ann", "", "\u00a0Ann"),
    ],
)
def test_recipient_names(state_s: Certificates, first: Any, last: Any, expected: str) -> None:
    names = {"firstName": first, "lastName": last}
    state_s.profile(answer={"rootOrgId": None} | {name: value for name, value in names.items() if value is not ...})
    state_s.run_events(issue())
    assert state_s.edata()["data"] == [{"recipientName": expected, "recipientId": USER}]
    assert state_s.edata()["orgId"] is None


@pytest.mark.parametrize("member", ["firstName", "userLocations"])
def test_a_profile_that_cannot_be_used_fails_the_event(state_s: Certificates, member: str) -> None:
    state_s.profile(answer=PROFILE | {member: 7})
    state_s.run_events(issue())
    code, told = state_s.told()
    assert code == "INVALID_DATA"
    assert member in told
    assert "Asha" not in told


def test_related_is_built_in_its_order(state_s: Certificates) -> None:
    props = {"user": ["batchId", "none", "nul", "course", "roles"], "location": ["state", "planet"], "course": ["x"]}
    state_s.templates(template(ENROLLED, additionalProps=props))
    places = [{"type": "state", "name": "Kerala"}, None, {"type": "state", "name": "Goa"}, {"type": "x"}, {"name": "n"}]
    mine = {"batchId": "mine", "nul": None, "course": "hidden", "userLocations": places, "roles": [None, "A"]}
    state_s.profile(answer=PROFILE | mine)
    state_s.run_events(issue())
    assert state_s.edata()["related"] == {
        "batchId": "mine",
        "courseId": COURSE,
        "type": "Merit",
        "location": {"state": "Goa"},
        "nul": None,
        "roles": ["A"],
        "course": {"name": "RoadSafety"},
    }


def test_columns_of_the_enrolment(state_s: Certificates) -> None:
    names = ["completedOn", "Status", "ACTIVE", "contentStatus", "issued_certificates", "addedBy"]
    state_s.templates(template(ENROLLED, additionalProps={"enrollment": names}))
    state_s.enrolled(completedon=None)
    state_s.run_events(issue())
    assert state_s.edata()["related"]["enrollment"] == {
        "completedOn": None,
        "Status": 2,
        "ACTIVE": True,
        "contentStatus": {},
        "issued_certificates": [],
        "addedBy": None,
    }
    # Today's date, where the day of completion is unknown (D2).
    assert state_s.edata()["issuedDate"] == "2024-03-06"


def test_a_date_that_is_none_fails_the_event(state_s: Certificates) -> None:
    state_s.enrolled(completedon=2**62)
    state_s.run_events(issue())
    assert state_s.told() == ("INVALID_DATA", "do_t1: completedon of the enrolment is no date")


def test_nulls_in_arrays_are_dropped_and_null_members_stay() -> None:
    assert without_null_elements({"a": [None, {"b": [None], "c": None}], "d": None}) == {
        "a": [{"b": [], "c": None}],
        "d": None,
    }


# --- course name (6.1)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (r"Tab\there \"q\" \\ \'s\'" + "\nnl", "Tabhere \"q\" \\ 's'nl"),
        ("C:\\data \\u0905 \\7 a\\tb end\\", "C:\\data \\u0905 \\7 ab end\\"),
        ("\\\\n", "\\n"),
        ("\x7f\x1fआ", "\x7fआ"),
    ],
)
def test_course_names_are_cleaned(name: str, expected: str) -> None:
    assert clean(name) == expected


@pytest.mark.parametrize("cached", ["{}", '{"name": ""}', '{"name": 7}', '{"identifier": "x"}'])
def test_a_cached_course_without_name_is_asked_for(state_s: Certificates, cached: str) -> None:
    state_s.course(cached)
    state_s.world.contents.names[COURSE] = "From API"
    state_s.run_events(issue())
    assert state_s.edata()["courseName"] == "From API"


def test_a_course_that_cannot_be_read_fails_the_event(state_s: Certificates) -> None:
    state_s.course("{}")
    state_s.world.contents.names[COURSE] = NotRead("http://content/read/do_900", "answered 404")
    state_s.run_events(issue())
    assert state_s.told() == (
        "ERR_API_CALL",
        "do_t1: Error from get API : http://content/read/do_900, with response: answered 404",
    )


# --- addresses and size (6)


def test_the_storage_without_cname(state_s: Certificates) -> None:
    state_s.settings = certificate_settings(cloud_storage_cname_url="")
    state_s.templates(MERIT | {"url": "CLOUD_BASE_PATH/a/CLOUD_BASE_PATH/b.svg"})
    state_s.run_events(issue())
    base = "https://store.example.net/content"
    assert state_s.edata()["svgTemplate"] == f"{base}/a/{base}/b.svg"


def test_missing_addresses_stop_the_batch_once_a_certificate_is_earned(state_s: Certificates) -> None:
    state_s.settings = certificate_settings(cert_domain_url="https://x")
    unset = dict.fromkeys(("cloud_storage_cname_url", "cloud_storage_base_url"))
    state_s.settings = type(state_s.settings)(
        state_s.settings.job, {**state_s.settings.values, **unset}, state_s.settings.origins
    )
    state_s.run_events(issue("nobody"))
    with pytest.raises(ConfigurationError, match="cloud_storage"):
        state_s.run_events(issue())


def test_a_request_that_is_too_large_fails_its_event(state_s: Certificates) -> None:
    state_s.templates(MERIT | {"signatoryList": '["%s"]' % ("x" * 2_000_000)}, ATTENDANCE)
    state_s.run_events(issue())
    assert state_s.told() == ("INVALID_DATA", "do_t1: the request is larger than a message may be")
    assert state_s.edata()["name"] == "Attendance"


def test_what_is_nested_too_deeply_fails_its_event_alone(state_s: Certificates) -> None:
    deep: Any = []
    for _ in range(5000):
        deep = [deep]
    state_s.profile(answer=PROFILE | {"channel": deep})
    state_s.enrolled("u502")
    state_s.scored("u502", a=7, max_a=10)
    state_s.profile("u502")
    assert account(state_s.run_events(issue(), issue("u502"))) == (1, 0, 1)
    assert state_s.told()[0] == "INVALID_DATA"
