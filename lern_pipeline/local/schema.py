"""Loads schema.cql: only the statements whose object is missing."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

SCHEMA = Path(__file__).with_name("schema.cql")

_CREATE = re.compile(r"CREATE (KEYSPACE|TYPE|TABLE|INDEX) IF NOT EXISTS ([\w.]+)(?:\s+ON\s+(\w+)\.)?", re.IGNORECASE)

_EXISTING = {
    "KEYSPACE": "SELECT keyspace_name FROM system_schema.keyspaces",
    "TYPE": "SELECT keyspace_name, type_name FROM system_schema.types",
    "TABLE": "SELECT keyspace_name, table_name FROM system_schema.tables",
    "INDEX": "SELECT keyspace_name, index_name FROM system_schema.indexes",
}


def statements(cql: str) -> list[str]:
    """The statements of a CQL script, without comments. Its literals hold neither `--` nor `;`."""
    uncommented = re.sub(r"--.*", "", cql)
    return [statement.strip() for statement in uncommented.split(";") if statement.strip()]


def load_schema(session: Any) -> int:
    """Makes what is missing and returns how many statements that took."""
    existing = {
        (kind, ".".join(row)) for kind, query in _EXISTING.items() for row in session.execute(query, timeout=30.0)
    }
    missing = [statement for statement in statements(SCHEMA.read_text()) if created_object(statement) not in existing]
    for statement in missing:
        # A schema change waits for a flush, which a busy disk can make slow.
        session.execute(statement, timeout=120.0)
    return len(missing)


def created_object(statement: str) -> tuple[str, str]:
    """The kind and full name of what a statement makes, as the system tables spell it."""
    found = _CREATE.match(statement)
    if found is None:
        raise ValueError(f"schema.cql holds more than CREATE … IF NOT EXISTS: {statement[:60]!r}")
    kind, name, index_keyspace = found.group(1).upper(), found.group(2).lower(), found.group(3)
    return kind, f"{index_keyspace.lower()}.{name}" if index_keyspace else name
