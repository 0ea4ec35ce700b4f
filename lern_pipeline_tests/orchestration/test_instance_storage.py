"""A storage of which only a part was created is completed (SQLite, Dagster's own classes)."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from dagster import DagsterInstance
from dagster._core.errors import DagsterInvalidInvocationError

from lern_pipeline.orchestration.instance_storage import complete_storage

INDEX = "history/runs/index.db"


def home_with_tables(home: Path, *tables: str) -> Path:
    """A DAGSTER_HOME as a process leaves it that was killed after it had created these tables of the index."""
    with DagsterInstance.from_config(str(home)):
        pass
    with sqlite3.connect(home / INDEX) as index:
        for (name,) in index.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            if name not in tables and not name.startswith("sqlite_"):
                index.execute(f'DROP TABLE "{name}"')
        if "secondary_indexes" in tables:
            index.execute("DELETE FROM secondary_indexes")
    return home


def test_without_completion_dagster_refuses_dynamic_partitions(tmp_path: Path) -> None:
    home = home_with_tables(tmp_path, "event_logs")
    refused = pytest.raises(DagsterInvalidInvocationError, match="dynamic partitions table")
    with DagsterInstance.from_config(str(home)) as instance, refused:
        instance.get_dynamic_partitions("lane")


@pytest.mark.parametrize(
    "tables",
    [
        (),
        ("event_logs",),
        ("event_logs", "secondary_indexes", "asset_keys"),
        ("event_logs", "secondary_indexes", "asset_keys", "dynamic_partitions", "alembic_version"),
    ],
    ids=["an empty file", "the first table", "some tables", "no version and no marks"],
)
def test_what_is_missing_is_created(tmp_path: Path, tables: tuple[str, ...]) -> None:
    with DagsterInstance.from_config(str(home_with_tables(tmp_path, *tables))) as instance:
        complete_storage(instance)
        instance.add_dynamic_partitions("lane", ["a"])
        assert instance.get_dynamic_partitions("lane") == ["a"]
        assert instance.event_log_storage.has_secondary_index("asset_key_index_columns")


def test_a_complete_storage_stays_as_it_is(tmp_path: Path) -> None:
    with DagsterInstance.from_config(str(tmp_path)) as instance:
        instance.add_dynamic_partitions("lane", ["a", "b"])
    before = dump(tmp_path / INDEX)
    with DagsterInstance.from_config(str(tmp_path)) as instance:
        complete_storage(instance)
    assert dump(tmp_path / INDEX) == before


def dump(database: Path) -> list[str]:
    with sqlite3.connect(database) as connection:
        return list(connection.iterdump())
