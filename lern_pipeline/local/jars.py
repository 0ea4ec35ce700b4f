"""Fetches the Java servers' jars, and Keycloak's archive, with Maven, once per pom.xml.

Needs the standard library only, so that `script/bootstrap` can run it beside the Python installation.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from lern_pipeline.errors import LernPipelineError
from lern_pipeline.local import versions
from lern_pipeline.local.paths import default_directory

POMS = Path(__file__).parent / "poms"
JAVA_SERVERS = {
    "kafka": f"Kafka {versions.KAFKA}",
    "cassandra": f"Cassandra {versions.CASSANDRA}",
    "mongo": f"mongo-java-server {versions.MONGO_JAVA_SERVER}",
    "opensearch": f"OpenSearch {versions.OPENSEARCH}",
    "keycloak": f"Keycloak {versions.KEYCLOAK}",
    # Only in tests: whose accounts Keycloak has.
    "directory": f"UnboundID directory {versions.UNBOUNDID}",
}
#: Those that every installation of the project needs; the others' jars come when they are started first.
ALWAYS = ("kafka", "cassandra")
MAVEN_SECONDS = 900

Report = Callable[[str], None]


def pom(server: str) -> Path:
    """The pinned dependencies of one server."""
    return POMS / server / "pom.xml"


def fetched(server: str, target: Path) -> bool:
    """Whether `target` holds what the server's pom.xml of now asks for."""
    try:
        return (target / ".pom").read_text() == _digest(server)
    except OSError:
        return False


def fetch(server: str, target: Path, report: Report) -> None:
    """Puts the server's jars or archive into `target`, complete or not at all."""
    if fetched(server, target):
        return
    maven = shutil.which("mvn")
    if maven is None:
        raise LernPipelineError(
            f"{JAVA_SERVERS[server]} is fetched with Maven, and mvn is not installed: run script/bootstrap"
        )
    report(f"{JAVA_SERVERS[server]}: fetching it with Maven")
    began = time.monotonic()
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=f"{server}.partial-", dir=target.parent))
    try:
        _run_maven(maven, server, partial)
        (partial / ".pom").write_text(_digest(server))
        shutil.rmtree(target, ignore_errors=True)
        partial.rename(target)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    report(f"{JAVA_SERVERS[server]}: fetched after {time.monotonic() - began:.0f} s")


def _run_maven(maven: str, server: str, target: Path) -> None:
    command = [
        maven,
        *("-q", "-B", "-f", str(pom(server))),
        "dependency:copy-dependencies",
        "-DincludeScope=runtime",
        f"-DoutputDirectory={target}",
        "-Dmaven.artifact.threads=12",
    ]
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=MAVEN_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as expired:
        raise LernPipelineError(f"{JAVA_SERVERS[server]}: Maven was not done after {MAVEN_SECONDS} s") from expired
    if done.returncode != 0:
        errors = (
            [line for line in done.stdout.splitlines() if "ERROR" in line] or done.stdout.splitlines() or ["no output"]
        )
        raise LernPipelineError(f"{JAVA_SERVERS[server]}: Maven failed: {errors[0].strip()}")


def _digest(server: str) -> str:
    return hashlib.sha256(pom(server).read_bytes()).hexdigest()


def main() -> int:
    """Fetches the jars of the servers that are always needed side by side into the default directory."""
    jars = default_directory() / "jars"
    with ThreadPoolExecutor() as pool:
        fetches = [pool.submit(fetch, server, jars / server, lambda line: print(line, flush=True)) for server in ALWAYS]
        failures = [failure for failure in (one.exception() for one in fetches) if failure is not None]
    for failure in failures:
        print(failure, file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
