"""What the published hierarchy of a collection says about its nodes (contract 3.1 and 4)."""

from __future__ import annotations

from dataclasses import dataclass, field

from lern_pipeline.events.lenient_json import MAX_DEPTH, InvalidJson, compact_json

COLLECTION = "application/vnd.ekstep.content-collection"
MAX_ID_BYTES = 32_000
"""Longest id in UTF-8: two of them make a key, and no store takes keys beyond 64 KiB."""


class InvalidHierarchy(ValueError):
    """The document cannot be used (contract 7, D5): nothing of it is written."""


@dataclass(frozen=True)
class RelationCache:
    """The relations within one hierarchy; R is the root's id as the event gave it.

    A collection without leaf nodes or optional nodes has no entry in the mapping concerned (contract 4.1, 4.2).
    """

    leafnodes: dict[str, frozenset[str]]
    """Collection id → ids of the resources under it, or its explicit `leafNodes`."""
    optionalnodes: dict[str, frozenset[str]]
    """Collection id → ids marked optional under it."""
    ancestors: dict[str, frozenset[str]]
    """Resource id → ids of the collections above it, R included."""
    units: dict[str, str]
    """Id of an inner unit → its JSON, children nested in full."""
    collections: frozenset[str]
    """Every collection of the tree that has an id, R included."""
    resources: frozenset[str]
    """Every resource of the tree that has an id: the keys of `ancestors`."""


@dataclass(slots=True)
class _Visit:
    """One occurrence of a node; the sets fill up from below."""

    node: dict[str, object]
    id: str | None
    is_collection: bool
    is_resource: bool
    optional: bool
    parent: _Visit | None
    depth: int
    path: frozenset[str]
    """The node's collections from R down to itself; for what is no collection, down to the collection it is in."""
    leaves: set[str] = field(default_factory=set)
    optionals: set[str] = field(default_factory=set)


def relations_of(root_id: str, root: dict[str, object]) -> RelationCache:
    """The relations of the hierarchy `root`, published under `root_id` (contract 4.1–4.4).

    A root that is not a collection has none. Raises InvalidHierarchy for the shapes of contract 7.
    """
    if _too_long(root_id):
        raise InvalidHierarchy("the collection's id is too long")
    if not _is_collection(root):
        return RelationCache({}, {}, {}, {}, frozenset(), frozenset())
    visits = _walk(root_id, root)
    _gather(visits)
    leafnodes: dict[str, frozenset[str]] = {}
    optionalnodes: dict[str, frozenset[str]] = {}
    ancestors: dict[str, set[str]] = {}
    units: dict[str, str] = {}
    collections: set[str] = set()
    for visit in visits:
        if visit.is_resource and visit.id is not None:
            ancestors.setdefault(visit.id, set()).update(visit.path)
        if not visit.is_collection:
            continue
        # Each occurrence of an id replaces what an earlier one gave, unless it gives nothing (D8).
        explicit = _explicit_leafnodes(visit)
        own_id = root_id if visit.parent is None else visit.id
        if own_id is not None:
            collections.add(own_id)
            if leaves := visit.leaves if explicit is None else explicit:
                leafnodes[own_id] = frozenset(leaves)
            if visit.optionals:
                optionalnodes[own_id] = frozenset(visit.optionals)
        if visit.id is not None and visit.node.get("children") and _is_inner_unit(visit.node):
            units[visit.id] = _unit_json(visit.node)
    merged = {resource: frozenset(above) for resource, above in ancestors.items()}
    return RelationCache(leafnodes, optionalnodes, merged, units, frozenset(collections), frozenset(merged))


def _walk(root_id: str, root: dict[str, object]) -> list[_Visit]:
    """Every node in document order, parents before children, each checked.

    Collections are looked for under collections only: what lies in a question set is neither leaf nor unit, yet may
    be optional (D9).
    """
    visits: list[_Visit] = []
    waiting: list[tuple[dict[str, object], _Visit | None]] = [(root, None)]
    while waiting:
        node, parent = waiting.pop()
        visit = _visit(root_id, node, parent)
        if visit.depth > MAX_DEPTH:
            raise InvalidHierarchy("nested too deeply")
        visits.append(visit)
        waiting.extend((child, visit) for child in reversed(_children(node)))
    return visits


