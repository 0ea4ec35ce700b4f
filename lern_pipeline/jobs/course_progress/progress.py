"""How far a learner has come in a course and its units (contract 4.6): pure set arithmetic.

Every job that recomputes course progress counts with these functions.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

COMPLETED = 2
EMPTY: frozenset[str] = frozenset()


@dataclass(slots=True)
class RelationSets:
    """What the relation cache says of the courses at hand.

    ``leafnodes`` and ``optionalnodes``: (course id, course or unit id) → content ids; ``ancestors``: (course id,
    content id) → ids of the collections above the content. Missing means empty.
    """

    leafnodes: dict[tuple[str, str], frozenset[str]]
    optionalnodes: dict[tuple[str, str], frozenset[str]]
    ancestors: dict[tuple[str, str], frozenset[str]]

    def required(self, course_id: str, node_id: str) -> frozenset[str]:
        """Contents that must be done for ``node_id``, which is the course or one of its units."""
        node = (course_id, node_id)
        return self.leafnodes.get(node, EMPTY) - self.optionalnodes.get(node, EMPTY)

    def units_above(self, course_id: str, content_ids: Iterable[str]) -> set[str]:
        """Units inside the course that hold any of the contents, at any depth."""
        units: set[str] = set()
        for content_id in content_ids:
            units |= self.ancestors.get((course_id, content_id), EMPTY)
        units.discard(course_id)
        return units


def done_contents(statuses: Mapping[str, int]) -> frozenset[str]:
    """Contents with status exactly 2."""
    return frozenset(content_id for content_id, status in statuses.items() if status == COMPLETED)
