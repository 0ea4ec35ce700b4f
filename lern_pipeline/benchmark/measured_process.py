"""Running a command and measuring it from outside: wall clock, CPU seconds, peak memory; and the servers' CPU."""

from __future__ import annotations

import os
import resource
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import psutil


@dataclass(frozen=True, slots=True)
class Measured:
    """A finished command. Seconds of CPU and wall clock, MiB at most resident."""

    output: str
    errors: str
    exit_code: int
    wall_seconds: float
    cpu_seconds: float
    peak_mib: float
    servers_cpu_seconds: dict[str, float]


def measure(command: Sequence[str], environment: Mapping[str, str], ports: Mapping[str, int]) -> Measured:
    """Run ``command`` to its end. ``ports``: server → port it listens on, whose CPU is counted meanwhile."""
    servers = {name: _listening(port) for name, port in ports.items()}
    before = {name: _cpu(process) for name, process in servers.items()}
    began = time.perf_counter()
    process = subprocess.Popen(
        command, env=dict(environment), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    output, errors, usage, code = _ended(process)
    wall = time.perf_counter() - began
    spent = {name: round(_cpu(server) - before[name], 2) for name, server in servers.items()}
    return Measured(output, errors, code, wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, spent)


def _ended(process: subprocess.Popen[str]) -> tuple[str, str, resource.struct_rusage, int]:
    """Output, errors, resource usage of this child alone, exit code."""
    assert process.stdout is not None and process.stderr is not None
    with process.stdout, process.stderr:
        errors = process.stderr.read()
        output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return output, errors, usage, process.returncode


def _listening(port: int) -> psutil.Process | None:
    for connection in psutil.net_connections("tcp"):
        address = connection.laddr
        if connection.status == psutil.CONN_LISTEN and address and address.port == port and connection.pid:
            return psutil.Process(connection.pid)
    return None


def _cpu(process: psutil.Process | None) -> float:
    """CPU seconds of a server so far; 0 for one that runs elsewhere."""
    if process is None:
        return 0.0
    times = process.cpu_times()
    return float(times.user + times.system)
