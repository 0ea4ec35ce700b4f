"""The local stack: Kafka, Cassandra and Redis as child processes, without Docker; MongoDB, OpenSearch and Keycloak
where they are asked for."""

from __future__ import annotations

import fcntl
import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lern_pipeline.errors import LernPipelineError
from lern_pipeline.local.addresses import SettingsLike, StackAddresses, accepts_connections, loopback_ip
from lern_pipeline.local.cassandra_server import CassandraServer
from lern_pipeline.local.jars import JAVA_SERVERS, fetch
from lern_pipeline.local.java import JAVA_ENVIRONMENT
from lern_pipeline.local.kafka_server import KafkaServer
from lern_pipeline.local.keycloak_server import KeycloakServer
from lern_pipeline.local.mongo_server import MongoServer
from lern_pipeline.local.opensearch_server import OpenSearchServer
from lern_pipeline.local.paths import StackPaths, default_directory
from lern_pipeline.local.processes import RunRecord, launch, reap, stop
from lern_pipeline.local.redis_server import RedisServer
from lern_pipeline.local.server import LocalStackError, Server
from lern_pipeline.local.startup_log import listener_on, telling_line

Report = Callable[[str], None]

#: The servers that most jobs need.
STANDARD = ("kafka", "cassandra", "redis")
#: Those of a few jobs, started only where they are asked for.
ON_REQUEST = ("mongo", "opensearch", "keycloak")

#: How long a server may take to answer after its start; far above what a loaded machine with two cores needs:
#: there Keycloak's first start, which builds it and makes its database, took almost four minutes.
START_SECONDS = 600.0
#: How long a server may take to end before it is killed.
STOP_SECONDS = 45.0
ANSWER_SECONDS = 5.0
POLL_SECONDS = 0.1


