"""Finds and reads what LERN_PIPELINE_CONFIG names: one file, or a directory of an installation's `.conf` files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
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


@dataclass(slots=True)
class Files:
    """What was found: the layers for everybody, and which job has a file of its own, not read yet.

    HOCON takes some 60 ms a file; a process that runs one job reads the base file and its own.
    """

    layers: list[Layer] = field(default_factory=list)
    own: dict[str, Path] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    def read_own(self, job: str, environ: Mapping[str, str]) -> tuple[list[Layer], list[str]]:
        """The layers of the job's own file, and warnings. Raises ConfigurationError when it cannot be parsed."""
        if job not in self.own:
            return [], []
        document = _read(self.own[job], environ)
        # The existing files include the base file: what is the same comes from there.
        base = {name: value for layer in self.layers if layer.job is None for name, value in layer.values.items()}
        document.values = {name: value for name, value in document.values.items() if base.get(name) != value}
        return layers_of(document, lenient=True, job=job), document.remarks


def find(path: str, environ: Mapping[str, str]) -> Files:
    """Reads a file, or a directory's base file.

    Raises ConfigurationError when there is nothing to read or it cannot be parsed.
    """
    place = Path(path)
    if place.is_dir():
        return _find_in_directory(place, environ)
    if not place.is_file():
        raise ConfigurationError(f"LERN_PIPELINE_CONFIG: there is no file or directory {path}")
    document = _read(place, environ)
    return Files(layers_of(document, lenient=False), warnings=document.remarks)


def _find_in_directory(directory: Path, environ: Mapping[str, str]) -> Files:
    files = Files()
    for path in sorted(directory.glob("*.conf")):
        job = JOB_ALIASES.get(path.stem, path.stem)
        if path.name == BASE_FILE:
            document = _read(path, environ)
            files.layers += layers_of(document, lenient=True)
            files.warnings += document.remarks
        elif job in JOBS:
            files.own[job] = path
        else:
            files.warnings.append(f"{path} is left out: no job is called {path.stem}{nearest(path.stem, JOBS)}")
    if not files.layers and not files.own:
        raise ConfigurationError(f"{directory}: expected {BASE_FILE} or <job name>.conf in this directory")
    return files


def _read(path: Path, environ: Mapping[str, str]) -> Document:
    try:
        if path.suffix in _YAML:
            return read_yaml(path)
        if path.suffix in _HOCON:
            return read_hocon(path, environ)
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}") from error
    raise ConfigurationError(f"{path}: expected a name that ends in {', '.join(_YAML + _HOCON)}")
