"""A planner in a process of its own, which looks at the lane whenever it is told to."""

from __future__ import annotations

import multiprocessing
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

from dagster import DagsterInstance

from lern_pipeline.jobs.activity_aggregate_updater.job import ACTIVITY_AGGREGATE_UPDATER as JOB
from lern_pipeline.orchestration.lane import Lane
from lern_pipeline.resources.kafka_positions import TopicOffsets
from lern_pipeline.settings import JobSettings, load_configuration

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(["lern_pipeline.orchestration.lane", "lern_pipeline.commands.drain"])


@dataclass
class SeenOffsets:
    """What this planner happens to see of the topic; the other may see more, or less."""

    ends: dict[int, int]

    def offsets(self, topic: str) -> TopicOffsets:
        return TopicOffsets(dict.fromkeys(self.ends, 0), self.ends)

    def committed(self, topic: str, group: str) -> dict[int, int]:
        return {}


class PlanningProcess:
    """Plans on the instance in ``home``."""

    def __init__(self, home: str, max_records: int) -> None:
        self._connection, other = _context.Pipe()
        self._process = _context.Process(target=_plan, args=(home, max_records, other), daemon=True)
        self._process.start()

    def look(self, at: float, ends: dict[int, int]) -> None:
        """Look at the lane at the moment ``at``, with a topic that ends there."""
        self._connection.send((at, ends))

    def requested(self) -> str | None:
        """The run key that the look asked for, None if for none."""
        assert self._connection.poll(120), "the planner does not answer"
        answer = self._connection.recv()
        if isinstance(answer, Exception):
            raise answer
        run_key: str | None = answer
        return run_key

    def end(self) -> None:
        self._connection.send(None)
        self._process.join(30)
        self._process.kill()


def _asked(connection: Connection) -> tuple[float, dict[int, int]] | None:
    try:
        asked: tuple[float, dict[int, int]] | None = connection.recv()
    except (EOFError, ConnectionResetError):
        return None
    return asked


def planner_settings(max_records: int) -> JobSettings:
    environment = {
        "LERN_PIPELINE_ENV": "test",
        "LERN_PIPELINE_KAFKA_AUTO_OFFSET_RESET": "earliest",
        "LERN_PIPELINE_MICROBATCH_MAX_RECORDS": str(max_records),
    }
    return load_configuration(None, environment).for_job(JOB.name)


def _plan(home: str, max_records: int, connection: Connection) -> None:
    settings = planner_settings(max_records)
    with DagsterInstance.from_config(home) as instance:
        while asked := _asked(connection):
            at, ends = asked
            positions: Any = SeenOffsets(ends)
            time.sleep(max(at - time.time(), 0.0))
            try:
                look = Lane(JOB, settings, instance, positions).advance(immediate=True)
            except Exception as error:
                connection.send(error)
            else:
                connection.send(look.run.run_key(JOB) if look.run else None)
