"""A job's workload through ``drain``, beside what the stores allow: ``lern-pipeline benchmark progress`` and others."""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from kafka import KafkaAdminClient, KafkaProducer
from kafka.admin import NewTopic

from lern_pipeline.benchmark.measured_process import Measured, measure
from lern_pipeline.benchmark.store_limits import Reads, grouped_seconds, single_seconds
from lern_pipeline.errors import LernPipelineError
from lern_pipeline.microbatch.job import JobSpec
from lern_pipeline.microbatch.plan import CacheWrites, Plan, RowWrites
from lern_pipeline.microbatch.store import BatchStore
from lern_pipeline.resources.cassandra import Cassandra
from lern_pipeline.resources.kafka_client import connection
from lern_pipeline.resources.redis import RedisServers
from lern_pipeline.settings import JobSettings, load_configuration

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Options:
    """What to run. ``batch_size``: records a micro-batch takes at most."""

    events: int
    batch_size: int
    events_per_learner: int
    runs: int
    seed: int
    limits: bool = True


class Workload(Protocol):
    """Seeded events and what must be there before them."""

    @property
    def about(self) -> str:
        """What is loaded, for a line of progress."""
        ...

    def caches(self, settings: JobSettings) -> Iterable[CacheWrites]: ...

    def stored_rows(self, keyspace: str, write_time_us: int) -> Iterable[RowWrites]: ...

    def messages(self) -> Iterable[tuple[bytes | None, bytes]]:
        """Key and value of each event."""
        ...


@dataclass(frozen=True, slots=True)
class Benchmark:
    """A job, how its workload is made (of options, seed and a token that stands in every id), its reads, and settings
    of its own as environment variables."""

    name: str
    job: JobSpec[Any, Any]
    workload: Callable[[Options, int, str], Workload]
    reads: Callable[[JobSettings], Reads]
    environment: Mapping[str, str] = field(default_factory=dict)


def run(benchmark: Benchmark, options: Options, progress: Progress) -> dict[str, Any]:
    """All runs, each on topics, ids and an instance of its own; the median of every figure.

    Raises:
        LernPipelineError: a drain failed, or did not account for every event.
    """
    runs = []
    for number in range(options.runs):
        figures = _one_run(benchmark, options, options.seed + number, progress)
        progress(f"run {number + 1} of {options.runs}: {figures['events_per_second']:.0f} events/s")
        runs.append(figures)
    median = {name: _median([figures[name] for figures in runs]) for name in runs[0]}
    return {
        "benchmark": benchmark.name,
        "events": options.events,
        "batch_size": options.batch_size,
        "runs": runs,
        **median,
    }


def _median(values: list[Any]) -> Any:
    if isinstance(values[0], dict):
        names = sorted({name for value in values for name in value})
        return {name: round(statistics.median([value.get(name, 0) for value in values]), 4) for name in names}
    return round(statistics.median(values), 4)


def _one_run(benchmark: Benchmark, options: Options, seed: int, progress: Progress) -> dict[str, Any]:
    token = uuid.uuid4().hex[:8]
    environment = dict(os.environ, LERN_PIPELINE_ENV=f"bench{token}", LERN_PIPELINE_KAFKA_AUTO_OFFSET_RESET="earliest")
    environment["LERN_PIPELINE_MICROBATCH_MAX_RECORDS"] = str(options.batch_size)
    environment |= benchmark.environment
    job = benchmark.job
    settings = load_configuration(environ=environment).for_job(job.name)
    workload = benchmark.workload(options, seed, token)
    progress(f"loading {workload.about} and publishing {options.events} events")
    _load(settings, workload)
    _publish(job, settings, workload)
    with tempfile.TemporaryDirectory(prefix="lern-pipeline-benchmark-") as home:
        environment["DAGSTER_HOME"] = home
        command = [str(Path(sys.executable).parent / "lern-pipeline"), "drain", "--job", job.name, "--json"]
        measured = measure(command, environment, _ports(settings))
        report = _checked(measured, options.events)
        store = BatchStore(str(Path(home) / "lern_pipeline" / "batches"), job.name)
        plans = [_plan(store, batch["partition_key"]) for batch in report["batches"]]
        archived = sum(file.stat().st_size for file in Path(home, "lern_pipeline").rglob("*.zst"))
        found = _metadata(job, Path(home))
    figures = _figures(options, measured, report, archived, _counts(found)) | _where_cpu_goes(measured, report, found)
    if options.limits:
        figures |= _limits(benchmark.reads(settings), settings, plans, options.events, figures["events_per_second"])
    return figures


def _load(settings: JobSettings, workload: Workload) -> None:
    cassandra, redis = Cassandra(settings), RedisServers(settings)
    for cache_writes in workload.caches(settings):
        redis.apply(cache_writes)
    for writes in workload.stored_rows(settings.text("lms-cassandra.keyspace"), int(time.time() * 1_000_000)):
        cassandra.apply(writes)
    cassandra.close()
    redis.close()


