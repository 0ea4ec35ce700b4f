"""How far stored hashes are from what Cassandra gives (for the check ``matches_cassandra``)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Literal, NamedTuple

from lern_pipeline.jobs.user_cache_indexer.cache_fields import Compared, field_of

Kind = Literal["missing", "differs", "superfluous"]


class Difference(NamedTuple):
    """A field in which a hash is not what Cassandra gives: not there, another value, or there without a source."""

    field: str
    kind: Kind


def differences(stored: Mapping[str, str], expected: Mapping[str, str]) -> list[Difference]:
    """Field by field. What the two writers are allowed to write differently is none (contract 7): an empty text is as
    good as no field, JSON is compared as JSON, escaped or not."""
    found = []
    for name in sorted(stored.keys() | expected.keys()):
        field = field_of(name)
        # What Cassandra does not tell, and fields of other writers, cannot be wrong.
        if field is None or field.compared == "not" or (field.indexer == "extended" and name not in expected):
            continue
        there, wanted = stored.get(name) or None, expected.get(name) or None
        if there is None and wanted is not None:
            found.append(Difference(name, "missing"))
        elif there is not None and wanted is None:
            found.append(Difference(name, "superfluous"))
        elif (
            there is not None and wanted is not None and _plain(there, field.compared) != _plain(wanted, field.compared)
        ):
            found.append(Difference(name, "differs"))
    return found


def _plain(text: str, compared: Compared) -> object:
    unescaped = text.replace("\\[", "[").replace("\\]", "]")
    if compared == "json":
        try:
            value: object = json.loads(unescaped)
        except ValueError:
            return unescaped
        return value
    # The existing updater writes whole numbers as 1.0.
    return unescaped.removesuffix(".0") if compared == "number" else unescaped
