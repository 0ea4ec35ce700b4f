"""A headless Chromium, spoken to through its DevTools protocol."""

from __future__ import annotations

import itertools
import json
import shutil
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Any

from websockets.sync.client import ClientConnection, connect

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1600,1200",
    "--remote-debugging-port=0",
)
START_SECONDS = 60


def find_chromium() -> str | None:
    """The browser of this machine."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


class Chromium:
    """One browser with one page."""

    def __init__(self, executable: str, profile: Path) -> None:
        self._command = [executable, *FLAGS, f"--user-data-dir={profile}", "about:blank"]
        self._port_file = profile / "DevToolsActivePort"
        self._numbers = itertools.count(1)
        #: What was thrown and not caught since the last visit.
        self.errors: list[str] = []

    def __enter__(self) -> Chromium:
        self._process = subprocess.Popen(
            self._command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            self._connection = self._connect()
            target = self._call("Target.createTarget", url="about:blank")["targetId"]
            self._session = self._call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
            self._call("Page.enable", self._session)
            self._call("Runtime.enable", self._session)
        except BaseException:
            self._process.kill()
            self._process.wait()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _connect(self) -> ClientConnection:
        deadline = time.monotonic() + START_SECONDS
        while not (self._port_file.exists() and self._port_file.read_text().count("\n")):
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"Chromium did not start (exit code {self._process.returncode})")
            time.sleep(0.1)
        port, path = self._port_file.read_text().split("\n")[:2]
        return connect(f"ws://127.0.0.1:{port}{path}", max_size=None)

    def visit(self, url: str) -> None:
        """Open a page."""
        self.errors.clear()
        self._call("Page.navigate", self._session, url=url)

    def text_once(self, wanted: str, seconds: float) -> str:
        """The page's text once it has ``wanted`` in it; after ``seconds`` whatever is there."""
        deadline = time.monotonic() + seconds
        while True:
            expression = "document.body ? document.body.innerText : ''"
            text = str(self._call("Runtime.evaluate", self._session, expression=expression)["result"].get("value", ""))
            if wanted in text or time.monotonic() > deadline:
                return text
            time.sleep(0.3)

    def _call(self, method: str, session: str | None = None, **parameters: Any) -> dict[str, Any]:
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": parameters}
        self._connection.send(json.dumps(message if session is None else message | {"sessionId": session}))
        while True:
            answer = json.loads(self._connection.recv(timeout=60))
            if answer.get("method") == "Runtime.exceptionThrown":
                details = answer["params"]["exceptionDetails"]
                self.errors.append(details.get("exception", {}).get("description") or details["text"])
            if answer.get("id") == number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                result: dict[str, Any] = answer["result"]
                return result
