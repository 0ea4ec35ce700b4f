"""Starting what the demo needs, telling its story, and stopping what it started."""

from __future__ import annotations

import fcntl
import os
import shutil
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TextIO

from kafka.admin import KafkaAdminClient

from lern_pipeline.commands.home import shipped_dagster_yaml
from lern_pipeline.errors import ConfigurationError
from lern_pipeline.local.addresses import StackAddresses, accepts_connections, loopback_ip
from lern_pipeline.local.demo.dagster_services import MARK, DagsterServices, end_marked
from lern_pipeline.local.demo.failure import DemoFailed
from lern_pipeline.local.demo.screen import Screen
from lern_pipeline.local.demo.third_party import ThirdPartyServices
from lern_pipeline.local.paths import default_directory
from lern_pipeline.local.stack import STANDARD, LocalStack
from lern_pipeline.local.startup_log import listener_on
from lern_pipeline.resources.kafka_client import connection
from lern_pipeline.settings import Configuration, load_configuration
from lern_pipeline.settings.configuration import CONFIG_VARIABLE

CONFIGURATION = """\
# The demo's own configuration: servers of this machine at their usual ports.
env: dev
kafka.auto.offset.reset: earliest
jobs.assessment-aggregator:
  # The number of questions is compared with the content's (off by default).
  assessment.skip.missingRecords: true
jobs.merge-user-courses:
  # After a merge, enrolment-reconciliation recomputes the progress (off by default).
  kafka.output.enrolment.sync.topic: "{env}.batch.enrolment.sync.request"
"""
#: For the learner who is deleted.
ALSO = ("mongo",)
STAY_POLL_SECONDS = 1.0


