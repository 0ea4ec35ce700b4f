"""The configuration of an installation: read once, asked per job."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from lern_pipeline.errors import ConfigurationError
from lern_pipeline.settings.catalogue import JOB_ALIASES, JOBS, known_names, owners, spellings, variables
from lern_pipeline.settings.environment import read_environment
from lern_pipeline.settings.files import read_path
from lern_pipeline.settings.job_settings import JobSettings
from lern_pipeline.settings.names import nearest
from lern_pipeline.settings.resolve import resolve
from lern_pipeline.settings.sources import Layer

CONFIG_VARIABLE = "LERN_PIPELINE_CONFIG"

#: One value of these for all jobs is hardly meant: two jobs of one group take each other's records.
_OF_ONE_JOB = ("kafka.groupId", "kafka.input.topic")


@dataclass(frozen=True, slots=True, repr=False)
class Configuration:
    """Settings of every job; checked, so that asking for them cannot fail but for a missing value."""

    jobs: Mapping[str, JobSettings]
    common: JobSettings
    #: One line each; an operator should see them, nothing stops because of them.
    warnings: tuple[str, ...]

    def __repr__(self) -> str:
        return f"Configuration(env={self.common.env!r}, warnings={len(self.warnings)})"

    def for_job(self, job: str) -> JobSettings:
        """Raises ConfigurationError when there is no such job."""
        name = JOB_ALIASES.get(job, job)
        if name not in self.jobs:
            raise ConfigurationError(f"no job is called {job}{nearest(job, JOBS)}")
        return self.jobs[name]

    def shared(self) -> JobSettings:
        """The settings that every job has, without any `jobs.<job>` block."""
        return self.common


def load_configuration(path: str | None = None, environ: Mapping[str, str] | None = None) -> Configuration:
    """Reads the file or directory `path` (default: LERN_PIPELINE_CONFIG; none: documented defaults) and environment.

    Rising precedence: documented default, file, its `jobs.<job>` block (in a directory: the job's own file),
    environment variable, environment variable for the job. Raises ConfigurationError, one line that names the
    setting, where it came from and what was expected.
    """
    environ = os.environ if environ is None else environ
    path = environ.get(CONFIG_VARIABLE, "") if path is None else path
    layers: list[Layer] = []
    warnings: list[str] = []
    if path.strip():
        layers, warnings = read_path(path, environ)
    layers = [_with_known_job(layer) for layer in (*layers, *read_environment(environ))]
    for layer in layers:
        warnings += _check_names(layer)
    return Configuration(
        {job: resolve(job, layers) for job in JOBS},
        resolve(None, [layer for layer in layers if layer.job is None]),
        tuple(warnings),
    )


def _with_known_job(layer: Layer) -> Layer:
    if layer.job is None or layer.job in JOBS:
        return layer
    if layer.job in JOB_ALIASES:
        return replace(layer, job=JOB_ALIASES[layer.job])
    raise ConfigurationError(f"{layer.origin}: no job is called {layer.job}{nearest(layer.job, JOBS)}")


def _check_names(layer: Layer) -> Iterator[str]:
    """Refuses or reports what the layer should not have; yields warnings."""
    here = known_names() if layer.job is None else spellings(layer.job)
    unknown = [name for name in layer.values if name not in here]
    if unknown and not layer.lenient:
        raise ConfigurationError(_refusal(unknown[0], layer))
    where = layer.origin or "environment"
    if unknown:
        yield f"{where}: not known here and left out: " + ", ".join(
            name + nearest(name, known_names(), cutoff=0.85) for name in unknown
        )
    known = [name for name in layer.values if name in here]
    idle = [name for name in known if _is_not_needed(name, layer.job)]
    if idle:
        yield f"{where}: not needed and without effect: {', '.join(idle)}"
    yield from _about_single_names(known, layer, where)


def _about_single_names(known: Sequence[str], layer: Layer, where: str) -> Iterator[str]:
    for name in known:
        if not layer.from_environment and layer.values[name] != "" and _is_secret(name, layer.job):
            yield f"{where}: {name} is a secret; the environment is a better place for it"
        if layer.job is None and name in _OF_ONE_JOB:
            yield f"{where}: {name} is set for every job; set it per job (jobs.<job name>.{name})"
    for name in known:
        documented = spellings(layer.job).get(name, name)
        if documented != name and documented in layer.values and layer.values[documented] != layer.values[name]:
            yield f"{where}: {name} is left out, {documented} is the same setting and set too"


def _refusal(name: str, layer: Layer) -> str:
    others = owners(name)
    if layer.job is not None and others:
        return f"{name} ({layer.origin}): {layer.job} has no such setting, only {', '.join(others)}"
    known = known_names() if layer.job is None else spellings(layer.job)
    return f"{name} ({layer.origin}): unknown setting{nearest(name, known)}"


def _scopes(name: str, job: str | None) -> tuple[str | None, ...]:
    """Whose variable a name is; in a common layer: of any job that has it."""
    return (job,) if name in spellings(job) else owners(name)


def _is_not_needed(name: str, job: str | None) -> bool:
    return all(variables(scope)[spellings(scope)[name]].not_needed for scope in _scopes(name, job))


def _is_secret(name: str, job: str | None) -> bool:
    return any(variables(scope)[spellings(scope)[name]].secret for scope in _scopes(name, job))
