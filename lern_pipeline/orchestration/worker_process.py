"""Which process carries out a run, so that a run whose process died is noticed wherever it is looked at."""

from __future__ import annotations

import os
import socket

import psutil


def this_process() -> str:
    """``host|pid|start time``: a reused pid has another start time."""
    pid = os.getpid()
    return f"{socket.gethostname()}|{pid}|{psutil.Process(pid).create_time():.2f}"


def is_dead(worker: str) -> bool:
    """Whether the process named by :func:`this_process` ran on this host and is gone.

    A process of another host cannot be judged from here: not dead.
    """
    try:
        host, pid, started = worker.split("|")
        if host != socket.gethostname():
            return False
        process = psutil.Process(int(pid))
        return process.status() == psutil.STATUS_ZOMBIE or abs(process.create_time() - float(started)) > 1.0
    except (psutil.NoSuchProcess, ValueError):
        return True
