"""Single rules that the worked examples do not show."""

from __future__ import annotations

import json
import time

import pytest

from lern_pipeline.events.validation import InvalidEvent, Skip
from lern_pipeline.jobs.relation_cache_updater.hierarchy import InvalidHierarchy, relations_of
from lern_pipeline.jobs.relation_cache_updater.rules import CacheChanges, cache_changes, requested_collection

pytestmark = pytest.mark.rules

COLL = "application/vnd.ekstep.content-collection"


def collection(node_id: str | None, *children: object, **members: object) -> dict[str, object]:
    return {"identifier": node_id, "mimeType": COLL, "children": list(children), **members}


def resource(node_id: str | None, **members: object) -> dict[str, object]:
    return {"identifier": node_id, "mimeType": "video/mp4", **members}


def event(**edata: object) -> dict[str, object]:
    return {"edata": {"action": "post-publish-process", "mimeType": COLL, "identifier": "do_R", **edata}}


@pytest.mark.parametrize("action", ["post-publish-process", "relation-cache-update"])
def test_both_actions_are_taken(action: str) -> None:
    assert requested_collection(event(action=action)) == "do_R"


def test_the_identifier_is_used_as_it_is() -> None:
    assert requested_collection(event(identifier=" do_R ")) == " do_R "


@pytest.mark.parametrize(
    "skipped",
    [
        {},
        {"edata": None},
        {"edata": []},
        {"edata": "post-publish-process"},
        event(action="Relation-Cache-Update"),
        event(action=None),
        event(mimeType=None),
        event(identifier=None),
        event(action="publish", mimeType=1, identifier=2),
        event(mimeType="text/html", identifier=2),
    ],
)
def test_what_is_not_for_this_job_is_skipped(skipped: dict[str, object]) -> None:
    assert isinstance(requested_collection(skipped), Skip)


@pytest.mark.parametrize(
    "invalid",
    [event(action=1), event(mimeType=[]), event(identifier={}), event(identifier="x" * 32_001), [], None, "x"],
    ids=lambda value: str(value)[:60],
)
def test_wrong_types_fail(invalid: object) -> None:
    with pytest.raises(InvalidEvent):
        requested_collection(invalid)


def test_a_root_that_is_no_collection_changes_nothing_and_deletes_nothing() -> None:
    hierarchy = json.dumps(resource("do_R", children=[resource("do_V")], leafNodes="x"))
    assert cache_changes("do_R", hierarchy, frozenset({"do_old"}), True) == CacheChanges()


@pytest.mark.parametrize(
    "child",
    [
        None,
        "x",
        resource("a", children={}),
        resource("a", children=[None]),
        collection("a", leafNodes="x"),
        collection("a", leafNodes=["x", None]),
        collection("a", leafNodes=[1]),
        collection(None, leafNodes=[1]),
        {"identifier": 1},
        {"mimeType": 1},
        {"visibility": True},
        resource("x" * 32_001),
        collection("a", leafNodes=["é" * 16_001]),
        resource("a", children=[resource("b", children=[{"identifier": []}])]),
    ],
    ids=lambda value: str(value)[:60],
)
def test_invalid_hierarchies(child: object) -> None:
    with pytest.raises(InvalidHierarchy):
        relations_of("do_R", collection("do_R", child))


def test_a_collection_of_the_root_id_inside_the_tree_wins() -> None:
    relations = relations_of("R", collection("R", resource("a"), collection("R", resource("b")), leafNodes=["a"]))
    assert relations.leafnodes == {"R": {"b"}}
    assert relations.ancestors == {"a": {"R"}, "b": {"R"}}


def test_an_occurrence_without_result_does_not_displace_an_earlier_one() -> None:
    root = collection(
        "R",
        collection("u", resource("a", relationalMetadata={"optional": "True"}), visibility="Parent"),
        collection("u", visibility="Parent", leafNodes=[]),
    )
    relations = relations_of("R", root)
    assert relations.leafnodes["u"] == {"a"}
    assert relations.optionalnodes["u"] == {"a"}
    assert list(relations.units) == ["u"]


def test_an_empty_explicit_list_gives_no_entry_and_its_key_is_deleted() -> None:
    changes = cache_changes("R", json.dumps(collection("R", resource("a"), leafNodes=[])), frozenset({"b"}), True)
    assert changes == CacheChanges(
        sets=(("R:a:ancestors", ("R",)),), deletions=("R:R:leafnodes", "R:R:optionalnodes", "R:b:ancestors")
    )


def test_a_collection_within_a_question_set_is_not_visited() -> None:
    question_set = resource("q", children=[collection("x", resource("y"), visibility="Parent")])
    relations = relations_of("R", collection("R", question_set))
    assert relations.collections == {"R"}
    assert relations.resources == {"q"}
    assert relations.leafnodes == {"R": {"q"}}
    assert relations.units == {}


def test_the_inside_of_an_optional_question_set_is_not_entered() -> None:
    optional = {"optional": True}
    inner = resource("q1", relationalMetadata=optional)
    root = collection("R", resource("q", relationalMetadata=optional, children=[inner]))
    assert relations_of("R", root).optionalnodes == {"R": {"q"}}


@pytest.mark.parametrize("metadata", [None, "x", '{"optional":true}', {"optional": None}, {"optional": 1}, [True]])
def test_other_flags_are_not_optional(metadata: object) -> None:
    root = collection("R", resource("a", relationalMetadata=metadata))
    assert relations_of("R", root).optionalnodes == {}


@pytest.mark.parametrize("name", [None, "", "  "])
def test_a_nameless_collection_counts_as_no_level(name: str | None) -> None:
    inner = collection(name, collection("u", resource("a")), resource("b"), visibility="Parent", leafNodes=["z"])
    relations = relations_of("R", collection("R", inner))
    assert relations.leafnodes == {"R": {"a", "b"}, "u": {"a"}}
    assert relations.ancestors == {"a": {"R", "u"}, "b": {"R"}}
    assert relations.units == {}
    assert relations.collections == {"R", "u"}


def test_a_nameless_root_is_known_by_the_id_of_the_event() -> None:
    root = collection(None, resource("a"), visibility="Parent")
    relations = relations_of("R", root)
    assert relations.leafnodes == {"R": {"a"}}
    assert relations.units == {}


@pytest.mark.parametrize("depth", [600, 100_000])
def test_very_deep_trees_are_invalid(depth: int) -> None:
    node = collection("u")
    for _ in range(depth):
        node = collection("u", node)
    with pytest.raises(InvalidHierarchy):
        relations_of("R", node)
    # Python frees a deep dict by recursion of its own, which it guards; nothing to do here.


def test_a_course_of_ten_thousand_contents_takes_well_under_a_second() -> None:
    units = [
        collection(
            f"u{unit}", *(resource(f"r{unit}_{leaf}", name="x" * 200) for leaf in range(100)), visibility="Parent"
        )
        for unit in range(100)
    ]
    hierarchy = json.dumps(collection("R", *units))
    started = time.process_time()
    changes = cache_changes("R", hierarchy, frozenset(), True)
    assert time.process_time() - started < 1
    assert isinstance(changes, CacheChanges)
    assert len(changes.sets) == 101 + 10_000
