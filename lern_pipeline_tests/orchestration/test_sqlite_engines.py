"""One engine per SQLite file, and what must not come of it."""

from __future__ import annotations

import gc
import shutil
import weakref
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from dagster import DagsterInstance
from dagster._core.storage.event_log.sqlite import sqlite_event_log
from dagster._core.storage.runs.sqlite import sqlite_run_storage
from dagster._core.storage.schedules.sqlite import SqliteScheduleStorage, sqlite_schedule_storage
from dagster._core.storage.sql import create_engine
from sqlalchemy import Engine, text

from lern_pipeline.orchestration.sqlite_engines import REMEMBERED_ENGINES, remember_engines

pytestmark = pytest.mark.dagster

STORAGES = (sqlite_event_log, sqlite_run_storage, sqlite_schedule_storage)


@pytest.fixture(autouse=True)
def _remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    for storage in STORAGES:
        monkeypatch.setattr(storage, "create_engine", create_engine)
    remember_engines()


def engine_of(storage: SqliteScheduleStorage) -> Engine:
    with storage.connect() as connection:
        return connection.engine


def test_a_file_has_one_engine_and_another_file_another(tmp_path: Path) -> None:
    one, other = (SqliteScheduleStorage.from_local(str(tmp_path / name)) for name in ("one", "other"))
    assert engine_of(one) is engine_of(one)
    assert engine_of(one) is not engine_of(other)


def test_an_engine_holds_no_connection(tmp_path: Path) -> None:
    storage = SqliteScheduleStorage.from_local(str(tmp_path))
    with storage.connect() as one, storage.connect() as two:
        assert one.connection.dbapi_connection is not two.connection.dbapi_connection
    shutil.rmtree(tmp_path)
    again = SqliteScheduleStorage.from_local(str(tmp_path))
    assert again.all_instigator_state() == []


def test_engines_of_runs_do_not_add_up(tmp_path: Path) -> None:
    with DagsterInstance.from_config(str(tmp_path), config_filename="none.yaml") as instance:
        events = instance.event_log_storage
        assert isinstance(events, sqlite_event_log.SqliteEventLogStorage)
        kept = weakref.WeakSet[Engine]()
        for number in range(REMEMBERED_ENGINES + 20):
            with events.run_connection(f"run-{number}") as connection:
                kept.add(connection.engine)
        gc.collect()
        assert len(kept) <= REMEMBERED_ENGINES
        with events.run_connection("run-0") as connection:
            assert connection.execute(text("select count(*) from event_logs")).scalar() == 0


def test_threads_may_share_one(tmp_path: Path) -> None:
    with DagsterInstance.from_config(str(tmp_path), config_filename="none.yaml") as instance:

        def add(number: int) -> None:
            instance.add_dynamic_partitions("days", [f"day-{number}"])

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(add, range(40)))
        assert len(instance.get_dynamic_partitions("days")) == 40
