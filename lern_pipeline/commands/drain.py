"""``lern-pipeline drain`` and ``lern-pipeline rerun``."""

from __future__ import annotations

import argparse
import sys

import msgspec

from lern_pipeline.commands.session import runner_session, to_stderr
from lern_pipeline.errors import ConfigurationError
from lern_pipeline.microbatch.key import InvalidKey, MicroBatchKey
from lern_pipeline.orchestration.drain import DrainReport
from lern_pipeline.orchestration.lane import Lane, LaneRun


def drain(arguments: argparse.Namespace) -> int:
    """Plan and run what waits. Exit code 1, and one line on stderr, when a batch failed or a lane could not go on."""
    with runner_session(arguments.job, to_stderr) as runner:
        report = runner.drain()
    if arguments.json:
        print(msgspec.json.encode(report).decode())
    else:
        print(_summary(report))
    return _exit_code(report)


def rerun(arguments: argparse.Namespace) -> int:
    """Run one micro-batch again: recomputed with today's state, nothing counted or sent twice."""
    try:
        key = MicroBatchKey.parse(arguments.partition_key)
    except InvalidKey as error:
        raise ConfigurationError(str(error)) from None
    with runner_session(arguments.job, to_stderr) as runner:
        (job,) = runner.jobs
        lane = Lane(job, runner.installation.settings(job), runner.instance, runner.installation.positions(job))
        if str(key) not in lane.key_texts():
            raise ConfigurationError(f"{job.name} has no micro-batch {key}")
        batch = runner.run(job, LaneRun(key, 1), rerun=True)
    report = DrainReport([batch])
    print(msgspec.json.encode(report).decode() if arguments.json else _summary(report))
    return _exit_code(report)


def _summary(report: DrainReport) -> str:
    batches = report.batches
    events = sum(batch.consumed for batch in batches)
    text = f"{len(batches)} micro-batches, {events} events, {sum(batch.failed for batch in batches)} failed events"
    return f"{text}; {report.waiting} still waiting" if report.waiting else text


def _exit_code(report: DrainReport) -> int:
    if report.succeeded:
        return 0
    reasons = [*report.stopped, *(f"{b.job} {b.partition_key}: {b.reason}" for b in report.batches if b.reason)]
    print("; ".join(reasons), file=sys.stderr)
    return 1
