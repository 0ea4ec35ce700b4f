"""Entries of the collection and content caches (contract collection-cert-pre-processor 2; platform contract 6.3).
Pure."""

from __future__ import annotations

from typing import Any

from lern_pipeline.events.lenient_json import InvalidJson, parse_lenient
from lern_pipeline.microbatch.stores import WrongType


class UnusableEntry(ValueError):
    """The entry is there and no JSON object; the text says so and quotes nothing of it."""


def cached_entry(cached: str | WrongType | None) -> dict[str, Any]:
    """The entry's members, their names in lower case and without underscores; empty where nothing is cached.

    Members that are the empty text are as absent. Of several names that come out alike the last one counts.

    Raises:
        UnusableEntry: not a text, or not a JSON object.
    """
    if isinstance(cached, WrongType):
        raise UnusableEntry("is not a text")
    if not cached:
        return {}
    try:
        entry = parse_lenient(cached)
    except InvalidJson:
        entry = None
    if not isinstance(entry, dict):
        raise UnusableEntry("is not a JSON object")
    return {name.lower().replace("_", ""): value for name, value in entry.items() if value != ""}
