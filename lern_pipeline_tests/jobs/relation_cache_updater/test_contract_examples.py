"""The worked examples E1–E7 of the contract (section 14), to the letter."""

from __future__ import annotations

import json

import pytest

from lern_pipeline.events.validation import Skip
from lern_pipeline.jobs.relation_cache_updater.hierarchy import InvalidHierarchy
from lern_pipeline.jobs.relation_cache_updater.rules import CacheChanges, cache_changes, requested_collection

pytestmark = pytest.mark.contracts

COLL = "application/vnd.ekstep.content-collection"


def text(document: str) -> str:
    return document.replace("COLL", COLL)


E1_U1A = text(
    '{"identifier":"do_U1a","mimeType":"COLL","visibility":"Parent","children":['
    '{"identifier":"do_P1","mimeType":"application/pdf","relationalMetadata":{"optional":true}}]}'
)
E1_U1 = text(
    '{"identifier":"do_U1","mimeType":"COLL","visibility":"Parent","index":1,"leafNodes":["do_V1","do_P1"],"children":['
    '{"identifier":"do_V1","mimeType":"video/mp4"},' + E1_U1A + "]}"
)
E1_U2 = text(
    '{"identifier":"do_U2","mimeType":"COLL","visibility":"Parent","children":['
    '{"identifier":"do_Q1","mimeType":"application/vnd.sunbird.questionset"},'
    '{"identifier":"do_V1","mimeType":"video/mp4"}]}'
)
E1 = text(
    '{"identifier":"do_C10","mimeType":"COLL","visibility":"Default","leafNodes":["do_V1","do_P1","do_Q1"],'
    '"children":[\n '
    + E1_U1
    + ",\n "
    + E1_U2
    + ',\n {"identifier":"do_U3","mimeType":"COLL","visibility":"Parent","children":[]}]}'
)
E1_LEAFNODES = frozenset({"do_V1", "do_P1", "do_Q1"})


def changes_of(
    root_id: str, hierarchy: str | None, previous: frozenset[str] = frozenset(), *, cleanup: bool = True
) -> CacheChanges:
    changes = cache_changes(root_id, hierarchy, previous, cleanup)
    assert isinstance(changes, CacheChanges)
    return changes


def members(changes: CacheChanges) -> dict[str, set[str]]:
    assert all(list(ids) == sorted(set(ids)) for _, ids in changes.sets)
    return {key: set(ids) for key, ids in changes.sets}


def test_e1_publish() -> None:
    event = json.loads(
        text(
            '{"eid":"BE_JOB_REQUEST","edata":{"action":"post-publish-process","identifier":"do_C10","mimeType":"COLL"}}'
        )
    )
    assert requested_collection(event) == "do_C10"
    changes = changes_of("do_C10", E1)
    assert members(changes) == {
        "do_C10:do_C10:leafnodes": {"do_V1", "do_P1", "do_Q1"},
        "do_C10:do_U1:leafnodes": {"do_V1", "do_P1"},
        "do_C10:do_U1a:leafnodes": {"do_P1"},
        "do_C10:do_U2:leafnodes": {"do_Q1", "do_V1"},
        "do_C10:do_C10:optionalnodes": {"do_P1"},
        "do_C10:do_U1:optionalnodes": {"do_P1"},
        "do_C10:do_U1a:optionalnodes": {"do_P1"},
        "do_C10:do_V1:ancestors": {"do_U1", "do_U2", "do_C10"},
        "do_C10:do_P1:ancestors": {"do_U1a", "do_U1", "do_C10"},
        "do_C10:do_Q1:ancestors": {"do_U2", "do_C10"},
    }
    assert dict(changes.strings) == {"do_U1": E1_U1, "do_U1a": E1_U1A, "do_U2": E1_U2}
    assert len(changes.sets) + len(changes.strings) == 13


def test_e1_writes_groups_in_the_order_of_section_5() -> None:
    kinds = [key.rpartition(":")[2] for key, _ in changes_of("do_C10", E1).sets]
    assert kinds == ["leafnodes"] * 4 + ["optionalnodes"] * 3 + ["ancestors"] * 3


