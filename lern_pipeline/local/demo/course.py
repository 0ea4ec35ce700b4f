"""The sample course as the knowledge platform publishes it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

COLLECTION = "application/vnd.ekstep.content-collection"
QUESTION_SET = "application/vnd.sunbird.questionset"


@dataclass(frozen=True, slots=True)
class Content:
    """A resource of the course."""

    id: str
    name: str
    mime_type: str
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit of the course: contents, then units inside it."""

    id: str
    name: str
    contents: tuple[Content, ...]
    units: tuple[Unit, ...] = ()

    def all_contents(self) -> Iterator[Content]:
        """Contents at any depth, in the order a learner takes them."""
        yield from self.contents
        for unit in self.units:
            yield from unit.all_contents()

    def all_units(self) -> Iterator[Unit]:
        """This unit and those inside it."""
        yield self
        for unit in self.units:
            yield from unit.all_units()


@dataclass(frozen=True, slots=True)
class Course:
    """A course and the batch that its learners are enrolled in."""

    id: str
    batch_id: str
    name: str
    units: tuple[Unit, ...]

    @property
    def contents(self) -> list[Content]:
        return [content for unit in self.units for content in unit.all_contents()]

    @property
    def required(self) -> list[Content]:
        """What a learner must complete."""
        return [content for content in self.contents if not content.optional]

    @property
    def assessment(self) -> Content:
        """What learners answer questions in."""
        return next(content for content in self.contents if content.mime_type == QUESTION_SET)

    @property
    def all_units(self) -> list[Unit]:
        return [inner for unit in self.units for inner in unit.all_units()]

    def hierarchy(self) -> str:
        """The JSON in ``content_hierarchy``."""
        return json.dumps(
            {
                "identifier": self.id,
                "name": self.name,
                "mimeType": COLLECTION,
                "primaryCategory": "Course",
                "visibility": "Default",
                "status": "Live",
                "leafNodes": [content.id for content in self.contents],
                "children": [_unit_node(unit) for unit in self.units],
            }
        )


def sample_course(run: str) -> Course:
    """The course of one demo; ``run`` is part of every id, so that demos do not meet."""

    def content(number: int, name: str, mime_type: str, optional: bool = False) -> Content:
        return Content(f"do_{run}_content_{number}", name, mime_type, optional)

    examples = Unit(
        f"do_{run}_unit_2_1",
        "Examples from the neighbourhood",
        (
            content(4, "Three lesson plans", "application/pdf"),
            content(5, "More to read", "application/pdf", optional=True),
        ),
    )
    return Course(
        f"do_{run}_course",
        # With a hyphen in it, the platform issues no certificates.
        f"batch_{run}",
        "Teaching numbers in grade 1",
        (
            Unit(
                f"do_{run}_unit_1",
                "How children count",
                (content(1, "Counting at home", "video/mp4"), content(2, "What research says", "application/pdf")),
            ),
            Unit(
                f"do_{run}_unit_2",
                "Plan a lesson",
                (content(3, "From goal to activity", "video/mp4"),),
                (examples,),
            ),
            Unit(
                f"do_{run}_unit_3",
                "Look back",
                (
                    content(6, "Check yourself", QUESTION_SET),
                    content(7, "A teacher tells", "video/x-youtube"),
                ),
            ),
        ),
    )


def _unit_node(unit: Unit) -> dict[str, Any]:
    return {
        "identifier": unit.id,
        "name": unit.name,
        "mimeType": COLLECTION,
        "visibility": "Parent",
        "children": [
            *(_content_node(content) for content in unit.contents),
            *(_unit_node(inner) for inner in unit.units),
        ],
    }


def _content_node(content: Content) -> dict[str, Any]:
    return {
        "identifier": content.id,
        "name": content.name,
        "mimeType": content.mime_type,
        "visibility": "Default",
        "relationalMetadata": {"optional": content.optional},
    }
