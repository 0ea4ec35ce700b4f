"""The platform's readers take hashes as strings by an explicit list of fields (contract 6): they get what they need."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lern_pipeline.jobs.user_cache_indexer.cache_fields import field_of
from lern_pipeline_tests.jobs.user_cache_indexer.cassandra_users import U1, Indexing

pytestmark = pytest.mark.rules

LOCATED = ("state", "district", "block", "cluster")
READERS: dict[str, tuple[str, ...]] = {
    "user-info exhaust": (
        "firstname",
        "lastname",
        *LOCATED,
        "rootorgid",
        "orgname",
        "email",
        "phone",
        "usertype",
        "usersubtype",
        "schooludisecode",
        "schoolname",
        "status",
    ),
    "progress exhaust": (
        *LOCATED,
        "orgname",
        "schooludisecode",
        "schoolname",
        "rootorgid",
        "usertype",
        "usersubtype",
        "framework_board",
    ),
    "response exhaust": ("state", "district", "rootorgid"),
    "collection summary": ("state", "district", "orgname", "usertype", "usersubtype"),
    "program user-info exhaust": ("firstname", "lastname", "email", "phone"),
    "telemetry": ("usertype", "usersubtype", *LOCATED, "usersignintype", "schoolname"),
}
#: In telemetry's list too, without a writer since the move to framework_<category>; login types come from events.
WITHOUT_WRITER = ("grade", "subject", "language", "userlogintype")

FULL: dict[str, Any] = U1 | {
    "lastname": "Kumar",
    "phone": "P1==",
    "profilelocation": json.dumps([{"type": kind, "id": f"id-{kind}"} for kind in LOCATED]),
}


@pytest.fixture
def full(indexing: Indexing) -> Indexing:
    for kind in LOCATED:
        indexing.world.rows.give("sunbird.location", {"id": f"id-{kind}"}, {"name": f"a {kind}", "type": kind})
    indexing.user("u1", ("org-cust", "org-s1"), **FULL)
    indexing.run()
    return indexing


def scan(indexing: Indexing, fields: tuple[str, ...]) -> dict[str, dict[str, str | None]]:
    """As a report does: `user:*`, every field a string or null, the user id from the key."""
    rows = {}
    for key, stored in indexing.hashes().items():
        assert key.startswith("user:")
        assert all(type(value) is str for value in stored.values())
        rows[key.removeprefix("user:")] = {field: stored.get(field) for field in fields}
    return rows


@pytest.mark.parametrize("reader", READERS)
def test_a_reader_finds_every_field_it_needs(full: Indexing, reader: str) -> None:
    rows = scan(full, READERS[reader])
    assert rows.keys() == {"u1"}
    assert {field for field, value in rows["u1"].items() if not value} == set()


@pytest.mark.parametrize("reader", READERS)
def test_the_table_of_fields_knows_of_every_reader(reader: str) -> None:
    for name in READERS[reader]:
        field = field_of(name)
        assert field is not None
        assert field.indexer == "core"
        assert field.readers, name


def test_what_has_no_writer_is_null(full: Indexing) -> None:
    assert set(scan(full, WITHOUT_WRITER)["u1"].values()) == {None}


def test_what_reports_make_of_the_strings(full: Indexing) -> None:
    (row,) = scan(full, (*READERS["user-info exhaust"], "framework_board")).values()
    assert " ".join(part for part in (row["firstname"], row["lastname"]) if part is not None) == "Ravi Kumar"
    assert {2: "Deleted user", 1: "Active user", 0: "Inactive user"}[int(row["status"] or "")] == "Active user"
    assert row["rootorgid"] == "org-cust"
    assert json.loads(row["framework_board"] or "")[0] == "State"
    assert (row["email"], row["phone"]) == ("E1==", "P1==")


def test_no_text_is_taken_for_json(full: Indexing) -> None:
    full.user("u2", ("org-s1",), firstname="[A] B", lastname="[]", rootorgid="[x]")
    full.run(attempts_of="run-2")
    lists = ("framework_board", "framework_medium", "profileusertypes")
    for stored in full.hashes().values():
        for name, value in stored.items():
            assert name in lists or not value.startswith("["), name