def _visit(root_id: str, node: dict[str, object], parent: _Visit | None) -> _Visit:
    name = _text(node, "identifier")
    if name is not None and _too_long(name):
        raise InvalidHierarchy("identifier of a node is too long")
    node_id = name if name is not None and name.strip() else None
    collection = _is_collection(node)
    _text(node, "visibility")
    if parent is None:
        return _Visit(node, node_id, True, False, False, None, 0, frozenset((root_id,)))
    counts = parent.is_collection
    path = parent.path | {node_id} if counts and collection and node_id is not None else parent.path
    return _Visit(
        node,
        node_id,
        counts and collection,
        counts and not collection,
        _is_optional(node),
        parent,
        parent.depth + 1,
        path,
    )


def _gather(visits: list[_Visit]) -> None:
    """Hands leaf nodes and optional nodes up: children come after their parents, so from the end all are complete."""
    for visit in reversed(visits):
        parent = visit.parent
        if parent is None:
            continue
        if visit.is_collection:
            parent.leaves |= visit.leaves
        elif visit.is_resource and visit.id is not None:
            parent.leaves.add(visit.id)
        if not visit.optional:
            parent.optionals |= visit.optionals
        elif visit.id is not None:
            # An optional unit is listed by its own id only; its resources still count for the parent (D4).
            parent.optionals.add(visit.id)


def _explicit_leafnodes(visit: _Visit) -> list[str] | None:
    """The published list, trusted even where it disagrees with the tree; null is as good as none (D3)."""
    listed = visit.node.get("leafNodes")
    if listed is None:
        return None
    if not isinstance(listed, list):
        raise InvalidHierarchy("leafNodes of a collection is not a list")
    members: list[str] = []
    for member in listed:
        if not isinstance(member, str):
            raise InvalidHierarchy("leafNodes of a collection has a member that is not a string")
        if _too_long(member):
            raise InvalidHierarchy("leafNodes of a collection has a member that is too long")
        members.append(member)
    return members


def _children(node: dict[str, object]) -> list[dict[str, object]]:
    children = node.get("children")
    if children is None:
        return []
    if not isinstance(children, list):
        raise InvalidHierarchy("children of a node is not a list")
    if not all(isinstance(child, dict) for child in children):
        raise InvalidHierarchy("children of a node has a member that is not an object")
    return children


def _is_collection(node: dict[str, object]) -> bool:
    mime_type = _text(node, "mimeType")
    return mime_type is not None and mime_type.lower() == COLLECTION


def _is_inner_unit(node: dict[str, object]) -> bool:
    visibility = _text(node, "visibility")
    return visibility is not None and visibility.lower() == "parent"


def _is_optional(node: dict[str, object]) -> bool:
    """Anything that is not an object with a flag `true` is not optional (D6)."""
    metadata = node.get("relationalMetadata")
    if not isinstance(metadata, dict):
        return False
    flag = metadata.get("optional")
    return flag is True or (isinstance(flag, str) and flag.lower() == "true")


def _unit_json(node: dict[str, object]) -> str:
    try:
        return compact_json(node)
    except InvalidJson as error:
        raise InvalidHierarchy(f"a unit cannot be written as JSON: {error}") from None


def _text(node: dict[str, object], name: str) -> str | None:
    value = node.get(name)
    if value is None or isinstance(value, str):
        return value
    raise InvalidHierarchy(f"{name} of a node is not a string")


def _too_long(node_id: str) -> bool:
    # A character takes at most four bytes: short ids need no encoding.
    return len(node_id) > MAX_ID_BYTES // 4 and len(node_id.encode(errors="surrogatepass")) > MAX_ID_BYTES
