"""What a fork of the fork server does: carry out one run, exactly as ``dagster api execute_run`` does."""

from __future__ import annotations

import logging
import os
import random
import signal
import sys
import traceback
from collections.abc import Callable
from typing import NoReturn

# The worker was never told to start: its launcher died in between, and somebody else will launch the run.
NEVER_STARTED = 75


def work(go: int, arguments: str) -> NoReturn:
    """Wait for the launcher's word, then carry out the run. ``arguments``: serialised ExecuteRunArgs.

    The word comes through a pipe from the launcher itself, after it has noted this process in the run's tags. End of
    file instead of a word means that the launcher is gone or gave up: then the run must not start here.
    """
    if os.read(go, 1) != b"!":
        os._exit(NEVER_STARTED)
    os.close(go)
    _leave(lambda: _execute(arguments))


def report_crash(run_arguments: str, exit_code: int) -> NoReturn:
    """Mark a run whose worker ended without saying so. In a fork of its own: the fork server holds no storage."""
    _leave(lambda: _report(run_arguments, exit_code))


def _execute(arguments: str) -> None:
    from dagster._cli.api import execute_run_command

    function = execute_run_command.callback
    assert function is not None
    function(input_json=arguments, compressed_input_json=None)


def _report(run_arguments: str, exit_code: int) -> None:
    from dagster import DagsterInstance, DagsterRunStatus
    from dagster._grpc.types import ExecuteRunArgs
    from dagster._serdes import deserialize_value
    from dagster._utils import get_run_crash_explanation

    args = deserialize_value(run_arguments, ExecuteRunArgs)
    assert args.instance_ref is not None
    with DagsterInstance.from_ref(args.instance_ref) as instance:
        run = instance.get_run_by_id(args.run_id)
        if run is None or run.is_finished:
            return
        message = get_run_crash_explanation(f"Run execution process for {run.run_id}", exit_code)
        if run.status == DagsterRunStatus.CANCELING:
            instance.report_run_canceled(run, message)
        else:
            instance.report_engine_event(message, run)
            instance.report_run_failed(run)


def become_worker() -> None:
    """Undo, right after the fork, what belongs to the fork server alone."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    # A group of its own: a signal to the fork server's group leaves it alone.
    os.setpgid(0, 0)
    random.seed()
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        # Otherwise every run would draw the same numbers.
        numpy.random.seed()


def _leave(function: Callable[[], None]) -> NoReturn:
    """Call it and end the process. Threads that clients left behind serve nobody any more and are not waited for."""
    code = 1
    try:
        function()
        code = 0
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 1
    except BaseException:
        traceback.print_exc()
    finally:
        logging.shutdown()
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except (OSError, ValueError):
                continue
        os._exit(code)
