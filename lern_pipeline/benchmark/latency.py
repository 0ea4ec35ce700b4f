"""``lern-pipeline benchmark latency``: event to row through Dagster's daemon, at a steady rate."""

from __future__ import annotations

import json
import os
import shutil
import statistics
import tempfile
import time
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kafka import KafkaAdminClient, KafkaProducer
from kafka.admin import NewTopic

from lern_pipeline.benchmark.event_to_mail import EventToMail
from lern_pipeline.benchmark.idle import Idle, idle
from lern_pipeline.benchmark.progress_workload import ProgressWorkload
from lern_pipeline.definitions import make_definitions
from lern_pipeline.errors import LernPipelineError
from lern_pipeline.jobs.activity_aggregate_updater.job import ACTIVITY_AGGREGATE_UPDATER as PROGRESS
from lern_pipeline.jobs.relation_cache_updater.job import RELATION_CACHE_UPDATER as RELATIONS
from lern_pipeline.local.demo.dagster_services import DagsterServices
from lern_pipeline.local.demo.third_party import ThirdPartyServices
from lern_pipeline.microbatch.plan import RowWrites
from lern_pipeline.orchestration.instance_storage import create_storage
from lern_pipeline.resources.cassandra import Cassandra
from lern_pipeline.resources.kafka_client import connection
from lern_pipeline.resources.redis import RedisServers
from lern_pipeline.settings import Configuration, load_configuration

Progress = Callable[[str], None]

LOOK_SECONDS = 0.1
GIVE_UP_SECONDS = 120.0
COLLECTION = "application/vnd.ekstep.content-collection"


@dataclass(frozen=True, slots=True)
class Options:
    """``events`` at ``rate`` a second; ``chains``: how often the longer ways are measured; ``idle_seconds``: rest."""

    events: int
    rate: float
    chains: int
    idle_seconds: float


def run(options: Options, dagster_yaml: Path, progress: Progress) -> dict[str, Any]:
    """Start code server, daemon and webserver on an instance of their own; measure them at rest, then at work.

    Raises:
        LernPipelineError: one of them did not come up, or a row did not change.
    """
    token = uuid.uuid4().hex[:8]
    with tempfile.TemporaryDirectory(prefix="lern-pipeline-latency-") as directory:
        shutil.copyfile(dagster_yaml, Path(directory) / "dagster.yaml")
        environment = os.environ | {
            "LERN_PIPELINE_ENV": f"bench{token}",
            "LERN_PIPELINE_KAFKA_AUTO_OFFSET_RESET": "earliest",
            "DAGSTER_HOME": directory,
        }
        third_party = ThirdPartyServices(environment, Path(directory) / "third-party.log")
        environment |= third_party.environment
        configuration = load_configuration(environ=environment)
        site = Site(configuration, token, options.events + options.chains + 1)
        mails = EventToMail(configuration, third_party, token)
        services = DagsterServices(environment, f"latency-{token}", Path(directory) / "logs")
        try:
            services.start_code_server()
            create_storage(Path(directory))
            site.prepare()
            mails.prepare()
            services.start_services()
            progress("first event: the lanes take their position, the fork server loads the code")
            site.event_to_row(1, 1.0)
            progress(f"measuring {options.idle_seconds:.0f} s of rest")
            rest = idle(options.idle_seconds)
            progress(f"publishing {options.events} events, {options.rate:g} a second")
            one_hop = site.event_to_row(options.events, options.rate)
            progress(f"{options.chains} times two hops, one after the other")
            two_hops = [site.two_hops(number) for number in range(options.chains)]
            progress(f"{options.chains} times from a completed course to the mail about its certificate")
            to_mail = [mails.seconds(number) for number in range(options.chains)]
            loaded = idle(0.0)
        finally:
            services.stop()
            third_party.stop()
            site.close()
    return {
        "benchmark": "latency",
        "events": options.events,
        "rate": options.rate,
        "event_to_row_seconds": summary(one_hop),
        "two_hops_seconds": summary(two_hops),
        "event_to_mail_seconds": summary(to_mail),
        **_figures(rest, loaded, len(list(make_definitions(configuration).sensors or ()))),
    }


