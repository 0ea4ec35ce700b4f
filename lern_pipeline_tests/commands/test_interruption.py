"""A command that is asked to end ends what it has started first."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

pytestmark = pytest.mark.rules

COMMAND = """\
import signal, sys, time
from lern_pipeline.commands.interruption import Interrupted, heed_signals

try:
    heed_signals()
    try:
        print("started", flush=True)
        time.sleep(60)
    except Exception:
        print("taken for a failure", flush=True)
    finally:
        signal.raise_signal(signal.SIGTERM)
        print("ended what it had started", flush=True)
except Interrupted as interrupted:
    sys.exit(interrupted.exit_code)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_request_to_end_is_heeded_once_and_tells_in_the_exit_code(number: signal.Signals) -> None:
    with subprocess.Popen([sys.executable, "-c", COMMAND], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "started\n"
        process.send_signal(number)
        assert process.stdout.read() == "ended what it had started\n"
    assert process.returncode == 128 + number
