"""The Dagster instance that sensors read, opened once per process."""

from __future__ import annotations

import threading

from dagster import DagsterInstance, SensorEvaluationContext
from dagster._core.instance import InstanceRef

from lern_pipeline.orchestration.instance_storage import complete_storage

_lock = threading.Lock()
_opened: list[tuple[InstanceRef, DagsterInstance]] = []


def instance_of(context: SensorEvaluationContext) -> DagsterInstance:
    """The tick's instance.

    Dagster opens one per tick, and closes it again. With SQLite that has alembic import all of Dagster's migration
    scripts three times: four fifths of what a tick costs. Storages may be used by several ticks at once.
    """
    ref = context.instance_ref
    if ref is None:
        return context.instance
    with _lock:
        if not _opened or _opened[0][0] != ref:
            # An older one is dropped, not closed: a tick may still read it.
            opened = DagsterInstance.from_ref(ref)
            complete_storage(opened)
            _opened[:] = [(ref, opened)]
        return _opened[0][1]
