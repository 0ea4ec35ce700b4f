"""The failed topics of an installation: each once, though several jobs may share it (design 6)."""

from collections.abc import Sequence
from typing import Any

from lern_pipeline.microbatch.failed_log import FailedLog
from lern_pipeline.microbatch.failure_trace import FailureTrace
from lern_pipeline.microbatch.job import JobSpec
from lern_pipeline.microbatch.redrive_run import traces_in
from lern_pipeline.orchestration.installation import Installation

BOUND = "failed.events.max"


def failed_log(job: JobSpec[Any, Any], installation: Installation) -> FailedLog:
    """The log that holds the job's failed events; without partitions while the topic does not exist.

    Raises:
        ServiceUnavailable: Kafka does not answer.
    """
    settings = installation.settings(job)
    topic = job.failed_topic(settings)
    offsets = installation.positions(job).offsets(topic)
    return FailedLog(topic, offsets.starts, offsets.ends, settings.integer(BOUND))


def all_traces(jobs: Sequence[JobSpec[Any, Any]], installation: Installation) -> tuple[list[FailureTrace], int]:
    """The failed events of all jobs, and how many older records were not looked at.

    Raises:
        ServiceUnavailable: Kafka does not answer.
    """
    by_topic = {job.failed_topic(installation.settings(job)): job for job in jobs}
    traces: list[FailureTrace] = []
    left_out = 0
    for _, job in sorted(by_topic.items()):
        log = failed_log(job, installation)
        traces += traces_in(installation.services(job).broker, log)
        left_out += log.left_out
    return traces, left_out