class LocalStack:
    """Starts, stops and shows the servers at the configured addresses.

    Whatever answers there already is used as it is. Only servers that this directory's stack started are stopped.
    """

    def __init__(
        self,
        settings: SettingsLike | StackAddresses,
        directory: Path | None = None,
        jars_directory: Path | None = None,
    ) -> None:
        addresses = settings if isinstance(settings, StackAddresses) else StackAddresses.from_settings(settings)
        root = (directory or default_directory()).absolute()
        self.addresses = addresses
        self.paths = StackPaths(root, (jars_directory or root / "jars").absolute())
        self._servers: tuple[Server, ...] = (
            KafkaServer(addresses.kafka_host, addresses.kafka_port, addresses.env),
            CassandraServer(addresses.cassandra_host, addresses.cassandra_port),
            RedisServer(addresses.redis_host, addresses.redis_port),
            MongoServer(addresses.mongo_host, addresses.mongo_port),
            OpenSearchServer(addresses.opensearch_host, addresses.opensearch_port),
            KeycloakServer(addresses.keycloak_url),
        )
        self._cancelled = threading.Event()

    def up(self, report: Report, names: Collection[str] = STANDARD) -> None:
        """Starts those of the named servers that do not answer and adds schema and topics; returns once everything is
        there."""
        with self._locked(report):
            self._together(self._up, [server for server in self._servers if server.name in names], report)

    def down(self, report: Report, leave: Collection[str] = ()) -> None:
        """Stops what this directory's stack started, and nothing else; not the servers named in `leave` either."""
        servers = [server for server in self._concerned() if server.name not in leave]
        if servers:
            with self._locked(report):
                self._together(self._down, servers, report)

    def started(self) -> set[str]:
        """Names of the servers that this directory's stack started, now or earlier, and that run."""
        return {server.name for server in self._servers if self._running(server) is not None}

    def answers(self, name: str) -> bool:
        """Whether the server of that name answers."""
        return any(server.answers(ANSWER_SECONDS) for server in self._servers if server.name == name)

    def status(self) -> dict[str, dict[str, Any]]:
        """Per server its address, whether it answers, and the process when this stack started it.

        Servers that are started only on request are left out where this stack has not started them."""
        servers = self._concerned()
        with ThreadPoolExecutor() as pool:
            answers = list(pool.map(lambda server: server.answers(ANSWER_SECONDS), servers))
        return {server.name: self._status(server, up) for server, up in zip(servers, answers, strict=True)}

    def _concerned(self) -> list[Server]:
        return [server for server in self._servers if server.name in STANDARD or self._running(server) is not None]

    def _status(self, server: Server, up: bool) -> dict[str, Any]:
        address: dict[str, Any] = (
            {"bootstrap_servers": f"{server.host}:{server.port}"}
            if server.name == "kafka"
            else {"host": server.host, "port": server.port}
        )
        record = self._running(server)
        return {
            **address,
            "up": up,
            "started_here": record is not None,
            **({"pid": record.pid} if record is not None else {}),
        }

    def _up(self, server: Server, report: Report) -> None:
        where = f"{server.host}:{server.port}"
        began = time.monotonic()
        if server.answers(ANSWER_SECONDS):
            report(f"{server.name.capitalize()}: already up at {where}")
            if loopback_ip(server.host) is None:
                # Somebody's shared server: replication and topics are its operator's decision.
                report(f"{server.name.capitalize()}: not of this machine, its schema and topics are left as they are")
                return
        else:
            self._start(server, where, report)
            report(f"{server.title}: up after {time.monotonic() - began:.1f} s at {where}")
        began = time.monotonic()
        added = server.complete()
        if added is not None:
            report(f"{server.title}: {added} in {time.monotonic() - began:.1f} s")

    def _start(self, server: Server, where: str, report: Report) -> None:
        ip = loopback_ip(server.host)
        if ip is None:
            raise LocalStackError(
                f"{server.title} does not answer at {where}, and that is not a loopback address of this machine:"
                " servers are started on loopback only"
            )
        left = self._running(server)
        if left is not None:
            report(f"{server.title}: waiting for the one started earlier (process {left.pid})")
            if self._answers_in_time(server, left):
                return
            report(f"{server.title}: starting it again")
            stop(left, STOP_SECONDS)
        if accepts_connections(server.host, server.port):
            raise LocalStackError(f"{server.title} cannot be started: {where} is in use by {listener_on(server.port)}")
        jars = self.paths.jars(server.name)
        if server.name in JAVA_SERVERS:
            fetch(server.name, jars, report)
        report(f"{server.title}: starting")
        record = launch(
            server.commands(ip, jars, self.paths.data(server.name)),
            self.paths.record(server.name),
            self.paths.log(server.name),
            JAVA_ENVIRONMENT,
        )
        if not self._answers_in_time(server, record):
            log = self.paths.log(server.name)
            ended = record.process() is None
            stop(record, STOP_SECONDS)
            what = "ended while starting" if ended else f"did not answer within {START_SECONDS:.0f} s"
            raise LocalStackError(f"{server.title} {what}; {log} says: {telling_line(log)}")

    def _answers_in_time(self, server: Server, record: RunRecord) -> bool:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self._cancelled.is_set():
                raise LocalStackError(f"{server.title}: the start was interrupted")
            reap(record.pid)
            if record.process() is None:
                return False
            if server.answers(ANSWER_SECONDS):
                return True
            time.sleep(POLL_SECONDS)
        return False

    def _down(self, server: Server, report: Report) -> None:
        began = time.monotonic()
        record = self._running(server)
        if record is not None and stop(record, STOP_SECONDS):
            report(f"{server.title}: stopped after {time.monotonic() - began:.1f} s")
        elif server.answers(ANSWER_SECONDS):
            report(f"{server.title}: left alone, this stack did not start what answers at {server.host}:{server.port}")
        else:
            report(f"{server.title}: not running")
        self.paths.record(server.name).unlink(missing_ok=True)

    def _running(self, server: Server) -> RunRecord | None:
        record = RunRecord.read(self.paths.record(server.name))
        return record if record is not None and record.process() is not None else None

    def _together(self, step: Callable[[Server, Report], None], servers: Sequence[Server], report: Report) -> None:
        writing = threading.Lock()

        def report_in_turn(line: str) -> None:
            with writing:
                report(line)

        self._cancelled.clear()
        with ThreadPoolExecutor(len(servers)) as pool:
            steps = [pool.submit(step, server, report_in_turn) for server in servers]
            try:
                failures = [failure for failure in (one.exception() for one in steps) if failure is not None]
            except BaseException:
                self._cancelled.set()
                raise
        for failure in failures:
            if not isinstance(failure, LernPipelineError):
                raise failure
        if failures:
            raise LocalStackError("; ".join(str(failure) for failure in failures)) from failures[0]

    @contextmanager
    def _locked(self, report: Report) -> Iterator[None]:
        self.paths.lock.parent.mkdir(parents=True, exist_ok=True)
        with self.paths.lock.open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                report("another start or stop is under way; waiting for it")
                fcntl.flock(lock, fcntl.LOCK_EX)
            yield
