"""MongoDB in memory: as much of filters and updates as the jobs use, documents in extended JSON.

What it does is held against a server in ``stack/test_mongo.py``.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from lern_pipeline.microbatch.plan import DocumentUpdate, DocumentUpdates
from lern_pipeline.microbatch.stores import Refusal

Document = dict[str, Any]


class Refused(Exception):
    """MongoDB's error, by its code."""


class InMemoryDocuments:
    """The collections of one database."""

    def __init__(self, journal: list[str] | None = None) -> None:
        self.journal: list[str] = [] if journal is None else journal
        self.collections: dict[str, list[Document]] = {}
        self.finds: list[tuple[str, tuple[Any, ...]]] = []
        self.inserted = 0

    def give(self, collection: str, *documents: Document) -> None:
        """Documents that were there before."""
        self.collections.setdefault(collection, []).extend(copy.deepcopy(list(documents)))

    def find(
        self, server: str, collection: str, member: str, values: Iterable[Any], members: Sequence[str]
    ) -> list[Document]:
        wanted = list(values)
        self.finds.append((collection, tuple(map(str, wanted))))
        return [
            {name: copy.deepcopy(document[name]) for name in members if name in document}
            for document in self.collections.get(collection, [])
            if _matches(document, {member: {"$in": wanted}})
        ]

    def apply(self, updates: DocumentUpdates) -> list[Refusal]:
        self.journal.append(f"documents {updates.collection}")
        try:
            for update in updates.updates:
                self._update(updates.collection, update, update.values)
        except Refused:
            return list(self._value_by_value(updates))
        return []

    def close(self) -> None:
        """Nothing was opened."""

    def _value_by_value(self, updates: DocumentUpdates) -> Iterator[Refusal]:
        for value in {str(value): value for update in updates.updates for value in update.values}.values():
            try:
                for update in updates.updates:
                    if value in update.values:
                        self._update(updates.collection, update, [value])
            except Refused as error:
                yield Refusal(updates.collection, value, f"error code {error}")

    def _update(self, collection: str, update: DocumentUpdate, values: Sequence[Any]) -> None:
        documents = self.collections.setdefault(collection, [])
        wanted = {update.member: {"$in": list(values)}, **update.where}
        found = [number for number, document in enumerate(documents) if _matches(document, wanted)]
        for number in found:
            # All of an update or nothing, per document.
            documents[number] = _changed(documents[number], update)
        if update.insert and not found:
            self.inserted += 1
            made = {"_id": {"$oid": f"{self.inserted:024x}"}, update.member: values[0]}
            documents.append({**made, **copy.deepcopy(update.change["$setOnInsert"])})


def _matches(document: Any, wanted: Document) -> bool:
    for path, condition in wanted.items():
        if path == "$or":
            if not any(_matches(document, one) for one in condition):
                return False
        elif not _holds(*_at(document, path), condition):
            return False
    return True


def _at(document: Any, path: str) -> tuple[bool, Any]:
    """Whether it is there, and what."""
    for name in path.split("."):
        if not isinstance(document, dict) or name not in document:
            return False, None
        document = document[name]
    return True, document


def _holds(there: bool, value: Any, condition: Any) -> bool:
    if not (isinstance(condition, dict) and condition and "$oid" not in condition):
        return _equals(there, value, condition)
    checks = {
        "$in": lambda operand: any(_equals(there, value, one) for one in operand),
        "$exists": lambda operand: there is operand,
        "$not": lambda operand: not _holds(there, value, operand),
        "$type": lambda operand: there and _is_type(value, operand),
        "$elemMatch": lambda operand: isinstance(value, list) and any(_matches(item, operand) for item in value),
    }
    return all(checks[operator](operand) for operator, operand in condition.items())


def _equals(there: bool, value: Any, wanted: Any) -> bool:
    return there and (value == wanted or (isinstance(value, list) and wanted in value))


def _is_type(value: Any, kind: str) -> bool:
    if kind == "array":
        return isinstance(value, list)
    values = value if isinstance(value, list) else [value]
    return any(isinstance(one, dict) and "$oid" not in one for one in values)


def _changed(document: Document, update: DocumentUpdate) -> Document:
    changed = copy.deepcopy(document)
    for operator, members in update.change.items():
        for path, operand in members.items():
            if ".$[" in path:
                _change_elements(changed, path, operator, operand, update.array_filters)
            elif operator == "$set":
                parent, name = _parent(changed, path)
                parent[name] = copy.deepcopy(operand)
            elif operator == "$unset":
                there, parent = _at(changed, path.rpartition(".")[0]) if "." in path else (True, changed)
                if there and isinstance(parent, dict):
                    parent.pop(path.rpartition(".")[2], None)
            elif operator == "$push":
                if not isinstance(changed.setdefault(path, []), list):
                    raise Refused(2)
                changed[path].append(copy.deepcopy(operand))
            else:
                assert operator == "$setOnInsert", operator
    return changed


def _parent(document: Document, path: str) -> tuple[Document, str]:
    *above, name = path.split(".")
    for member in above:
        document = document.setdefault(member, {})
        if not isinstance(document, dict):
            # Cannot create a field in an element.
            raise Refused(28)
    return document, name


def _change_elements(document: Document, path: str, operator: str, operand: Any, filters: list[Document]) -> None:
    array, _, rest = path.partition(".$[")
    identifier, _, member = rest.partition("].")
    if not isinstance(document.get(array), list):
        raise Refused(2)
    wanted = {name.removeprefix(f"{identifier}."): condition for one in filters for name, condition in one.items()}
    for element in document[array]:
        if _matches(element, wanted):
            if operator == "$addToSet":
                element[member] += [one for one in operand["$each"] if one not in element[member]]
            else:
                assert operator == "$pull", operator
                element[member] = [one for one in element[member] if one != operand]