E2 = text(
    '{"identifier":"do_C10","mimeType":"COLL","visibility":"Default","leafNodes":["do_V1","do_P1"],"children":['
    '{"identifier":"do_U1","mimeType":"COLL","visibility":"Parent","children":['
    '{"identifier":"do_V1","mimeType":"video/mp4"},{"identifier":"do_P1","mimeType":"application/pdf"}]}]}'
)


@pytest.mark.parametrize("cleanup", [True, False])
def test_e2_republish_writes_five_keys(cleanup: bool) -> None:
    changes = changes_of("do_C10", E2, E1_LEAFNODES, cleanup=cleanup)
    assert members(changes) == {
        "do_C10:do_C10:leafnodes": {"do_V1", "do_P1"},
        "do_C10:do_U1:leafnodes": {"do_V1", "do_P1"},
        "do_C10:do_V1:ancestors": {"do_U1", "do_C10"},
        "do_C10:do_P1:ancestors": {"do_U1", "do_C10"},
    }
    assert [unit for unit, _ in changes.strings] == ["do_U1"]


def test_e2_republish_deletes_what_is_stale() -> None:
    assert set(changes_of("do_C10", E2, E1_LEAFNODES).deletions) == {
        "do_C10:do_C10:optionalnodes",
        "do_C10:do_U1:optionalnodes",
        "do_C10:do_Q1:ancestors",
    }


def test_e2_republish_deletes_nothing_with_the_cleanup_switched_off() -> None:
    assert changes_of("do_C10", E2, E1_LEAFNODES, cleanup=False).deletions == ()


def test_e3_optional_unit_without_leafnodes_at_the_root() -> None:
    changes = changes_of(
        "do_C11",
        text(
            '{"identifier":"do_C11","mimeType":"COLL","children":['
            '{"identifier":"do_U9","mimeType":"COLL","visibility":"Parent","relationalMetadata":{"optional":true},'
            '"children":[{"identifier":"do_V9","mimeType":"video/mp4"}]},'
            '{"identifier":"do_V8","mimeType":"video/mp4"}]}'
        ),
    )
    assert members(changes) == {
        "do_C11:do_C11:leafnodes": {"do_V9", "do_V8"},
        "do_C11:do_U9:leafnodes": {"do_V9"},
        "do_C11:do_C11:optionalnodes": {"do_U9"},
        "do_C11:do_V9:ancestors": {"do_U9", "do_C11"},
        "do_C11:do_V8:ancestors": {"do_C11"},
    }
    assert [unit for unit, _ in changes.strings] == ["do_U9"]


@pytest.mark.parametrize(
    "changed", [{"mimeType": "application/pdf"}, {"action": "publish"}, {"identifier": "  "}], ids=str
)
def test_e4_ignored(changed: dict[str, str]) -> None:
    edata = {"action": "post-publish-process", "identifier": "do_C10", "mimeType": COLL} | changed
    assert isinstance(requested_collection({"edata": edata}), Skip)


@pytest.mark.parametrize("hierarchy", [None, "", "  ", "null", "{}", " { } "])
def test_e5_unknown_collection(hierarchy: str | None) -> None:
    assert cache_changes("do_C10", hierarchy, E1_LEAFNODES, True) == Skip("hierarchy empty")


def test_e6_null_metadata_is_not_optional() -> None:
    changes = changes_of(
        "do_C12",
        text('{"identifier":"do_C12","mimeType":"COLL","children":[{"identifier":"r1","relationalMetadata":null}]}'),
    )
    assert members(changes) == {"do_C12:do_C12:leafnodes": {"r1"}, "do_C12:r1:ancestors": {"do_C12"}}
    assert changes.strings == ()


@pytest.mark.parametrize("hierarchy", ["{x", "[1]", '"x"', "7", "true"])
def test_e6_bad_document(hierarchy: str) -> None:
    with pytest.raises(InvalidHierarchy):
        cache_changes("do_C12", hierarchy, frozenset(), True)


def test_e7_lenient_json() -> None:
    hierarchy = text(
        r'{"identifier":"do_C13","mimeType":"COLL","children":[{"identifier":"do_U","mimeType":"COLL",'
        r'"visibility":"Parent","name":"it\'s","children":[{"identifier":"do_V"}]}]} and so on'
    )
    changes = changes_of("do_C13", hierarchy)
    assert members(changes)["do_C13:do_C13:leafnodes"] == {"do_V"}
    assert json.loads(changes.strings[0][1])["name"] == "it's"
