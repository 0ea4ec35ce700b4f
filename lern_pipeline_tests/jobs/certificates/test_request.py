"""Validation and dates (contract collection-certificate-generator 4)."""

from __future__ import annotations

import copy
from datetime import datetime
from typing import Any

import pytest

from lern_pipeline.events.validation import InvalidEvent
from lern_pipeline.jobs.certificates.dates import expiry_date, issued_date, normal_form
from lern_pipeline.jobs.certificates.request import submitted
from lern_pipeline.jobs.collection_certificate_generator.certificate_event import certificate_event
from lern_pipeline.jobs.legacy_certificate_migrator.migration_event import migration_event
from lern_pipeline_tests.jobs.certificates.learners import EDATA, NOW

pytestmark = pytest.mark.rules


def event(**edata: Any) -> dict[str, Any]:
    return {"edata": copy.deepcopy(EDATA) | edata}


@pytest.mark.parametrize(
    ("changed", "path"),
    [
        ({"name": " \t"}, "edata.name"),
        ({"name": None, "svgTemplate": ""}, "edata.name"),
        ({"svgTemplate": None}, "edata.svgTemplate"),
        ({"data": []}, "edata.data"),
        ({"data": [{"recipientId": "u501"}]}, "edata.data.recipientName"),
        ({"issuer": {}}, "edata.issuer"),
        ({"issuer": {"url": "https://b"}}, "edata.issuer.name"),
        ({"issuer": {"name": "B", "url": None}}, "edata.issuer.url"),
        ({"criteria": None}, "edata.criteria"),
        ({"criteria": {"narrative": ""}}, "edata.criteria.narrative"),
        ({"keys": {"id": " "}}, "edata.keys.id"),
    ],
)
def test_what_is_mandatory(changed: dict[str, Any], path: str) -> None:
    with pytest.raises(InvalidEvent) as error:
        submitted(event(**changed))
    assert (error.value.code, error.value.error) == (
        "MANDATORY_PARAMETER_MISSING",
        f"Mandatory parameter {path} is missing.",
    )


def test_an_event_without_edata() -> None:
    with pytest.raises(InvalidEvent, match=r"Mandatory parameter edata is missing\."):
        submitted({"eid": "x"})


@pytest.mark.parametrize("tag", ["a-b", "a b", "a.b", "a/b", "a:b", "<a"])
def test_tags_that_are_refused_are_told_in_the_record_and_not_counted(tag: str) -> None:
    with pytest.raises(InvalidEvent) as error:
        submitted(event(tag=tag))
    assert error.value.error == f"Invalid value {tag} for parameter tag."
    assert tag not in error.value.reason


@pytest.mark.parametrize("tag", ["", " ", "a_b", "A[1]~", "a\\b"])
def test_tags_that_are_accepted(tag: str) -> None:
    assert submitted(event(tag=tag)).request is not None


@pytest.mark.parametrize("path", ["lms", "gopher://x", "https://a b", "https:", "https://a/%zz"])
def test_base_paths_that_are_refused(path: str) -> None:
    with pytest.raises(InvalidEvent) as error:
        submitted(event(basePath=path))
    assert error.value.error == f"Invalid value {path} for parameter certificate.basePath."


@pytest.mark.parametrize(
    ("public_keys", "accepted"),
    [
        ([], True),
        (["7"], True),
        (["1", "7"], True),
        (["https://keys.example.org/7_publicKey.json"], True),
        (["2", "3"], False),
    ],
)
def test_keys_are_among_the_public_keys(public_keys: list[str], accepted: bool) -> None:
    asked = event(keys={"id": "7"}, issuer=EDATA["issuer"] | {"publicKey": public_keys})
    if accepted:
        assert submitted(asked).request is not None
        return
    with pytest.raises(InvalidEvent) as error:
        submitted(asked)
    assert error.value.error == (
        "Invalid value List(2, 3) for parameter edata.issuer.publicKey. "
        ",public key attribute must contain keys.id value"
    )


def test_signatories_come_before_what_is_found_later_unless_they_do_not_count() -> None:
    found = submitted(event(signatoryList=[{"name": "N"}], criteria={}))
    for suppress, path in ((False, "edata.signatoryList.id"), (True, "edata.criteria")):
        with pytest.raises(InvalidEvent, match=path):
            found.checked(suppress)


@pytest.mark.parametrize(
    "changed",
    [
        {"data": {"recipientName": "A"}},
        {"data": ["A"]},
        {"name": 1},
        {"issuer": []},
        {"issuer": {"name": "B", "url": "https://b", "publicKey": [7]}},
        {"related": {"courseId": "do_1"}},
        {"related": {"courseId": " ", "batchId": "b"}},
        {"userId": ""},
        {"data": [{"recipientName": "A", "recipientId": "another"}]},
        {"data": [{"recipientName": "A"}]},
        {"signatoryList": [{"id": 10**40}]},
    ],
)
def test_wrong_types_and_blank_ids_are_invalid_data(changed: dict[str, Any]) -> None:
    with pytest.raises(InvalidEvent) as error:
        certificate_event(event(**changed)).checked(suppress=True)
    assert error.value.code == "INVALID_DATA"


@pytest.mark.parametrize("changed", [{"identifier": ""}, {"identifier": "a", "oldId": ""}, {"oldId": "a"}])
def test_a_migration_needs_both_ids(changed: dict[str, Any]) -> None:
    with pytest.raises(InvalidEvent):
        migration_event(event(**changed))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-02-29", "2024-02-29T00:00:00Z"),
        ("2024-03-05T11:12:13Z", "2024-03-05T11:12:13Z"),
        ("2024-03-05T11:12:13+0530", "2024-03-05T00:00:00Z"),
        ("2024-03-05 and more", "2024-03-05T00:00:00Z"),
        ("  ", "2024-03-06T07:15:30Z"),
    ],
)
def test_issue_dates(text: str, expected: str) -> None:
    assert normal_form(issued_date(text, int(NOW * 1000))) == expected


@pytest.mark.parametrize("text", ["2024-02-30", "5 March 2024", "24-03-05", "20240305"])
def test_issue_dates_that_are_none(text: str) -> None:
    with pytest.raises(InvalidEvent, match="issued date is not in valid format"):
        issued_date(text, 0)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("2030-01-01T00:00:00Z", "2030-01-01T00:00:00Z"),
        ("2y 3m", "2026-04-30T00:00:00Z"),
        ("1M", "2024-02-29T00:00:00Z"),
        ("30d", "2024-03-01T00:00:00Z"),
    ],
)
def test_expiry_dates(text: str, expected: str) -> None:
    issued = datetime(2024, 1, 31)
    assert expiry_date(text, issued) == expected


@pytest.mark.parametrize(("text", "token"), [("2w", "2w"), ("2y  3m", ""), ("1y x", "x"), ("9000y", "9000y")])
def test_expiry_dates_that_are_none(text: str, token: str) -> None:
    with pytest.raises(InvalidEvent) as error:
        expiry_date(text, datetime(2024, 1, 31))
    assert error.value.error == f"Given expiry date is invalid{token}"
