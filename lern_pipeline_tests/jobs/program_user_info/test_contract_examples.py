"""The worked examples of the contract, section 11, on the pure rules."""

from __future__ import annotations

from typing import Any

import pytest

from lern_pipeline.events.deterministic_ids import IdMaker
from lern_pipeline.events.record import Record
from lern_pipeline.events.validation import InvalidEvent, Skip
from lern_pipeline.jobs.program_user_info.program_document import ProgramEnrolment, program_enrolment
from lern_pipeline.jobs.program_user_info.rules import KEY, decide
from lern_pipeline.microbatch.job import Event, Moment
from lern_pipeline.settings import load_configuration

pytestmark = pytest.mark.contracts

E1: dict[str, Any] = {
    "_id": "65e3",
    "programId": "PRG-7",
    "programName": "Reading Fluency",
    "programExternalId": "PGM-RF",
    "requestForPIIConsent": True,
    "userId": "usr-1",
    "userProfile": {
        "userLocations": [
            {"type": "state", "id": "st-1", "name": "Kerala", "code": "32", "parentId": None},
            {"type": "district", "id": "di-9", "name": "Idukki", "code": "3209", "parentId": "st-1"},
        ],
        "profileUserTypes": [
            {"type": "administrator", "subType": "hm"},
            {"type": "administrator", "subType": "deo"},
            {"type": "Administrator", "subType": "HM"},
        ],
        "rootOrg": {"id": "org-5", "orgName": "Kerala Dept"},
    },
    "createdAt": "2024-02-29T20:00:09.476Z",
    "updatedAt": "2024-03-02T23:30:56.829Z",
}
E1_ROW = {
    "program_externalid": "PGM-RF",
    "program_name": "Reading Fluency",
    "pii_consent_required": True,
    "user_locations": {
        "state_name": "Kerala",
        "state_id": "st-1",
        "state_code": "32",
        "district_name": "Idukki",
        "district_id": "di-9",
        "district_code": "3209",
    },
    "user_type": "administrator",
    "user_sub_type": "HM,DEO",
    "organisation_id": "org-5",
    "organisation_name": "Kerala Dept",
    "created_at": "2024-02-29",
    "updated_at": "2024-03-02",
}
E2 = {
    "programId": "PRG-7",
    "userId": "usr-1",
    "programExternalId": "",
    "createdAt": E1["createdAt"],
    "updatedAt": "2024-04-01T00:00:00.000Z",
}
E2_COLUMNS = {
    "program_externalid": None,
    "program_name": None,
    "pii_consent_required": False,
    "created_at": "2024-02-29",
    "updated_at": "2024-04-01",
}


def columns(document: dict[str, Any]) -> dict[str, Any]:
    enrolment = program_enrolment(document)
    assert isinstance(enrolment, ProgramEnrolment)
    assert (enrolment.program_id, enrolment.user_id) == ("PRG-7", "usr-1")
    return enrolment.columns


def decided(*documents: dict[str, Any]) -> list[dict[str, Any]]:
    """The rows written, by column."""
    events = []
    for offset, document in enumerate(documents):
        work = program_enrolment(document)
        assert isinstance(work, ProgramEnrolment)
        events.append(Event(Record(0, offset, 0, None, None), work))
    settings = load_configuration(None, {}).for_job("program-user-info")
    decision = decide(events, None, settings, Moment(1, 1000, IdMaker("program-user-info", "t")))
    assert {writes.table for writes in decision.rows} == {"sunbird_programs.program_enrollment"}
    return [
        dict(zip((*KEY, *writes.set, "written_at"), row, strict=True))
        for writes in decision.rows
        for row in writes.rows
    ]


def test_e1_a_full_event() -> None:
    assert columns(E1) == E1_ROW


def test_e2_a_partial_update_leaves_the_sections_alone() -> None:
    assert columns(E2) == E2_COLUMNS


def test_e3_empty_and_odd_sections() -> None:
    profile = {
        "userLocations": [
            {"type": "block", "name": " ", "id": "bl-2", "code": None},
            {"name": "No type", "id": "x"},
            None,
        ],
        "profileUserTypes": [{"type": "teacher", "subType": None}, {"subType": "crp"}],
        "rootOrg": {"id": 12, "orgName": " "},
    }
    found = columns(E1 | {"userProfile": profile})
    assert found["user_locations"] == {"block_id": "bl-2"}
    assert (found["user_type"], found["user_sub_type"]) == (None, "CRP")
    assert (found["organisation_id"], found["organisation_name"]) == (None, None)


def test_e4_without_user_id_it_is_skipped() -> None:
    assert program_enrolment(E1 | {"userId": None}) == Skip("userId is missing")


def test_e5_an_instant_without_fraction_is_taken_and_a_missing_one_is_not() -> None:
    assert columns(E1 | {"updatedAt": "2024-03-02T23:30:56Z"}) == E1_ROW
    with pytest.raises(InvalidEvent, match="updatedAt is missing"):
        program_enrolment({name: value for name, value in E1.items() if name != "updatedAt"})


def test_e6_two_events_of_one_key_are_folded_into_one_row() -> None:
    (row,) = decided(E1, E2)
    key = {"program_id": "PRG-7", "user_id": "usr-1", "written_at": 1000}
    assert row == key | E1_ROW | E2_COLUMNS
