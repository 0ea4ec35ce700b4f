"""Dagster's own storage, complete before it is used."""

from __future__ import annotations

from dagster import DagsterInstance


def complete_storage(instance: DagsterInstance) -> None:
    """Create what the storage lacks, at little cost where it lacks nothing.

    A process that is killed while it creates a SQLite storage leaves some of the tables. Dagster takes a file that is
    there for a storage that is complete, until it reads the index of assets; dynamic partitions come before that.
    """
    instance.reindex()
