"""Dagster as a user starts it: a code server, the webserver, the daemon; stopped again with all they started."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from lern_pipeline.errors import LernPipelineError
from lern_pipeline.local.addresses import accepts_connections
from lern_pipeline.local.startup_log import telling_line

#: In the environment of every process of one demo, with one value for the servers and a longer one for Dagster's. The
#: worker of a run belongs to no group of the demo's and may outlive its parent; its environment still tells.
MARK = "LERN_DEMO_RUN"
MODULE = "lern_pipeline.definitions"
LOCATION = "lern_pipeline"
HOST = "127.0.0.1"
FIRST_PORT = 3000
START_SECONDS = 180.0
STOP_SECONDS = 20.0
# A lane's tick holds one while it looks; the webserver needs some too.
CODE_SERVER_THREADS = 32


class DagsterFailed(LernPipelineError):
    """One of Dagster's processes did not come up or went away."""


@dataclass
class DagsterServices:
    """The three processes of one demo.

    `dagster dev` would be one command, but starts five processes one after the other; one code server for both the
    webserver and the daemon is what installations run too.
    """

    environment: Mapping[str, str]
    mark: str
    logs: Path
    port: int = 0
    _processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    _directory: Path | None = None

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    def start_code_server(self) -> None:
        """Loads the definitions; needs neither the servers nor the instance."""
        # Not below the project: a socket's path may have some 100 characters only.
        self._directory = Path(tempfile.mkdtemp(prefix="lern-demo-"))
        location = {"socket": str(self._socket), "location_name": LOCATION}
        # JSON is YAML.
        self._workspace.write_text(json.dumps({"load_from": [{"grpc_server": location}]}))
        self._start(
            "code-server",
            [
                *("dagster", "api", "grpc", "-m", MODULE, "--location-name", LOCATION),
                *("--socket", str(self._socket), "--use-python-environment-entry-point"),
            ],
        )

    def wait_for_code_server(self) -> None:
        """Returns when it has loaded the definitions."""
        self._wait(self._code_server_listens, "code-server")

    def start_services(self) -> None:
        """Webserver and daemon, once the code server listens; the UI answers some seconds later."""
        self.port = free_port_from(FIRST_PORT)
        workspace = ["-w", str(self._workspace)]
        self._start("daemon", ["dagster._daemon", "run", *workspace])
        self._start("webserver", ["dagster_webserver", *workspace, "-h", HOST, "-p", str(self.port)])

    def wait_for_ui(self) -> None:
        """Returns when the UI answers."""
        self._wait(self.ui_answers, "webserver")

    def check(self) -> None:
        """Raises DagsterFailed when one of the processes is gone."""
        for name, process in list(self._processes.items()):
            if process.poll() is not None:
                log = self._log(name)
                raise DagsterFailed(
                    f"Dagster's {name} ended with exit code {process.returncode}; {log} says: {telling_line(log)}"
                )

    def stop(self) -> bool:
        """Ends the processes, and runs that are under way; True if there was anything to end."""
        running = [process for process in self._processes.values() if process.poll() is None]
        # The daemon first, so that nothing new is started. The code server holds nothing that could be lost, but would
        # wait for the ticks that look at their lanes, and the daemon with it.
        for name, request in (
            ("daemon", signal.SIGTERM),
            ("webserver", signal.SIGTERM),
            ("code-server", signal.SIGKILL),
        ):
            process = self._processes.get(name)
            if process is not None and process.poll() is None:
                process.send_signal(request)
        deadline = time.monotonic() + STOP_SECONDS
        for process in running:
            try:
                process.wait(max(deadline - time.monotonic(), 0.1))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        left = end_marked(self.mark)
        self._processes.clear()
        if self._directory is not None:
            shutil.rmtree(self._directory, ignore_errors=True)
        return bool(running) or left > 0

    @property
    def _socket(self) -> Path:
        assert self._directory is not None
        return self._directory / "code.sock"

    @property
    def _workspace(self) -> Path:
        assert self._directory is not None
        return self._directory / "workspace.yaml"

    def _log(self, name: str) -> Path:
        return self.logs / f"dagster-{name}.log"

    def _start(self, name: str, module: list[str]) -> None:
        self.logs.mkdir(parents=True, exist_ok=True)
        with self._log(name).open("wb") as output:
            self._processes[name] = subprocess.Popen(
                [sys.executable, "-m", *module],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={"DAGSTER_GRPC_MAX_WORKERS": str(CODE_SERVER_THREADS), **self.environment, MARK: self.mark},
                # Ctrl-C at the terminal is for the demo, which then ends these in order.
                start_new_session=True,
            )

    def _wait(self, ready: Callable[[], bool], name: str) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not ready():
            self.check()
            if time.monotonic() > deadline:
                log = self._log(name)
                raise DagsterFailed(
                    f"Dagster's {name} was not ready after {START_SECONDS:.0f} s; {log} says: {telling_line(log)}"
                )
            time.sleep(0.1)

    def _code_server_listens(self) -> bool:
        with socket.socket(socket.AF_UNIX) as client:
            try:
                client.connect(str(self._socket))
            except OSError:
                return False
            return True

    def ui_answers(self) -> bool:
        """Whether the UI answers by now."""
        try:
            with urllib.request.urlopen(f"{self.url}/server_info", timeout=2) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False


def free_port_from(first: int) -> int:
    """The first port from `first` on that nobody has."""
    for port in range(first, first + 100):
        if accepts_connections(HOST, port, 0.5):
            continue
        with socket.socket() as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listener.bind((HOST, port))
            except OSError:
                continue
            return port
    raise DagsterFailed(f"no free port between {first} and {first + 99} for the Dagster UI")


def end_marked(mark: str) -> int:
    """Ends every process whose mark begins so; returns how many there were."""
    if not mark:
        # Every text begins so, also that of processes without a mark.
        return 0
    found = list(_marked(mark))
    for request, patience in ((signal.SIGTERM, 10.0), (signal.SIGKILL, 5.0)):
        remaining = list(_marked(mark))
        for process in remaining:
            try:
                process.send_signal(request)
            except psutil.NoSuchProcess:
                continue
        _, alive = psutil.wait_procs(remaining, patience)
        if not alive:
            break
    return len(found)


def _marked(mark: str) -> Iterable[psutil.Process]:
    for process in psutil.process_iter():
        try:
            if process.pid != os.getpid() and process.environ().get(MARK, "").startswith(mark):
                yield process
        except psutil.Error:
            continue
