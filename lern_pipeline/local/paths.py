"""Where the local stack keeps its jars, data, logs and run files."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

DIRECTORY_VARIABLE = "LERN_PIPELINE_LOCAL"


def default_directory() -> Path:
    """`LERN_PIPELINE_LOCAL`, else `.local` in the project's root, else `.local` where the command runs."""
    named = os.environ.get(DIRECTORY_VARIABLE)
    if named:
        return Path(named).expanduser().absolute()
    root = Path(__file__).resolve().parents[2]
    return (root if (root / "pyproject.toml").is_file() else Path.cwd()) / ".local"


@dataclass(frozen=True)
class StackPaths:
    """The layout below one stack directory. Jars may be shared with another directory."""

    directory: Path
    jars_directory: Path

    def jars(self, server: str) -> Path:
        """The server's class path directory."""
        return self.jars_directory / server

    def data(self, server: str) -> Path:
        """The server's data and generated configuration."""
        return self.directory / "data" / server

    def log(self, server: str) -> Path:
        """Standard output and error of the server."""
        return self.directory / "logs" / f"{server}.log"

    def record(self, server: str) -> Path:
        """The run file that says which process this stack started."""
        return self.directory / "run" / f"{server}.json"

    @property
    def lock(self) -> Path:
        """Held while a start or stop is under way."""
        return self.directory / "run" / "lock"