def _figures(rest: Idle, loaded: Idle, sensors: int) -> dict[str, Any]:
    total = sum(rest.cpu_percent.values())
    return {
        "idle_cpu_percent": rest.cpu_percent,
        "idle_cpu_percent_total": round(total, 2),
        "sensors": sensors,
        "idle_cpu_percent_of_ten_sensors": round(10 * total / sensors, 2),
        "resident_mib": loaded.resident_mib,
        "resident_mib_total": round(sum(loaded.resident_mib.values()), 1),
        "proportional_mib_total": round(sum(loaded.proportional_mib.values()), 1),
    }


def summary(seconds: list[float]) -> dict[str, float]:
    """Median, 95th percentile and the longest."""
    ordered = sorted(seconds)
    p95 = ordered[min(int(len(ordered) * 0.95), len(ordered) - 1)]
    return {"p50": round(statistics.median(ordered), 2), "p95": round(p95, 2), "max": round(ordered[-1], 2)}


class Site:
    """The stores and topics around the pipeline: the platform's side of the measurement."""

    def __init__(self, configuration: Configuration, token: str, learners: int) -> None:
        self._relations = configuration.for_job(RELATIONS.name)
        self._progress = configuration.for_job(PROGRESS.name)
        self._workload = ProgressWorkload(2 * learners, 1, 1, token)
        # An optional content moves no progress: nothing in the enrolment would tell that it came through.
        self._waiting = (done for done in self._workload.completions if not done.content_ids[0].endswith("_c0"))
        self._token = token
        self._cassandra = Cassandra(self._progress)
        self._redis = RedisServers(self._progress)
        self._producer: KafkaProducer | None = None

    def close(self) -> None:
        self._cassandra.close()
        self._redis.close()
        if self._producer is not None:
            self._producer.close()

    def prepare(self) -> None:
        """Topics of this measurement alone, rows and relation cache of its learners and courses."""
        settings = self._progress
        topics = {PROGRESS.input_topic(settings), PROGRESS.failed_topic(settings)}
        topics |= {settings.text(name) for name in PROGRESS.output_topics}
        topics |= {RELATIONS.input_topic(self._relations), RELATIONS.failed_topic(self._relations)}
        admin = KafkaAdminClient(**connection(settings))
        admin.create_topics([NewTopic(name, 2, 1) for name in sorted(topics)])
        admin.close()
        self._producer = KafkaProducer(**connection(settings), compression_type="snappy", linger_ms=0)
        self._redis.apply(self._workload.relation_cache(settings.integer("redis.database.relationCache.id")))
        for writes in self._workload.stored_rows(settings.text("lms-cassandra.keyspace"), int(time.time() * 1e6)):
            self._cassandra.apply(writes)

    def event_to_row(self, events: int, rate: float) -> list[float]:
        """Publish at the rate; seconds from each event's publishing until its learner's enrolment has changed."""
        published: dict[tuple[str, str, str], float] = {}
        seconds: list[float] = []
        began = time.monotonic()
        sent = 0
        while sent < events or published:
            now = time.monotonic()
            if sent < events and now >= began + sent / rate:
                done = next(self._waiting)
                self._send(PROGRESS.input_topic(self._progress), done.user_id, done.value())
                published[done.user_id, done.course_id, done.batch_id] = time.monotonic()
                sent += 1
                continue
            for key in self._changed(published):
                seconds.append(time.monotonic() - published.pop(key))
            _give_up_after(published.values())
            time.sleep(LOOK_SECONDS)
        return seconds

    def two_hops(self, number: int) -> float:
        """Seconds from publishing a course until a learner's progress in it is in the tables.

        The learner's event follows as soon as the relation cache has the course, as a learner can start only then.
        """
        done = next(self._waiting)
        course = f"do_{self._token}_chain{number}"
        contents = [f"{course}_c{index}" for index in range(3)]
        self._store_hierarchy(course, contents)
        key = (done.user_id, course, f"batch-{self._token}-chain{number}")
        self._store_learner(key, contents[0])
        began = time.monotonic()
        edata = {"action": "post-publish-process", "mimeType": COLLECTION, "identifier": course}
        self._send(RELATIONS.input_topic(self._relations), course, json.dumps({"edata": edata}).encode())
        database = self._progress.integer("redis.database.relationCache.id")
        leafnodes = f"{course}:{course}:leafnodes"
        while not self._redis.existing("redis", database, [leafnodes]):
            _give_up_after([began])
            time.sleep(LOOK_SECONDS)
        event = type(done)(done.user_id, course, key[2], (contents[0],))
        self._send(PROGRESS.input_topic(self._progress), done.user_id, event.value())
        while not self._changed([key]):
            _give_up_after([began])
            time.sleep(LOOK_SECONDS)
        return time.monotonic() - began

    def _store_hierarchy(self, course: str, contents: list[str]) -> None:
        settings = self._relations
        keyspace = settings.text("lms-cassandra.keyspace")
        if not self._cassandra.has_keyspace(keyspace):
            from lern_pipeline.jobs.relation_cache_updater.state import PACKAGED_KEYSPACE

            keyspace = PACKAGED_KEYSPACE
        hierarchy = {
            "identifier": course,
            "mimeType": COLLECTION,
            "visibility": "Default",
            "status": "Live",
            "leafNodes": contents,
            "children": [{"identifier": c, "mimeType": "application/pdf", "visibility": "Default"} for c in contents],
        }
        self._insert(
            f"{keyspace}.{settings.text('lms-cassandra.table')}",
            ("identifier",),
            {"identifier": course, "hierarchy": json.dumps(hierarchy)},
        )

    def _store_learner(self, key: tuple[str, str, str], content: str) -> None:
        keyspace = self._progress.text("lms-cassandra.keyspace")
        names = ("userid", "courseid", "batchid")
        own = dict(zip(names, key, strict=True))
        self._insert(f"{keyspace}.user_enrolments", names, {**own, "status": 0, "active": True})
        self._insert(
            f"{keyspace}.user_content_consumption",
            (*names, "contentid"),
            {**own, "contentid": content, "status": 2, "progress": 100},
        )

    def _insert(self, table: str, key: tuple[str, ...], row: dict[str, Any]) -> None:
        rest = tuple(name for name in row if name not in key)
        values = [row[name] for name in (*key, *rest)]
        self._cassandra.apply(RowWrites(table, key=key, set=rest, rows=[[*values, int(time.time() * 1e6)]]))

    def _changed(self, keys: Iterable[tuple[str, str, str]]) -> list[tuple[str, str, str]]:
        """The enrolments whose progress is no longer null."""
        keyspace = self._progress.text("lms-cassandra.keyspace")
        found = self._cassandra.select(
            f"{keyspace}.user_enrolments",
            ("userid", "courseid", "batchid", "progress"),
            equal=("courseid", "batchid"),
            within="userid",
            keys=[(course, batch, user) for user, course, batch in keys],
        )
        return [(user, course, batch) for user, course, batch, done in found if done is not None]

    def _send(self, topic: str, key: str, value: bytes) -> None:
        assert self._producer is not None
        self._producer.send(topic, key=key.encode(), value=value).get(timeout=30)


def _give_up_after(since: Iterable[float]) -> None:
    if any(time.monotonic() - moment > GIVE_UP_SECONDS for moment in since):
        raise LernPipelineError(f"an event did not show in the tables within {GIVE_UP_SECONDS:.0f} s")
