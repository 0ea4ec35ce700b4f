"""Dates, sections and folding, beyond the contract's examples."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lern_pipeline.events.validation import InvalidEvent, Skip
from lern_pipeline.jobs.program_user_info.calendar_date import calendar_date
from lern_pipeline.jobs.program_user_info.profile import profile_columns, user_locations, user_sub_types, user_type
from lern_pipeline.jobs.program_user_info.program_document import ProgramEnrolment, program_enrolment
from lern_pipeline.jobs.program_user_info.rules import folded
from lern_pipeline_tests.jobs.program_user_info.test_contract_examples import E1

pytestmark = pytest.mark.rules


@pytest.mark.parametrize(
    ("text", "date"),
    [
        ("2024-02-29T23:59:59.999Z", "2024-02-29"),
        ("2024-03-01T00:00:00.000Z", "2024-03-01"),
        ("2024-03-02T23:50:00.829123Z", "2024-03-02"),
        ("2024-03-01T02:00:00.000+05:30", "2024-02-29"),
        ("2024-02-29T22:00:00-0400", "2024-03-01"),
        ("2024-03-02T23:30Z", "2024-03-02"),
    ],
)
def test_the_date_in_utc(text: str, date: str) -> None:
    assert calendar_date(text, "createdAt") == date


@pytest.mark.parametrize(
    "value",
    [
        *("", None, 1709236809476, {"$date": "2024-03-02T23:30:56.829Z"}, True),
        *("yesterday", "2024-03-02", "2024-03-02T23:30:56.829", "2024-03-02 23:30:56Z", "2024-03-02T23:30:56.829Z "),
        *("2024-13-05T10:00:00.000Z", "2023-02-29T10:00:00Z", "2024-03-02T25:00:00Z", "2024-03-02T10:00:60Z"),
        *(
            "0001-01-01T00:00:00+05:30",
            "9999-12-31T23:00:00-05:00",
            "2024-03-02T10:00:00+19:00",
            "２０２４-03-02T10:00:00Z",
        ),
    ],
)
def test_what_is_no_instant_is_refused(value: object) -> None:
    with pytest.raises(InvalidEvent, match="createdAt"):
        calendar_date(value, "createdAt")


@given(
    st.datetimes(min_value=datetime(1000, 1, 2), max_value=datetime(9998, 12, 30)),
    st.integers(-18 * 60, 18 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes))),
)
def test_any_instant_gives_its_date_in_utc(moment: datetime, zone: timezone) -> None:
    there = moment.replace(tzinfo=zone)
    assert calendar_date(there.isoformat(timespec="milliseconds"), "d") == there.astimezone(UTC).date().isoformat()


def test_a_later_location_of_a_type_overwrites_only_what_it_has() -> None:
    first = {"type": "state", "name": "Kerala", "id": "st-1", "code": "32"}
    assert user_locations([first, {"type": "state", "name": "Goa", "code": " "}]) == {
        "state_name": "Goa",
        "state_id": "st-1",
        "state_code": "32",
    }


def test_numbers_become_text_and_nothing_is_trimmed() -> None:
    location = {"type": "School ", "name": " GHS 7 ", "id": 77, "code": 2.5, "parentId": "x"}
    assert user_locations([location]) == {"School _name": " GHS 7 ", "School _id": "77", "School _code": "2.5"}


def test_the_last_user_type_counts_and_sub_types_come_once_each() -> None:
    types = [{"type": "Teacher", "subType": "crp"}, {"subType": "Crp"}, {"type": "OTHER", "subType": "beo"}]
    assert user_type(types) == "other"
    assert user_sub_types(types) == "CRP,BEO"
    assert user_type([*types, {"type": ""}]) is None
    assert (user_type([]), user_sub_types([])) == (None, None)


def test_absent_sections_are_no_columns() -> None:
    for profile in (None, "teacher", [], {}, {"userLocations": None, "profileUserTypes": None, "rootOrg": None}):
        assert profile_columns(profile) == {}


@pytest.mark.parametrize(
    "profile",
    [
        {"userLocations": {"type": "state"}},
        {"userLocations": ["state"]},
        {"userLocations": [{"type": "state", "name": {"en": "Kerala"}}]},
        {"profileUserTypes": "teacher"},
        {"profileUserTypes": [{"type": 1}]},
        {"profileUserTypes": [{"subType": ["hm"]}]},
        {"rootOrg": "org-5"},
    ],
)
def test_sections_of_another_type_are_refused(profile: dict[str, Any]) -> None:
    with pytest.raises(InvalidEvent, match="userProfile"):
        profile_columns(profile)


@pytest.mark.parametrize("member", ["programId", "userId", "programName", "programExternalId", "requestForPIIConsent"])
def test_members_of_another_type_are_refused(member: str) -> None:
    with pytest.raises(InvalidEvent, match=member):
        program_enrolment(E1 | {member: 4711})


def test_ids_are_looked_at_before_dates_and_a_blank_one_is_an_id() -> None:
    assert program_enrolment(E1 | {"programId": "", "createdAt": "yesterday"}) == Skip("programId is missing")
    blank = program_enrolment(E1 | {"programId": " "})
    assert isinstance(blank, ProgramEnrolment)
    assert blank.program_id == " "


columns = st.dictionaries(st.sampled_from(["program_name", "user_type", "user_locations"]), st.integers() | st.none())
enrolments = st.lists(st.builds(ProgramEnrolment, st.sampled_from(["p", "q"]), st.just("u"), columns))


@given(enrolments, st.integers(0, 20))
def test_other_batch_boundaries_leave_the_same_rows(documents: list[ProgramEnrolment], cut: int) -> None:
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for part in (documents[:cut], documents[cut:]):
        for key, written in folded(part).items():
            rows.setdefault(key, {}).update(written)
    assert rows == folded(documents)


@given(enrolments)
def test_a_replay_leaves_the_same_rows(documents: list[ProgramEnrolment]) -> None:
    assert folded([*documents, *documents]) == folded(documents)
