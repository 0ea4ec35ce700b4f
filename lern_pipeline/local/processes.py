"""Starts servers that outlive their parent, remembers them in run files, and stops only those."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

#: The clock that start times are read from may be adjusted while a server runs.
START_TIME_TOLERANCE = 2.0


@dataclass(frozen=True)
class RunRecord:
    """The process that a stack started: a number alone may have been given to another process since."""

    pid: int
    started: float

    @classmethod
    def of(cls, pid: int) -> RunRecord:
        """The record of a process that runs now."""
        return cls(pid, psutil.Process(pid).create_time())

    @classmethod
    def read(cls, path: Path) -> RunRecord | None:
        """What a run file says; None when there is none or it was cut short."""
        try:
            fields = json.loads(path.read_text())
            return cls(int(fields["pid"]), float(fields["started"]))
        except (OSError, ValueError, TypeError, KeyError):
            return None

    def write(self, path: Path) -> None:
        """Writes the run file so that a reader sees all of it or nothing."""
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".partial")
        partial.write_text(json.dumps(asdict(self)))
        partial.replace(path)

    def process(self) -> psutil.Process | None:
        """The process itself while it runs; None once it ended, even when its number is in use again."""
        try:
            process = psutil.Process(self.pid)
            if abs(process.create_time() - self.started) > START_TIME_TOLERANCE:
                return None
            return None if process.status() == psutil.STATUS_ZOMBIE else process
        except psutil.NoSuchProcess:
            return None


def launch(commands: Sequence[Sequence[str]], record: Path, log: Path, environment: Mapping[str, str]) -> RunRecord:
    """Runs the commands one after the other in a session of their own; the last one is the server.

    They begin only once the run file is written: a parent that is killed at any moment leaves no server unrecorded.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    if log.exists():
        log.replace(log.with_suffix(".log.1"))
    *first, server = [shlex.join(command) for command in commands]
    script = "\n".join(
        ["read -r go || exit 1", "exec </dev/null", *(f"{command} || exit 1" for command in first), f"exec {server}"]
    )
    with log.open("wb") as output:
        process = subprocess.Popen(
            ["/bin/sh", "-c", script],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **environment},
            start_new_session=True,
        )
    assert process.stdin is not None
    with process.stdin as go:
        started = RunRecord.of(process.pid)
        started.write(record)
        go.write(b"go\n")
    # The server is meant to run on; nobody waits for this object.
    process.returncode = 0
    return started


def stop(record: RunRecord, patience: float) -> bool:
    """Ends the recorded process: asked first, after `patience` seconds forced. False when it had ended already."""
    process = record.process()
    if process is None:
        return False
    # The whole group, since a server that is still being prepared is a shell with a child.
    for request, seconds in ((signal.SIGTERM, patience), (signal.SIGKILL, 10.0)):
        try:
            os.killpg(record.pid, request)
        except ProcessLookupError:
            return True
        if _ended(record, seconds):
            return True
    return True


def _ended(record: RunRecord, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        reap(record.pid)
        if record.process() is None:
            return True
        time.sleep(0.05)
    return False


def reap(pid: int) -> None:
    """Clears away an ended server that this very process started."""
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return
