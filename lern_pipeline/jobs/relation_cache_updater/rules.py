"""Which events the job takes, and what one of them changes in Redis (contract 2, 3, 5 and D1)."""

from __future__ import annotations

from dataclasses import dataclass

from lern_pipeline.events.lenient_json import InvalidJson, parse_lenient
from lern_pipeline.events.validation import InvalidEvent, Skip
from lern_pipeline.jobs.relation_cache_updater.hierarchy import (
    COLLECTION,
    MAX_ID_BYTES,
    InvalidHierarchy,
    RelationCache,
    relations_of,
)

ACTIONS = frozenset({"post-publish-process", "relation-cache-update"})


@dataclass(frozen=True)
class CacheChanges:
    """What to change for one root, in the order of contract 5. Keys of sets and deletions are those of `redis`."""

    sets: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """Key and members, sorted: leafnodes, then optionalnodes, then ancestors. Each replaces the old key (D2)."""
    deletions: tuple[str, ...] = ()
    """Keys whose list became empty or whose resource left the tree (D1); none of them is in `sets`."""
    strings: tuple[tuple[str, str], ...] = ()
    """Unit id, which is the key in `dp-redis`, and the unit's JSON."""


def requested_collection(event: object) -> str | Skip:
    """The root id that the event asks for, or why the event is skipped (contract 2).

    The fields are looked at in the order action, mimeType, identifier: what lies behind a field that does not match is
    not seen. Raises InvalidEvent.
    """
    if not isinstance(event, dict):
        raise InvalidEvent("event is not an object")
    edata = event.get("edata")
    if not isinstance(edata, dict):
        return Skip("edata is not an object")
    if _text(edata, "action") not in ACTIONS:
        return Skip("other action")
    if _text(edata, "mimeType").lower() != COLLECTION:
        return Skip("not a collection")
    identifier = _text(edata, "identifier")
    if not identifier.strip():
        return Skip("identifier is blank")
    if len(identifier.encode(errors="surrogatepass")) > MAX_ID_BYTES:
        raise InvalidEvent("edata.identifier is too long")
    return identifier


def cache_changes(
    root_id: str, hierarchy_text: str | None, previous_leafnodes: frozenset[str], cleanup: bool
) -> CacheChanges | Skip:
    """What publishing `root_id` with this hierarchy changes.

    `hierarchy_text` is the column as read, None for a missing row or value. `previous_leafnodes` are the members of
    `leafnodes_key(root_id, root_id)` before the change (empty where the key is missing or no set); only the cleanup
    looks at them. `cleanup` is `relation.cache.cleanup.enabled`.
    A hierarchy that is missing or empty is skipped and deletes nothing (contract 3, D1). A root that is not a
    collection changes nothing and is a success. Raises InvalidHierarchy.
    """
    root = _document(hierarchy_text)
    if not root:
        return Skip("hierarchy empty")
    relations = relations_of(root_id, root)
    sets = [
        *((leafnodes_key(root_id, node), nodes) for node, nodes in sorted(relations.leafnodes.items())),
        *((optionalnodes_key(root_id, node), nodes) for node, nodes in sorted(relations.optionalnodes.items())),
        *((ancestors_key(root_id, node), nodes) for node, nodes in sorted(relations.ancestors.items())),
    ]
    return CacheChanges(
        sets=tuple((key, tuple(sorted(members))) for key, members in sets),
        deletions=_stale_keys(root_id, relations, previous_leafnodes) if cleanup else (),
        strings=tuple(sorted(relations.units.items())),
    )


def leafnodes_key(root_id: str, node_id: str) -> str:
    """`R:N:leafnodes` (contract 5)."""
    return f"{root_id}:{node_id}:leafnodes"


def optionalnodes_key(root_id: str, node_id: str) -> str:
    """`R:N:optionalnodes` (contract 5)."""
    return f"{root_id}:{node_id}:optionalnodes"


def ancestors_key(root_id: str, resource_id: str) -> str:
    """`R:r:ancestors` (contract 5)."""
    return f"{root_id}:{resource_id}:ancestors"


def _document(hierarchy_text: str | None) -> dict[str, object] | None:
    if hierarchy_text is None or not hierarchy_text.strip():
        return None
    try:
        document = parse_lenient(hierarchy_text)
    except InvalidJson as error:
        raise InvalidHierarchy(f"hierarchy is not JSON: {error}") from None
    if document is not None and not isinstance(document, dict):
        raise InvalidHierarchy("hierarchy is not an object")
    return document


def _stale_keys(root_id: str, relations: RelationCache, previous_leafnodes: frozenset[str]) -> tuple[str, ...]:
    """Keys that would go on telling readers what the tree no longer says (D1)."""
    if not relations.collections:
        return ()
    return (
        *(leafnodes_key(root_id, node) for node in sorted(relations.collections - relations.leafnodes.keys())),
        *(optionalnodes_key(root_id, node) for node in sorted(relations.collections - relations.optionalnodes.keys())),
        *(ancestors_key(root_id, node) for node in sorted(previous_leafnodes - relations.resources)),
    )


def _text(edata: dict[str, object], name: str) -> str:
    value = edata.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise InvalidEvent(f"edata.{name} is not a string")
    return value