def _publish(job: JobSpec[Any, Any], settings: JobSettings, workload: Workload) -> None:
    topic = job.input_topic(settings)
    written = [settings.text(setting) for setting in job.output_topics]
    admin = KafkaAdminClient(**connection(settings))
    admin.create_topics([NewTopic(name, 2, 1) for name in (topic, job.failed_topic(settings), *written)])
    admin.close()
    producer = KafkaProducer(**connection(settings), compression_type="snappy", linger_ms=10, batch_size=65536)
    for key, value in workload.messages():
        producer.send(topic, key=key, value=value)
    producer.flush()
    producer.close()


def _ports(settings: JobSettings) -> dict[str, int]:
    return {
        "kafka": int(settings.text("kafka.broker-servers").split(",")[0].rpartition(":")[2]),
        "cassandra": settings.integer("lms-cassandra.port"),
        "redis": settings.address("redis")[1],
    }


def _checked(measured: Measured, events: int) -> dict[str, Any]:
    if measured.exit_code:
        raise LernPipelineError(f"drain ended with {measured.exit_code}: {measured.errors.strip()[-500:]}")
    report: dict[str, Any] = json.loads(measured.output.strip().rpartition("\n")[2])
    processed = sum(batch["processed"] for batch in report["batches"])
    if processed != events:
        raise LernPipelineError(f"{events} events published, {processed} processed")
    return report


def _plan(store: BatchStore, key: str) -> Plan:
    plan = store.newest_plan(key)
    if plan is None:
        raise LernPipelineError(f"no plan of {key}")
    return plan


def _metadata(job: JobSpec[Any, Any], home: Path) -> dict[str, Mapping[str, Any]]:
    """What the batches say of themselves, by partition key."""
    from dagster import AssetRecordsFilter, DagsterInstance

    from lern_pipeline.orchestration.names import asset_key

    found: dict[str, Mapping[str, Any]] = {}
    with DagsterInstance.from_config(str(home)) as instance:
        for record in instance.fetch_materializations(AssetRecordsFilter(asset_key(job)), limit=1000).records:
            if record.partition_key and record.asset_materialization:
                metadata = record.asset_materialization.metadata
                found[record.partition_key] = {name: value.value for name, value in metadata.items()}
    return found


def _counts(found: Mapping[str, Mapping[str, Any]]) -> Counter[str]:
    """What the drain asked of the stores."""
    counts: Counter[str] = Counter()
    for metadata in found.values():
        counts.update({name: int(count) for name, count in metadata.get("asked_of_stores", {}).items()})
    return counts


def _where_cpu_goes(
    measured: Measured, report: dict[str, Any], found: Mapping[str, Mapping[str, Any]]
) -> dict[str, float]:
    """The process's own part, each run's, and each event's. The first batch makes the connections: where there are
    others, it counts for the process."""
    batches = [(batch, found[batch["partition_key"]]) for batch in report["batches"]]
    later = batches[1:] or batches
    events = sum(batch["consumed"] for batch, _ in later)
    in_runs = sum(batch["cpu_seconds"] for batch, _ in later)
    in_batches = sum(metadata["cpu_seconds"] for _, metadata in later)
    per_run = (in_runs - in_batches) / len(later)
    per_event = in_batches / events
    rest = measured.cpu_seconds - per_run * len(batches) - per_event * sum(batch["consumed"] for batch, _ in batches)
    return {
        "cpu_seconds_of_the_process": rest,
        "cpu_seconds_per_run": per_run,
        "cpu_seconds_per_1000_events": per_event * 1000,
    }


def _figures(
    options: Options,
    measured: Measured,
    report: dict[str, Any],
    archived: int,
    counts: Counter[str],
) -> dict[str, Any]:
    seconds = sum(batch["seconds"] for batch in report["batches"])
    events = options.events
    rate = events / seconds
    thousand = events / 1000
    return {
        "events_per_second": rate,
        "batches": len(report["batches"]),
        "seconds": seconds,
        "command_seconds": measured.wall_seconds,
        "own_cpu_seconds_per_1000": measured.cpu_seconds / thousand,
        "stores_cpu_seconds_per_1000": {n: cpu / thousand for n, cpu in measured.servers_cpu_seconds.items()},
        "peak_mib": measured.peak_mib,
        "statements_per_event": (counts["cassandra.selects"] + counts["cassandra.batches"]) / events,
        "rows_written_per_event": counts["cassandra.rows_written"] / events,
        "redis_round_trips_per_event": counts["redis.round_trips"] / events,
        "messages_per_event": counts["kafka.messages_published"] / events,
        "archived_bytes_per_event": archived / events,
    }


def _limits(reads: Reads, settings: JobSettings, plans: list[Plan], events: int, rate: float) -> dict[str, float]:
    """What the stores take from a loop that makes the same reads and writes, and how near the product comes."""
    cassandra, redis = Cassandra(settings), RedisServers(settings)
    cassandra.session()
    grouped = grouped_seconds(cassandra, redis, plans, reads)
    single = single_seconds(cassandra, redis, plans, reads)
    cassandra.close()
    redis.close()
    return {
        "limit_grouped_events_per_second": events / grouped,
        "limit_single_events_per_second": events / single,
        "ratio_to_grouped": rate * grouped / events,
        "ratio_to_single": rate * single / events,
    }
