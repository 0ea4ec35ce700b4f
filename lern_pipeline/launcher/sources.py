"""Has the code or the configuration changed since a fork server loaded it?"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator
from pathlib import Path

SKIPPED_DIRECTORIES = {"__pycache__", "node_modules"}

Signature = frozenset[tuple[str, int, int]]


def watched_paths(module: str, working_directory: str | None, also: list[str]) -> list[Path]:
    """The package (or the one file) that ``module`` belongs to, the configuration, and what the launcher is told."""
    paths = [Path(path) for path in also]
    configuration = os.environ.get("LERN_PIPELINE_CONFIG")
    if configuration:
        paths.append(Path(configuration))
    top = module.partition(".")[0]
    for directory in filter(None, (working_directory, *_origin_directories(top))):
        for candidate in (Path(directory) / top, Path(directory) / f"{top}.py"):
            if candidate.exists() and candidate not in paths:
                paths.append(candidate)
    return paths


def _origin_directories(top: str) -> list[str]:
    """Where the import system finds a top-level name. Finding it does not import it."""
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        return []
    if spec is None:
        return []
    found = list(spec.submodule_search_locations or []) or [spec.origin or ""]
    return [str(Path(place).parent) for place in found if place]


def signature(paths: list[Path]) -> Signature:
    """Name, modification time and size of every file below the paths: some milliseconds for a package."""
    return frozenset(entry for path in paths for entry in _files(path))


def _files(path: Path) -> Iterator[tuple[str, int, int]]:
    if path.is_file():
        stat = path.stat()
        yield str(path), stat.st_mtime_ns, stat.st_size
    elif path.is_dir():
        yield from _below(str(path))


def _below(directory: str) -> Iterator[tuple[str, int, int]]:
    try:
        with os.scandir(directory) as entries:
            for entry in entries:
                if entry.is_dir():
                    if entry.name not in SKIPPED_DIRECTORIES and not entry.name.startswith("."):
                        yield from _below(entry.path)
                elif not entry.name.endswith(".pyc"):
                    stat = entry.stat()
                    yield entry.path, stat.st_mtime_ns, stat.st_size
    except FileNotFoundError:
        # Removed while we looked: the next look sees a different set.
        return
