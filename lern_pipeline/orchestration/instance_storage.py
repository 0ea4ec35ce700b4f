"""Dagster's own storage, complete before it is used."""

from __future__ import annotations

from pathlib import Path

from dagster import DagsterInstance


def create_storage(home: Path) -> None:
    """Create the storage of a new ``DAGSTER_HOME``, before several processes want it.

    Two that create a SQLite storage at the same moment may note two versions of it, and then no process can open it
    any more.
    """
    with DagsterInstance.from_config(str(home)) as instance:
        complete_storage(instance)


def complete_storage(instance: DagsterInstance) -> None:
    """Create what the storage lacks, at little cost where it lacks nothing.

    A process that is killed while it creates a SQLite storage leaves some of the tables. Dagster takes a file that is
    there for a storage that is complete, until it reads the index of assets; dynamic partitions come before that.
    """
    instance.reindex()
