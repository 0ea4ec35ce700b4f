"""Dagster's SQLite storages without a new engine for every connection."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from sqlalchemy import Engine

# Each run has a database of its own; of those that are not asked for any more nothing is kept.
REMEMBERED_ENGINES = 64


def remember_engines() -> None:
    """Have Dagster's SQLite storages use an engine again.

    They make one for each connection, and with it forget every statement it has compiled: compiling is two fifths of
    what a question to such a storage costs, and a sensor's tick asks a dozen. An engine without a pool holds no
    connection, so threads and forks may share it. Saying it twice changes nothing.
    """
    from dagster._core.storage.event_log.sqlite import sqlite_event_log
    from dagster._core.storage.runs.sqlite import sqlite_run_storage
    from dagster._core.storage.schedules.sqlite import sqlite_schedule_storage

    for storage in (sqlite_event_log, sqlite_run_storage, sqlite_schedule_storage):
        storage.create_engine = _engine  # type: ignore[attr-defined]


def _engine(url: str, *, poolclass: Any, connect_args: dict[str, Any] | None = None) -> Engine:
    return _remembered(url, poolclass, tuple((connect_args or {}).items()))


@lru_cache(REMEMBERED_ENGINES)
def _remembered(url: str, poolclass: Any, connect_args: tuple[tuple[str, Any], ...]) -> Engine:
    from dagster._core.storage.sql import create_engine

    return create_engine(url, poolclass=poolclass, connect_args=dict(connect_args))
