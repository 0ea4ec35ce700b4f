"""Finds a Java runtime that both Java servers run on."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from lern_pipeline.local import versions
from lern_pipeline.local.server import LocalStackError

#: For both servers.
JAVA_OPTIONS = ("-XX:+UseSerialGC", "-XX:+ExitOnOutOfMemoryError")
#: On two cores the optimising compiler costs some ten seconds of processor time at start, which it gives back only
#: after some 200,000 operations.
QUICK_COMPILER = "-XX:TieredStopAtLevel=1"
#: Every thread having its own malloc arena would cost memory.
JAVA_ENVIRONMENT = {"MALLOC_ARENA_MAX": "2"}


def java_options() -> tuple[str, ...]:
    """For a quick start. With ``JDK_JAVA_OPTIONS`` set Java compiles as that says (``-XX:+TieredCompilation`` for
    benchmarks, where the servers' speed matters more than their start)."""
    return JAVA_OPTIONS if os.environ.get("JDK_JAVA_OPTIONS") else (QUICK_COMPILER, *JAVA_OPTIONS)


def find_java() -> Path:
    """The `java` to start the servers with: the preferred version, else any that will do, configured ones first."""
    usable = [
        (version, java)
        for version, java in ((java_version(java), java) for java in dict.fromkeys(_candidates()))
        if versions.JAVA_MINIMUM <= version <= versions.JAVA_MAXIMUM
    ]
    if not usable:
        raise LocalStackError(
            f"Kafka and Cassandra need Java {versions.JAVA_MINIMUM} to {versions.JAVA_MAXIMUM},"
            " which is not installed: run script/bootstrap"
        )
    return next((java for version, java in usable if version == versions.JAVA_PREFERRED), usable[0][1])


def java_version(java: Path) -> int:
    """The major version of an installed runtime, 0 when it cannot be told; reads a file, starts nothing."""
    try:
        release = (java.resolve().parents[1] / "release").read_text()
    except OSError:
        return 0
    found = re.search(r'^JAVA_VERSION="(?:1\.)?(\d+)', release, re.MULTILINE)
    return int(found.group(1)) if found else 0


def _candidates() -> Iterator[Path]:
    home = os.environ.get("JAVA_HOME")
    if home and (Path(home) / "bin/java").is_file():
        yield Path(home) / "bin/java"
    on_path = shutil.which("java")
    if on_path:
        yield Path(on_path)
    yield from sorted(Path("/usr/lib/jvm").glob("*/bin/java"))
