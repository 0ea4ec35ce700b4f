"""A fork server as its owner sees it: start it, have it fork, notice that it died."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from dataclasses import dataclass
from typing import Any

# Loading a code location takes seconds; on a busy machine much longer.
LOAD_SECONDS = 180.0
FORK_SECONDS = 30.0


class ForkServerFailed(Exception):
    """No run was started."""


class ServerEnded(ForkServerFailed):
    """The fork server is gone."""


@dataclass
class WaitingWorker:
    """A forked worker that waits for its word. It starts its run on :meth:`start`, and never without."""

    pid: int
    go: int

    def start(self) -> None:
        """Let it go.

        Raises:
            ForkServerFailed: the worker is gone, and with it the only one that could have started the run.
        """
        try:
            os.write(self.go, b"!")
        except BrokenPipeError as error:
            raise ForkServerFailed(f"worker {self.pid} ended before its run began") from error
        finally:
            os.close(self.go)

    def give_up(self) -> None:
        """Have it end without starting."""
        os.close(self.go)


class ServerHandle:
    """One fork server process. Not thread-safe: the launcher asks one question at a time."""

    def __init__(self, origin: str, instance_ref: str) -> None:
        """Start it and wait until it has loaded the code.

        Raises:
            ForkServerFailed: with the reason that the server gave.
        """
        ours, theirs = socket.socketpair()
        with theirs:
            # A session of its own: Ctrl-C at the daemon's terminal is not meant for runs.
            self._process = subprocess.Popen(
                [sys.executable, "-m", "lern_pipeline.launcher.fork_server", str(theirs.fileno())],
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        self._socket = ours
        self._closed = False
        # Reaps the process whenever it ends: a daemon that launches nothing for hours leaves no zombie.
        threading.Thread(target=self._process.wait, name="fork-server-reaper", daemon=True).start()
        try:
            answer, _ = self._ask({"origin": origin, "instance": instance_ref}, LOAD_SECONDS)
            if "error" in answer:
                raise ForkServerFailed(answer["error"])
        except ForkServerFailed:
            self.close()
            raise

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        return self._process.returncode is None and not self._closed

    def fork(self, arguments: str) -> WaitingWorker:
        """A new worker for the run that the serialised ExecuteRunArgs name.

        Raises:
            ServerEnded: a worker it may have forked never starts.
        """
        answer, descriptors = self._ask({"fork": arguments}, FORK_SECONDS)
        return WaitingWorker(answer["pid"], descriptors[0])

    def retire(self) -> None:
        """No more forks; it ends with its last worker, or with this process."""
        try:
            self._socket.sendall(b'{"retire": true}\n')
        except OSError:
            self.close()

    def close(self) -> None:
        """Let it end now. Its workers finish their runs."""
        self._closed = True
        self._socket.close()

    def _ask(self, question: dict[str, Any], seconds: float) -> tuple[dict[str, Any], list[int]]:
        received, descriptors = b"", list[int]()
        try:
            self._socket.settimeout(seconds)
            self._socket.sendall(json.dumps(question).encode() + b"\n")
            while not received.endswith(b"\n"):
                data, passed, _, _ = socket.recv_fds(self._socket, 65536, 1)
                descriptors += passed
                if not data:
                    raise EOFError("it has ended")
                received += data
        except (OSError, EOFError) as error:
            for descriptor in descriptors:
                os.close(descriptor)
            self.close()
            raise ServerEnded(f"no answer from the fork server: {error}") from error
        answer: dict[str, Any] = json.loads(received)
        return answer, descriptors
