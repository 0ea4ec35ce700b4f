"""The Dagster resource that stands for the installation: its configuration and its clients."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import dagster as dg

from lern_pipeline.microbatch.job import JobSpec
from lern_pipeline.microbatch.services import Services
from lern_pipeline.microbatch.store import BatchStore
from lern_pipeline.resources.kafka_positions import KafkaPositions
from lern_pipeline.resources.services import indexing_services, services_for
from lern_pipeline.settings import Configuration, JobSettings, load_configuration


@lru_cache(maxsize=4)
def _configuration(path: str | None, modified: float) -> Configuration:
    return load_configuration(path)


def current_configuration(path: str | None = None) -> Configuration:
    """The effective configuration; read again when its file has changed.

    Raises:
        ConfigurationError: one line that names the setting and what is wrong with it.
    """
    path = path or os.environ.get("LERN_PIPELINE_CONFIG") or None
    modified = Path(path).stat().st_mtime if path and Path(path).exists() else 0.0
    return _configuration(path, modified)


def remarks(jobs: Sequence[JobSpec[Any, Any]], configuration: Configuration) -> list[str]:
    """What the jobs have to say of their settings, one line each."""
    return [line for job in jobs if job.remarks is not None for line in job.remarks(configuration.for_job(job.name))]


class Installation(dg.ConfigurableResource[Any]):
    """Kafka, Cassandra, Redis and the HTTP services of one installation, as configured.

    Clients are made per job on first use and kept for the life of the process.
    """

    config_file: str | None = None

    def settings(self, job: JobSpec[Any, Any]) -> JobSettings:
        """The job's effective settings."""
        return current_configuration(self.config_file).for_job(job.name)

    def services(self, job: JobSpec[Any, Any]) -> Services:
        """The job's clients."""
        return _services(self.config_file, job.name, job.cassandra)

    def named_settings(self, name: str) -> JobSettings:
        """The effective settings of what is no lane."""
        return current_configuration(self.config_file).for_job(name)

    def indexing_services(self, settings: JobSettings) -> Services:
        """Clients of user-cache-indexer, new ones: runs may be led to different servers. Close them."""
        return _indexing_services(settings)

    def positions(self, job: JobSpec[Any, Any]) -> KafkaPositions:
        """Kafka's offsets, for planning."""
        return _positions(self.config_file, job.name)

    def store(self, job: JobSpec[Any, Any], instance: dg.DagsterInstance) -> BatchStore:
        """Where the job's archives and plans are kept."""
        return self.store_named(job.name, self.settings(job), instance)

    @staticmethod
    def store_named(name: str, settings: JobSettings, instance: dg.DagsterInstance) -> BatchStore:
        """What else is kept beside the micro-batches, under a name of its own."""
        url = settings.text("microbatch.store.url")
        return BatchStore(url or str(Path(instance.root_directory) / "lern_pipeline" / "batches"), name)


def _indexing_services(settings: JobSettings) -> Services:
    return indexing_services(settings)


@lru_cache(maxsize=32)
def _services(config_file: str | None, job: str, cassandra: str) -> Services:
    return services_for(current_configuration(config_file).for_job(job), cassandra)


_brokers: dict[str, KafkaPositions] = {}


def _positions(config_file: str | None, job: str) -> KafkaPositions:
    settings = current_configuration(config_file).for_job(job)
    broker = settings.text("kafka.broker-servers")
    if broker not in _brokers:
        _brokers[broker] = KafkaPositions(settings)
    return _brokers[broker]