class Demo:
    """One demo. Whatever happens, :meth:`stop` leaves nothing of it behind."""

    def __init__(self, screen: Screen) -> None:
        self.screen = screen
        self.directory = default_directory() / "demo"
        self.is_staying = False
        self._lock: TextIO | None = None
        self._stack: LocalStack | None = None
        self._services: DagsterServices | None = None
        self._third_party: ThirdPartyServices | None = None
        self._found_running: set[str] = set()
        self._ui_is_announced = False

    def run(self) -> None:
        """Start everything and tell the story.

        Raises:
            LernPipelineError: one line that says what went wrong.
        """
        screen = self.screen
        self._be_alone()
        # What is sent there stays there, whatever a configuration file says.
        self._third_party = ThirdPartyServices(dict(os.environ), default_directory() / "logs" / "third-party.log")
        os.environ.update(self._third_party.environment)
        configuration = self._configuration()
        addresses = StackAddresses.from_settings(configuration.shared())
        for host in (addresses.kafka_host, addresses.cassandra_host, addresses.redis_host):
            if loopback_ip(host) is None:
                raise ConfigurationError(
                    f"the demo writes sample data, so it takes only servers of this machine, not {host}"
                )
        screen.heading("Starting Kafka, Cassandra, Redis, MongoDB and Dagster")
        screen.line(f"Third-party HTTP services: stood in for at {self._third_party.address}")
        stack = LocalStack(addresses)
        _refuse_foreign_listeners(stack)
        self._found_running = stack.started()
        self._stack = stack
        self._services = self._dagster_services()
        self._services.start_code_server()
        given_up = threading.Event()
        with ThreadPoolExecutor(1) as pool:
            # Beside Cassandra, which is last to come up.
            dagster = pool.submit(self._start_dagster, configuration, given_up)
            try:
                stack.up(screen.line, (*STANDARD, *ALSO))
            except BaseException:
                given_up.set()
                raise
            tell = dagster.result()
        tell()
        self._services.wait_for_ui()
        self._check_dagster()

    def _start_dagster(self, configuration: Configuration, given_up: threading.Event) -> Callable[[], None]:
        """As soon as Kafka answers: it says whether the instance's memory is of any worth, and sensors ask it first.

        Returns:
            What tells the story.
        """
        assert self._services is not None and self._stack is not None and self._third_party is not None
        # These take seconds, in which the servers start.
        from dagster import DagsterInstance

        from lern_pipeline.commands.session import quiet_libraries
        from lern_pipeline.local.demo.telling import tell

        while not self._stack.answers("kafka"):
            if given_up.wait(0.2):
                raise DemoFailed("the servers did not start")
        self._prepare_home(configuration)
        quiet_libraries()
        # After the code server, which makes the storage when it finds none, and before the other processes: two at the
        # same moment would be in each other's way.
        self._services.wait_for_code_server()
        instance = DagsterInstance.get()
        self._services.start_services()
        run = _run_token(time.time())
        return partial(tell, run, configuration, instance, self._third_party, self.screen, self._check_dagster)

    def _check_dagster(self) -> None:
        """Its processes run; once, that the UI answers."""
        assert self._services is not None
        self._services.check()
        if not self._ui_is_announced and self._services.ui_answers():
            self._ui_is_announced = True
            self.screen.line(f"Dagster: its UI is up at {self._services.url}")

    def stay(self) -> None:
        """Until the demo is interrupted."""
        assert self._services is not None
        self.screen.heading(f"Have a look: {self._services.url} (Ctrl-C ends the demo)")
        for what, path in (
            ("lineage", "/asset-groups"),
            ("a job's micro-batches", "/assets/activity_aggregate_updater?view=partitions"),
            ("its figures over time", "/assets/activity_aggregate_updater?view=overview"),
            ("runs", "/runs"),
        ):
            self.screen.plain(f"  {what:<22} {self._services.url}{path}")
        self.is_staying = True
        while True:
            self._services.check()
            time.sleep(STAY_POLL_SECONDS)

    def stop(self) -> None:
        """Stop what was started: Dagster, and the servers that did not run before."""
        if self._third_party is not None:
            self._third_party.stop()
        if self._stack is None:
            return
        self.screen.heading("Stopping")
        with ThreadPoolExecutor(1) as pool:
            dagster = pool.submit(self._stop_dagster)
            self._stack.down(self.screen.line, leave=self._found_running)
            dagster.result()

    def _stop_dagster(self) -> None:
        if self._services is not None and self._services.stop():
            self.screen.line("Dagster: stopped")

    def _be_alone(self) -> None:
        """The lock goes with the process; what a killed demo left running is ended first."""
        self.directory.mkdir(parents=True, exist_ok=True)
        self._lock = (self.directory / "lock").open("w")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise DemoFailed(f"another demo is running in {self.directory}") from None
        remembered = self.directory / "mark"
        if remembered.exists() and end_marked(remembered.read_text()):
            self.screen.line("ended what an earlier demo had left running")
        mark = f"{os.getpid()}-{time.time_ns()}"
        remembered.write_text(mark)
        # The servers that are started from here get it too.
        os.environ[MARK] = mark

    def _configuration(self) -> Configuration:
        """The one that the environment names, else the demo's own, which the children then find there too."""
        if not os.environ.get(CONFIG_VARIABLE, "").strip():
            file = self.directory / "demo.yaml"
            file.write_text(CONFIGURATION)
            os.environ[CONFIG_VARIABLE] = str(file)
        configuration = load_configuration()
        for warning in configuration.warnings:
            self.screen.line(f"warning: {warning}")
        return configuration

    def _dagster_services(self) -> DagsterServices:
        os.environ["DAGSTER_HOME"] = str(self._home)
        self._home.mkdir(exist_ok=True)
        return DagsterServices(dict(os.environ), f"{os.environ[MARK]}-dagster", default_directory() / "logs")

    @property
    def _home(self) -> Path:
        return self.directory / "dagster"

    def _prepare_home(self, configuration: Configuration) -> None:
        """The instance remembers offsets: those of another broker (or of one whose data were deleted) are worth
        nothing, so then it begins anew."""
        with KafkaAdminClient(**connection(configuration.shared())) as admin:
            cluster = str(admin.describe_cluster()["cluster_id"])
        remembered = self._home / "kafka-cluster"
        if remembered.exists() and remembered.read_text() != cluster:
            self.screen.line("Dagster: another Kafka than in the last demo, so its instance begins anew")
            shutil.rmtree(self._home)
            self._home.mkdir()
        remembered.write_text(cluster)
        shutil.copyfile(shipped_dagster_yaml(), self._home / "dagster.yaml")


def _refuse_foreign_listeners(stack: LocalStack) -> None:
    """At once, not when the other servers are up."""
    for server, found in stack.status().items():
        host, _, port = found.get("bootstrap_servers", f"{found.get('host')}:{found.get('port')}").rpartition(":")
        if not found["up"] and not found["started_here"] and accepts_connections(host, int(port)):
            raise DemoFailed(
                f"{server} cannot be started: {host}:{port} is in use by {listener_on(int(port))}, which is no {server}"
            )


def _run_token(now: float) -> str:
    """Short, and another one every second: part of all ids of one demo."""
    digits = "0123456789abcdefghijklmnopqrstuvwxyz"
    number, text = int(now), ""
    while number:
        number, digit = divmod(number, 36)
        text = digits[digit] + text
    return f"demo{text}"
