"""Writes the page of all fields from their table: `python -m lern_pipeline.jobs.user_cache_indexer.fields_page`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from lern_pipeline.jobs.user_cache_indexer.cache_fields import DESIGN, FIELDS, CacheField

PAGE = Path("docs") / "user-cache-fields.md"

_INTRODUCTION = """\
# Fields of the user cache

Generated from `lern_pipeline/jobs/user_cache_indexer/cache_fields.py`; write it anew with
`python -m lern_pipeline.jobs.user_cache_indexer.fields_page`.

A user's hash is `user:<userid>` in Redis database 12 of `redis-meta`. `user-cache-indexer` (I) writes it from
Cassandra, `user-cache-updater` (U) from events. Every value is text; brackets in texts are escaped with a backslash, so
that only JSON begins with one. A field without a value is absent; the updater writes some of these empty.

*extended*: only with `extended.fields.enabled`. It puts more personal data into Redis and no known reader needs it.

Readers: *exhaust* (user-info and progress exhaust), *response* and *program* (response and program exhaust), *summary*
(collection summary), *progress* (columns of `userCacheCols`), *telemetry* (denormalisation).
"""


def page() -> str:
    """The whole page as Markdown."""
    return "\n".join([_INTRODUCTION, *_fields(), "", *_design(), ""])


def _fields() -> Iterator[str]:
    yield "| Field | Type | From | I | U | Readers | |"
    yield "|---|---|---|---|---|---|---|"
    for one in FIELDS:
        indexer = {"core": "yes", "extended": "extended", "never": "–"}[one.indexer]
        updater = "yes" if one.updater else "–"
        readers = ", ".join(one.readers)
        yield f"| `{one.name}` | {one.type} | {one.source} | {indexer} | {updater} | {readers} | {one.note} |"


def _design() -> Iterator[str]:
    yield "## The 32 fields of the design"
    yield ""
    yield "| # | Field of the design | Type there | In the hash |"
    yield "|---|---|---|---|"
    for design in DESIGN:
        written = [_in_hash(one) for one in FIELDS if design.number in one.designs]
        yield f"| {design.number} | {design.name} | {design.type} | {', '.join(written)} |"


def _in_hash(field: CacheField) -> str:
    """The field's name, and what is to be known before one looks for it."""
    if field.indexer == "never":
        return f"not written by the indexer (`{field.name}`)"
    return f"`{field.name}`" + (" (extended)" if field.indexer == "extended" else "")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
