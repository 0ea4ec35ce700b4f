"""What Dagster's processes take while nothing happens: processor time and memory of this process's descendants."""

from __future__ import annotations

import time
from dataclasses import dataclass

import psutil

KINDS = {
    "lern_pipeline.launcher.fork_server": "fork server",
    "dagster_webserver": "webserver",
    "dagster._daemon": "daemon",
    "dagster api grpc": "code server",
}
MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Idle:
    """Kind of process → percent of a core, resident memory, and memory with shared pages counted once."""

    cpu_percent: dict[str, float]
    resident_mib: dict[str, float]
    proportional_mib: dict[str, float]


def idle(seconds: float) -> Idle:
    """Watch the processes for ``seconds``."""
    before = {process.pid: _cpu(process) for process, _ in _processes()}
    began = time.monotonic()
    time.sleep(seconds)
    took = time.monotonic() - began
    cpu: dict[str, float] = {}
    resident: dict[str, float] = {}
    proportional: dict[str, float] = {}
    for process, kind in _processes():
        try:
            memory = process.memory_full_info()
            spent = _cpu(process) - before.get(process.pid, 0.0)
        except psutil.Error:
            continue
        cpu[kind] = round(cpu.get(kind, 0.0) + 100 * spent / took, 2) if seconds else 0.0
        resident[kind] = round(resident.get(kind, 0.0) + memory.rss / MIB, 1)
        # Linux alone tells.
        proportional[kind] = round(proportional.get(kind, 0.0) + getattr(memory, "pss", memory.rss) / MIB, 1)
    return Idle(cpu, resident, proportional)


def _processes() -> list[tuple[psutil.Process, str]]:
    found = []
    for process in psutil.Process().children(recursive=True):
        try:
            command = " ".join(process.cmdline())
        except psutil.Error:
            continue
        kind = next((kind for part, kind in KINDS.items() if part in command), None)
        if kind is not None:
            found.append((process, kind))
    return found


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)
