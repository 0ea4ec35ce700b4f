"""Keycloak: where users have their accounts, with the realm that user-deletion-cleanup needs."""

from __future__ import annotations

import json
import secrets
import shutil
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar
from urllib.parse import urlsplit

from lern_pipeline.local import versions
from lern_pipeline.local.addresses import accepts_connections
from lern_pipeline.local.java import find_java, java_options
from lern_pipeline.local.json_answer import json_answer
from lern_pipeline.local.keycloak_realm import REALM, realm, sso_settings
from lern_pipeline.local.server import LocalStackError

# As its own start script has it, which starts Java for nothing but to see whether it must be built.
JVM_OPTIONS = (
    "-Xmx384m",
    "-XX:MaxMetaspaceSize=256m",
    "-Dfile.encoding=UTF-8",
    "-Duser.language=en",
    "-Duser.country=US",
    "-Djava.util.concurrent.ForkJoinPool.common.threadFactory="
    "io.quarkus.bootstrap.forkjoin.QuarkusForkJoinWorkerThreadFactory",
    "-Djava.util.logging.manager=org.jboss.logmanager.LogManager",
    "-Dpicocli.disable.closures=true",
)
OPENS = ("java.base/java.util", "java.base/java.util.concurrent", "java.base/java.security")

ADMINISTRATOR = "admin"
#: Files below the server's data.
SECRETS = "secrets.json"
BUILT = "built"


def settings_file(data: Path) -> Path:
    """The variables that user-deletion-cleanup needs, secrets too; written when the server is started."""
    return data / "settings.env"


@dataclass(frozen=True)
class KeycloakServer:
    """The server at ``url``; started here it has its data in files of its own and no TLS."""

    url: str
    name: ClassVar[str] = "keycloak"
    title: ClassVar[str] = f"Keycloak {versions.KEYCLOAK}"

    @property
    def host(self) -> str:
        return urlsplit(self.url).hostname or "localhost"

    @property
    def port(self) -> int:
        parts = urlsplit(self.url)
        return parts.port or (443 if parts.scheme == "https" else 80)

    def commands(self, ip: str, jars: Path, data: Path) -> Sequence[Sequence[str]]:
        """Unpacks the distribution, once, and builds it for its database, once; makes the secrets of client and
        administrator, which stay, and the file of the job's settings."""
        parts = urlsplit(self.url)
        if parts.scheme != "http" or parts.path.strip("/"):
            raise LocalStackError(f"{self.title} is started without TLS and path only: sunbird_sso_url is {self.url}")
        data.mkdir(parents=True, exist_ok=True)
        # Everything in it is this user's alone.
        data.chmod(0o700)
        home = data / f"keycloak-{versions.KEYCLOAK}"
        _unpack(jars / f"keycloak-quarkus-dist-{versions.KEYCLOAK}.zip", home)
        secret = _secrets(data)
        (home / "conf" / "keycloak.conf").write_text(_configuration(ip, self.port, secret["administrator"]))
        imported = home / "data" / "import" / f"{REALM}-realm.json"
        imported.parent.mkdir(parents=True, exist_ok=True)
        imported.write_text(json.dumps(realm(secret["client"])))
        lines = [
            f"export LERN_PIPELINE_{name.upper()}={value}\n"
            for name, value in sso_settings(self.url, secret["client"]).items()
        ]
        settings_file(data).write_text("".join(lines))
        java = [
            *(str(find_java()), *java_options(), *JVM_OPTIONS),
            *(f"--add-opens={package}=ALL-UNNAMED" for package in OPENS),
            *(f"-Dkc.home.dir={home}", f"-Djboss.server.config.dir={home / 'conf'}"),
            *("-cp", str(home / "lib" / "quarkus-run.jar"), "io.quarkus.bootstrap.runner.QuarkusEntryPoint"),
        ]
        build = [[*java, "build", "--db=dev-file"], ["touch", str(home / BUILT)]]
        # The realm is imported where there is none of its name.
        start = [*java, "start", "--optimized", "--import-realm"]
        return [start] if (home / BUILT).exists() else [*build, start]

    def answers(self, timeout: float) -> bool:
        """Whether it has the realm."""
        if not accepts_connections(self.host, self.port):
            return False
        realm = f"{self.url.rstrip('/')}/realms/{REALM}"
        return json_answer(realm, timeout).get("realm") == REALM

    def complete(self) -> str | None:
        """The realm is imported while it starts."""
        return None


def _unpack(archive: Path, home: Path) -> None:
    """Anew where a build was interrupted: what that left may not even start to build. Data come only after it."""
    if (home / BUILT).exists():
        return
    shutil.rmtree(home, ignore_errors=True)
    partial = home.parent / "unpacking"
    shutil.rmtree(partial, ignore_errors=True)
    with zipfile.ZipFile(archive) as packed:
        packed.extractall(partial)
    (partial / home.name).rename(home)
    partial.rmdir()


def _secrets(data: Path) -> dict[str, str]:
    kept = data / SECRETS
    if not kept.exists():
        made = {"client": secrets.token_urlsafe(24), "administrator": secrets.token_urlsafe(24)}
        partial = kept.with_suffix(".partial")
        partial.write_text(json.dumps(made))
        partial.replace(kept)
    read: dict[str, str] = json.loads(kept.read_text())
    return read


def _configuration(ip: str, port: int, password: str) -> str:
    """The file rather than arguments, which every user of the machine could see."""
    settings = {
        "http-enabled": "true",
        "http-host": ip,
        "http-port": str(port),
        "hostname-strict": "false",
        "cache": "local",
        "bootstrap-admin-username": ADMINISTRATOR,
        "bootstrap-admin-password": password,
    }
    return "".join(f"{name}={value}\n" for name, value in settings.items())
