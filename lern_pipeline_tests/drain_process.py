"""``drain`` as a process of its own that starts in a moment and can be killed: a fork of a preloaded server."""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import resource
import signal
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(["lern_pipeline_tests.preloaded"])


@dataclass(frozen=True)
class Ended:
    """Exit code (negative: the signal), what it printed, and the most memory it had (0 if it was killed)."""

    exit_code: int
    output: str
    errors: str
    peak_bytes: int = 0

    @property
    def batches(self) -> list[dict[str, Any]]:
        """The batches it reports."""
        found: list[dict[str, Any]] = json.loads(self.output.strip().rpartition("\n")[2])["batches"]
        return found


class DrainProcess:
    """One run of the command, in its own process group."""

    def __init__(self, environment: Mapping[str, str], directory: Path, *arguments: str) -> None:
        self._output = directory / "drain.out"
        self._errors = directory / "drain.err"
        # What an earlier run said is not this one's.
        self._output.unlink(missing_ok=True)
        self._errors.unlink(missing_ok=True)
        self._peak = directory / "drain.peak"
        self._peak.unlink(missing_ok=True)
        self._process = _context.Process(
            target=_drain,
            args=(dict(environment), str(self._output), str(self._errors), str(self._peak), list(arguments)),
        )
        self._process.start()

    def said(self, text: str, seconds: float = 120.0) -> bool:
        """Wait until its standard error holds ``text``; False if it ended without."""
        deadline = time.monotonic() + seconds
        while text not in _text(self._errors):
            if self._process.exitcode is not None:
                return text in _text(self._errors)
            assert time.monotonic() < deadline, f"{text!r} not within {seconds:.0f} s: {_text(self._errors)[-500:]}"
            time.sleep(0.02)
        return True

    def kill(self) -> None:
        """``kill -9`` of the whole process group."""
        assert self._process.pid is not None
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        # Before the child has made its own group there is only the child.
        self._process.kill()

    def wait(self, seconds: float = 120.0) -> Ended:
        self._process.join(seconds)
        if self._process.exitcode is None:
            self.kill()
            self._process.join()
            raise TimeoutError(f"drain did not end within {seconds:.0f} s: {_text(self._errors)[-500:]}")
        peak = int(_text(self._peak) or 0)
        return Ended(self._process.exitcode, _text(self._output), _text(self._errors), peak)


def _text(file: Path) -> str:
    return file.read_text() if file.exists() else ""


def _drain(environment: dict[str, str], output: str, errors: str, peak: str, arguments: list[str]) -> None:
    os.setsid()
    for name in [name for name in os.environ if name.startswith(("LERN_PIPELINE_", "DAGSTER_"))]:
        del os.environ[name]
    os.environ.update(environment)
    for stream, file in ((1, output), (2, errors)):
        os.dup2(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), stream)
    from lern_pipeline.cli import main

    code = main(["drain", "--json", *arguments])
    sys.stdout.flush()
    Path(peak).write_text(str(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024))
    # Without the interpreter's own clean-up: clients' threads have nothing left to say.
    os._exit(code)
