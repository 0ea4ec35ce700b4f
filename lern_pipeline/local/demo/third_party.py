"""The third-party HTTP services of the demo: the tests' server for them, as a process of its own."""

from __future__ import annotations

import json
import selectors
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lern_pipeline.errors import LernPipelineError
from lern_pipeline.settings.catalogue import owners, spellings, variables
from lern_pipeline.settings.variable import environment_name

MODULE = "lern_pipeline_tests.third_party"
PROJECT = Path(__file__).resolve().parents[3]
START_SECONDS = 60.0
#: Setting → what it is on the server. A job's own value in a file must not win: real services may stand there.
ADDRESSES = {
    "service.search.basePath": "/search",
    "content.read.api": "/api/content/v1/read/",
    "service.content.basePath": "/api",
    "service.learner.basePath": "/userorg",
    "service.userorg.basePath": "/userorg",
    "service.taxonomy.basePath": "/taxonomy",
    "service.rc.basePath": "/rc/api/v1",
    "service.certreg.basePath": "/certreg",
    "service.enc.basePath": "/enc",
    "sunbird_msg_91_baseurl": "/msg91/",
    "sunbird_fcm_url": "/fcm/send",
    "fcm_v1_base_url": "/fcm",
    "fcm_v1_token_uri": "/token",
    "sunbird_sso_url": "/auth/",
}


#: What certificates name and nobody asks; it has no defaults.
PLACES = {
    "cert_domain_url": "https://lms.example.org",
    "cloud_storage_base_url": "https://store.example.net",
    "content_cloud_storage_container": "content",
}

#: Of Keycloak's client, as the stand-in knows it. User name and password only have to be there.
LOGIN = {
    "sunbird_sso_realm": "sunbird",
    "sunbird_sso_client_id": "lms",
    "sunbird_sso_client_secret": "secret",
    "sunbird_sso_username": "not used",
    "sunbird_sso_password": "not used",
    "sunbird_keycloak_user_federation_provider_id": "demo",
}


class ThirdPartyFailed(LernPipelineError):
    """The server did not start, or went away."""


class ThirdPartyServices:
    """The running server."""

    def __init__(self, environment: Mapping[str, str], log: Path) -> None:
        """Start it.

        Raises:
            ThirdPartyFailed: it cannot be started; the source tree is needed, since it is the tests'.
        """
        if not (PROJECT / MODULE.replace(".", "/") / "__main__.py").is_file():
            raise ThirdPartyFailed("the demo needs the source tree: its third-party services are those of the tests")
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("wb") as errors:
            self._process = subprocess.Popen(
                [sys.executable, "-m", MODULE, "--mail"],
                cwd=PROJECT,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=dict(environment),
                # Ctrl-C at the terminal is for the demo.
                start_new_session=True,
            )
        self.address = self._first_line(log)

    def _first_line(self, log: Path) -> str:
        output = self._process.stdout
        assert output is not None
        with output, selectors.DefaultSelector() as ready:
            ready.register(output, selectors.EVENT_READ)
            line = output.readline().decode().strip() if ready.select(START_SECONDS) else ""
        if not line:
            self.stop()
            raise ThirdPartyFailed(f"the server for third-party services did not start; see {log}")
        return line

    @property
    def environment(self) -> dict[str, str]:
        """Variables that lead the pipeline there."""
        mail = self.state()["mail"]
        values = {name: self.address + path for name, path in ADDRESSES.items()}
        values |= {"mail_server_host": mail["host"], "mail_server_port": str(mail["port"])}
        values |= {"mail_server_from_email": "noreply@lern.test", "mail_server_username": "", "mail_server_tls": "none"}
        # Without scheme.
        values["es.basePath"] = self.address.partition("//")[2]
        values |= PLACES | LOGIN
        return {
            environment_name(name, job): value
            for name, value in values.items()
            for job in owners(name)
            if not variables(job)[spellings(job)[name]].not_needed
        }

    def state(self) -> dict[str, Any]:
        """What each service holds, by name."""
        found: dict[str, Any] = self._ask("GET", "/_state")
        return found

    def add(self, service: str, state: Any) -> None:
        """Adds to what a service holds."""
        self._ask("PUT", f"/_state/{service}", state)

    def script(self, routes: list[dict[str, Any]]) -> None:
        """Adds routes: answers that come before those of the services."""
        self._ask("POST", "/_script", routes)

    def requests(self, tag: str) -> list[dict[str, Any]]:
        """The requests so far that have a text in path or body."""
        found: list[dict[str, Any]] = self._ask("GET", f"/_requests?tag={tag}")
        return found

    def picture(self, path: str) -> str:
        """What is there, as SVG."""
        request = urllib.request.Request(f"{self.address}{path}", headers={"Accept": "image/svg+xml"})
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return str(answer.read().decode())
        except (urllib.error.URLError, OSError) as error:
            raise ThirdPartyFailed(f"the server for third-party services at {self.address}: {error}") from error

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.address}{path}", data, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return json.load(answer)
        except (urllib.error.URLError, OSError) as error:
            raise ThirdPartyFailed(f"the server for third-party services at {self.address}: {error}") from error

    def stop(self) -> None:
        """End it."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
