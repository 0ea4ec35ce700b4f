"""Finds and reads what LERN_PIPELINE_CONFIG names: one file, or a directory of an installation's `.conf` files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from lern_pipeline.errors import ConfigurationError
from lern_pipeline.settings.catalogue import JOB_ALIASES, JOBS
from lern_pipeline.settings.hocon import read_hocon
from lern_pipeline.settings.names import nearest
from lern_pipeline.settings.sources import Document, Layer, layers_of
from lern_pipeline.settings.yaml_file import read_yaml

BASE_FILE = "base-config.conf"
_YAML = (".yaml", ".yml")
_HOCON = (".conf", ".hocon", ".json")


def read_path(path: str, environ: Mapping[str, str]) -> tuple[list[Layer], list[str]]:
    """The layers of a file or directory, weakest first, and warnings.

    Raises ConfigurationError when there is nothing to read or it cannot be parsed.
    """
    place = Path(path)
    if place.is_dir():
        return _read_directory(place, environ)
    if not place.is_file():
        raise ConfigurationError(f"LERN_PIPELINE_CONFIG: there is no file or directory {path}")
    document = _read_file(place, environ)
    return layers_of(document, lenient=False), document.remarks


def _read_file(path: Path, environ: Mapping[str, str]) -> Document:
    try:
        if path.suffix in _YAML:
            return read_yaml(path)
        if path.suffix in _HOCON:
            return read_hocon(path, environ)
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}") from error
    raise ConfigurationError(f"{path}: expected a name that ends in {', '.join(_YAML + _HOCON)}")


def _read_directory(directory: Path, environ: Mapping[str, str]) -> tuple[list[Layer], list[str]]:
    layers: list[Layer] = []
    warnings: list[str] = []
    # The base file first: what a job's own file says wins over it.
    for path in sorted(directory.glob("*.conf"), key=lambda path: (path.name != BASE_FILE, path.name)):
        job = JOB_ALIASES.get(path.stem, path.stem)
        if path.name != BASE_FILE and job not in JOBS:
            warnings.append(f"{path} is left out: no job is called {path.stem}{nearest(path.stem, JOBS)}")
            continue
        document = read_hocon(path, environ)
        warnings += document.remarks
        layers += layers_of(document, lenient=True, job=None if path.name == BASE_FILE else job)
    if not layers:
        raise ConfigurationError(f"{directory}: expected {BASE_FILE} or <job name>.conf in this directory")
    return layers, warnings
