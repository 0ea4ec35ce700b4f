"""``lern-pipeline rewind``: set where a lane goes on."""

from __future__ import annotations

import argparse

from lern_pipeline.commands.session import runner_session, to_stderr
from lern_pipeline.errors import ConfigurationError
from lern_pipeline.microbatch.key import InvalidKey, MicroBatchKey
from lern_pipeline.orchestration.lane import Lane
from lern_pipeline.resources.kafka_positions import TopicOffsets


def rewind(arguments: argparse.Namespace) -> int:
    """Set the position, and say what that repeats or leaves out."""
    with runner_session(arguments.job, to_stderr) as runner:
        (job,) = runner.jobs
        settings = runner.installation.settings(job)
        positions = runner.installation.positions(job)
        lane = Lane(job, settings, runner.instance, positions)
        topic = job.input_topic(settings)
        offsets = positions.offsets(topic)
        if not offsets.ends:
            raise ConfigurationError(f"topic {topic} does not exist")
        newest = lane.newest()
        target = _target(arguments.to, offsets)
        key = lane.set_position(target)
    before = newest.key.ends if newest else {}
    print(f"{job.name} goes on at {key}")
    for partition, at in sorted(target.items()):
        print(f"  partition {partition}: {_consequence(at, before.get(partition))}")
    return 0


def _target(to: str, offsets: TopicOffsets) -> dict[int, int]:
    """``earliest``, ``latest``, or the start of the batch that ``to`` names."""
    if to == "earliest":
        return dict(offsets.starts)
    if to == "latest":
        return dict(offsets.ends)
    try:
        starts = MicroBatchKey.parse(to).starts
    except InvalidKey as error:
        raise ConfigurationError(f"--to takes earliest, latest or a micro-batch key: {error}") from None
    # Within what the log has: before its start nothing can be read, behind its end nothing is.
    return {
        partition: min(max(starts.get(partition, end), offsets.starts.get(partition, 0)), end)
        for partition, end in offsets.ends.items()
    }


def _consequence(at: int, before: int | None) -> str:
    if before is None or at == before:
        return f"offset {at}, nothing is repeated or left out"
    if at < before:
        return (
            f"offset {at}, {before - at} records are handled again as new batches: what they add to counters is "
            "added again unless the job recognises it"
        )
    return f"offset {at}, {at - before} records are left out"
