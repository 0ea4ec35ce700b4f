"""The job's tables, by their settings (contract user-deletion-cleanup 14)."""

from __future__ import annotations

from lern_pipeline.settings import JobSettings

KEYSPACE = "user.keyspace"
USER = "user.table"
LOOKUP = "user.lookup.table"
EXTERNAL_IDENTITY = "user.externalIdentity.table"
MEMBERSHIP = "user.org.table"


def table(settings: JobSettings, name: str) -> str:
    """A table with its keyspace."""
    return f"{settings.text(KEYSPACE)}.{settings.text(name)}"
