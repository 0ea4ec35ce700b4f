"""What holds for every hierarchy, however odd."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lern_pipeline.events.validation import InvalidEvent, Skip
from lern_pipeline.jobs.relation_cache_updater.hierarchy import InvalidHierarchy, relations_of
from lern_pipeline.jobs.relation_cache_updater.rules import CacheChanges, cache_changes, requested_collection

pytestmark = pytest.mark.rules

COLL = "application/vnd.ekstep.content-collection"
R = "do_R"

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
flags = st.sampled_from([{}, {"relationalMetadata": {"optional": True}}, {"relationalMetadata": None}])


def nodes(ids: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    resources = st.builds(lambda i, f: {"identifier": i, "mimeType": "video/mp4", **f}, ids, flags)

    def collections(children: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
        return st.builds(
            lambda i, v, c, f: {"identifier": i, "mimeType": COLL, "visibility": v, "children": c, **f},
            ids,
            st.sampled_from(["Parent", "Default", None]),
            st.lists(children, max_size=4),
            flags,
        )

    return st.recursive(resources, collections, max_leaves=20)


def tree(children: list[dict[str, Any]]) -> dict[str, Any]:
    return {"identifier": R, "mimeType": COLL, "children": children}


trees = st.lists(nodes(st.sampled_from(["a", "b", "c", "d", "e", "", None])), max_size=5).map(tree)


def numbered(root: dict[str, Any]) -> dict[str, Any]:
    """The tree with an id of its own for every node."""
    root = copy.deepcopy(root)
    waiting = list(root["children"])
    for number, node in enumerate(waiting):
        node["identifier"] = f"do_{number}"
        waiting.extend(node.get("children", ()))
    return root


def reversed_children(node: dict[str, Any]) -> dict[str, Any]:
    if "children" not in node:
        return node
    return {**node, "children": [reversed_children(child) for child in reversed(node["children"])]}


@given(trees)
def test_leafnodes_of_the_root_are_the_resources_of_the_tree(root: dict[str, Any]) -> None:
    relations = relations_of(R, root)
    assert relations.leafnodes.get(R, frozenset()) == relations.resources == relations.ancestors.keys()


@given(trees)
def test_every_resource_lies_under_the_root_and_under_collections_only(root: dict[str, Any]) -> None:
    relations = relations_of(R, root)
    for above in relations.ancestors.values():
        assert R in above
        assert above <= relations.collections


@given(trees)
def test_entries_are_never_empty_and_belong_to_collections(root: dict[str, Any]) -> None:
    relations = relations_of(R, root)
    for entries in (relations.leafnodes, relations.optionalnodes):
        assert all(entries.values())
        assert entries.keys() <= relations.collections
    assert relations.units.keys() <= relations.collections


@given(trees.map(numbered))
def test_leafnodes_and_ancestors_say_the_same_where_ids_are_unique(root: dict[str, Any]) -> None:
    relations = relations_of(R, root)
    downwards = {(unit, leaf) for unit, leaves in relations.leafnodes.items() for leaf in leaves}
    upwards = {(unit, leaf) for leaf, above in relations.ancestors.items() for unit in above}
    assert downwards == upwards


@given(trees.map(numbered))
def test_the_order_of_children_does_not_matter_where_ids_are_unique(root: dict[str, Any]) -> None:
    one, other = relations_of(R, root), relations_of(R, reversed_children(root))
    assert (one.leafnodes, one.optionalnodes, one.ancestors) == (other.leafnodes, other.optionalnodes, other.ancestors)
    assert one.units.keys() == other.units.keys()


@given(trees.map(numbered))
def test_an_optional_list_holds_no_id_from_inside_an_optional_unit(root: dict[str, Any]) -> None:
    relations = relations_of(R, root)
    listed = relations.optionalnodes.get(R, frozenset())
    for resource in listed & relations.resources:
        assert not relations.ancestors[resource] & listed


@given(trees, st.frozensets(st.sampled_from(["a", "b", "x", "y"])))
def test_running_twice_changes_nothing_more(root: dict[str, Any], previous: frozenset[str]) -> None:
    untouched = copy.deepcopy(root)
    text = json.dumps(root)
    changes = cache_changes(R, text, previous, True)
    assert changes == cache_changes(R, text, previous, True)
    assert isinstance(changes, CacheChanges)
    relations_of(R, root)
    assert root == untouched
    again = cache_changes(R, text, frozenset(dict(changes.sets).get(f"{R}:{R}:leafnodes", ())), True)
    assert isinstance(again, CacheChanges)
    assert again.sets == changes.sets
    assert set(again.deletions) <= set(changes.deletions)


@given(trees, st.frozensets(st.text(max_size=3)))
def test_no_key_is_both_written_and_deleted(root: dict[str, Any], previous: frozenset[str]) -> None:
    changes = cache_changes(R, json.dumps(root), previous, True)
    assert isinstance(changes, CacheChanges)
    written = [key for key, _ in changes.sets]
    assert len(written) == len(set(written))
    assert not set(written) & set(changes.deletions)
    assert cache_changes(R, json.dumps(root), previous, False) == CacheChanges(changes.sets, (), changes.strings)


@given(trees)
def test_unit_json_is_the_node_of_the_document(root: dict[str, Any]) -> None:
    text = json.dumps(root, ensure_ascii=False, separators=(",", ":"))
    assert all(unit_json in text for unit_json in relations_of(R, root).units.values())


odd_nodes = st.recursive(
    json_values,
    lambda inner: st.fixed_dictionaries(
        {"mimeType": st.just(COLL)},
        optional={
            "identifier": json_values | st.text(),
            "visibility": json_values | st.just("Parent"),
            "leafNodes": json_values | st.lists(st.text()),
            "relationalMetadata": json_values,
            "children": json_values | st.lists(inner, max_size=3),
        },
    ),
    max_leaves=10,
)


@given(odd_nodes)
def test_any_document_is_processed_skipped_or_invalid(document: object) -> None:
    try:
        changes = cache_changes(R, json.dumps(document), frozenset({"x"}), True)
    except InvalidHierarchy:
        return
    assert isinstance(changes, (CacheChanges, Skip))


@given(json_values | st.fixed_dictionaries({"edata": json_values}))
def test_any_event_is_taken_skipped_or_invalid(event: object) -> None:
    try:
        assert isinstance(requested_collection(event), (str, Skip))
    except InvalidEvent:
        return
