"""What the commands that drive runs need: configuration, instance, definitions; one command at a time."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from dagster import DagsterInstance
from dagster._core.storage.sql import ALEMBIC_SCRIPTS_LOCATION

from lern_pipeline.commands.home import dagster_home
from lern_pipeline.definitions import make_definitions
from lern_pipeline.jobs.all_jobs import ALL_JOBS, job_named
from lern_pipeline.launcher.migrations import remember_migrations
from lern_pipeline.orchestration.drain import Runner, only_one, refuse_if_daemon_alive
from lern_pipeline.orchestration.installation import Installation, current_configuration, remarks
from lern_pipeline.orchestration.instance_storage import complete_storage
from lern_pipeline.resources.kafka_client import check_codecs

Progress = Callable[[str], None]


def quiet_libraries() -> None:
    """A person reads these commands' output: what a library has to say reaches them in the one line at the end."""
    for name in ("kafka", "cassandra", "stamina", "dagster"):
        logging.getLogger(name).setLevel(logging.CRITICAL)


def to_stderr(line: str) -> None:
    """Progress: stdout is for results."""
    print(line, file=sys.stderr, flush=True)


@contextmanager
def runner_session(job_name: str | None, progress: Progress) -> Iterator[Runner]:
    """A runner for one job, or for all, that is alone on its instance.

    Raises:
        ConfigurationError: the configuration cannot be used, or there is no such job.
        LaneStopped: a daemon, or another command, is at work on the instance.
    """
    jobs = ALL_JOBS if job_name is None else (job_named(job_name),)
    check_codecs()
    configuration = current_configuration()
    for warning in (*configuration.warnings, *remarks(jobs, configuration)):
        progress(f"warning: {warning}")
    dagster_home()
    quiet_libraries()
    remember_migrations([ALEMBIC_SCRIPTS_LOCATION])
    with DagsterInstance.get() as instance:
        refuse_if_daemon_alive(instance)
        with only_one(instance):
            complete_storage(instance)
            yield Runner(jobs, make_definitions(configuration), Installation(), instance, progress)
