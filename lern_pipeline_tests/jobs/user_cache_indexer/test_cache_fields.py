"""The table of fields: complete, true to the rules, and the page made from it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import lern_pipeline
from lern_pipeline.jobs.user_cache_indexer.cache_fields import DESIGN, FIELDS, field_of
from lern_pipeline.jobs.user_cache_indexer.consistency import Difference, differences
from lern_pipeline.jobs.user_cache_indexer.fields_page import PAGE, page
from lern_pipeline.jobs.user_cache_indexer.reference_data import Declaration, Location, Organisation, ReferenceData
from lern_pipeline.jobs.user_cache_indexer.rules import index_user
from lern_pipeline.jobs.user_cache_indexer.user_row import EXTENDED_COLUMNS, UserRow

pytestmark = pytest.mark.rules


def everything(extended: bool) -> dict[str, str]:
    """A user who has all there is."""
    kinds = ("state", "district", "block", "cluster")
    columns: dict[str, Any] = dict.fromkeys(EXTENDED_COLUMNS, "x") | {"locationids": ["l"]}
    user = UserRow(
        *("u", "u", "f", "l", "e", "p", "cust", "d"),
        profilelocation="[" + ",".join(f'{{"type":"{kind}","id":"{kind}"}}' for kind in kinds) + "]",
        profileusertypes='[{"type":"a","subType":"b"}]',
        framework={"id": ["kar"], "board": ["b"]},
        status=1,
        extended=columns if extended else None,
    )
    data = ReferenceData(
        "cust",
        {"u": ["s"]},
        {"s": Organisation("S", "1", 2)},
        {kind: Location(kind, kind) for kind in kinds},
        {"kar": ("board",)},
        {"u": [Declaration("o", "teacher", "t")]},
    )
    return index_user(user, data).fields


@pytest.mark.parametrize("extended", [False, True])
def test_the_rules_write_exactly_the_fields_of_the_table(extended: bool) -> None:
    wanted = {field.name for field in FIELDS if field.indexer == "core" or (extended and field.indexer == "extended")}
    written = {field.name for name in everything(extended) if (field := field_of(name)) is not None}
    assert written == wanted
    assert all(field_of(name) for name in everything(extended))


def test_each_of_the_32_fields_of_the_design_is_accounted_for() -> None:
    assert [design.number for design in DESIGN] == list(range(1, 33))
    assert {number for field in FIELDS for number in field.designs} == set(range(1, 33))


def test_the_committed_page_is_the_generated_one() -> None:
    committed = Path(lern_pipeline.__file__).parents[1] / PAGE
    expected = page()
    assert committed.read_text(encoding="utf-8") == expected, (
        "run python -m lern_pipeline.jobs.user_cache_indexer.fields_page"
    )


@pytest.mark.parametrize(
    ("stored", "expected", "found"),
    [
        ({}, {"state": "K"}, [("state", "missing")]),
        ({"state": ""}, {"state": "K"}, [("state", "missing")]),
        ({"state": "G"}, {"state": "K"}, [("state", "differs")]),
        ({"block": "B"}, {}, [("block", "superfluous")]),
        ({"block": ""}, {}, []),
        ({"framework_x": '["a"]'}, {}, [("framework_x", "superfluous")]),
        ({"framework_x": '["\\u0026"]'}, {"framework_x": '["&"]'}, []),
        ({"framework_x": '["b"]'}, {"framework_x": '["&"]'}, [("framework_x", "differs")]),
        ({"framework_x": "b"}, {"framework_x": '["b"]'}, [("framework_x", "differs")]),
        ({"profileusertypes": '\\[{"b":1,"a":2}\\]'}, {"profileusertypes": '[{"a":2,"b":1}]'}, []),
        ({"firstname": "[A]"}, {"firstname": "\\[A\\]"}, []),
        ({"status": "1.0"}, {"status": "1"}, []),
        ({"firstname": "1.0"}, {"firstname": "1"}, [("firstname", "differs")]),
        ({"status": "2"}, {"status": "1"}, [("status", "differs")]),
        ({"usersignintype": "x", "userlogintype": "y", "zone": "z"}, {"usersignintype": "w"}, []),
        ({"loginid": "x"}, {}, []),
        ({"loginid": "x"}, {"loginid": "y"}, [("loginid", "differs")]),
    ],
)
def test_differences(stored: dict[str, str], expected: dict[str, str], found: list[tuple[str, Any]]) -> None:
    assert differences(stored, expected) == [Difference(*one) for one in found]
