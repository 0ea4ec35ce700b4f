"""Which process carries out a run, so that a run whose process died is noticed wherever it is looked at.

The answer is a run tag, ``host|pid|start|run id``. A reused pid has another start. The run id is there because Dagster
copies a run's tags to its re-execution, which the first run's process has nothing to do with.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import psutil

# With this prefix the UI does not show it beside every run.
WORKER_TAG = ".dagster/lern_pipeline_worker"


@dataclass(frozen=True, slots=True)
class Worker:
    """A process that carries out a run: host, pid, and when the process was started."""

    host: str
    pid: int
    started: str

    @classmethod
    def of_process(cls, pid: int) -> Worker:
        """The process as it is now.

        Raises:
            ProcessLookupError: there is none.
        """
        started = _started(pid)
        if started is None:
            raise ProcessLookupError(pid)
        return cls(socket.gethostname(), pid, started)

    @classmethod
    def of_run(cls, run_id: str, tags: Mapping[str, str]) -> Worker | None:
        """The process named by the run's tag; None where that is missing or was copied from another run."""
        fields = tags.get(WORKER_TAG, "").split("|")
        if len(fields) != 4 or fields[3] != run_id or not fields[1].isdigit():
            return None
        return cls(fields[0], int(fields[1]), fields[2])

    def tag(self, run_id: str) -> dict[str, str]:
        """The tag for the run that the process carries out."""
        return {WORKER_TAG: f"{self.host}|{self.pid}|{self.started}|{run_id}"}

    @property
    def is_here(self) -> bool:
        """Whether it ran on this host. A process of another host cannot be judged, or signalled, from here."""
        return self.host == socket.gethostname()

    @property
    def is_dead(self) -> bool:
        """Whether it ran on this host and is gone."""
        return self.is_here and _started(self.pid) != self.started


def this_worker() -> Worker:
    """The process that asks."""
    return Worker.of_process(os.getpid())


def _started(pid: int) -> str | None:
    """What tells a process from all others that had its pid; None when it is gone or only waits to be reaped.

    The kernel's own tick count, not a time of day: that shifts when the clock is set, and a live worker would be
    taken for dead.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return _started_elsewhere(pid) if not Path("/proc/self/stat").exists() else None
    # The name, in parentheses, may hold anything; state is the first field behind it, start time the twentieth.
    fields = stat[stat.rindex(b")") + 2 :].split()
    return None if fields[0] in (b"Z", b"X") else f"{_boot()}-{int(fields[19])}"


@cache
def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text()[:8]
    except OSError:
        return "0"


def _started_elsewhere(pid: int) -> str | None:
    """The same on systems without /proc."""
    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else f"{process.create_time():.2f}"
    except psutil.NoSuchProcess:
        return None
