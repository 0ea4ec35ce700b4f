"""Names that a layer should not have: refused, or reported to the operator."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from lern_pipeline.errors import ConfigurationError
from lern_pipeline.settings.catalogue import JOB_ALIASES, JOBS, known_names, owners, spellings, variables
from lern_pipeline.settings.names import nearest
from lern_pipeline.settings.sources import Layer
from lern_pipeline.settings.variable import Variable

#: One value of these for all jobs is hardly meant: two jobs of one group take each other's records.
_OF_ONE_JOB = ("kafka.groupId", "kafka.input.topic")


def with_known_job(layer: Layer) -> Layer:
    """The layer under its job's own name. Raises ConfigurationError when there is no such job."""
    if layer.job is None or layer.job in JOBS:
        return layer
    if layer.job in JOB_ALIASES:
        return replace(layer, job=JOB_ALIASES[layer.job])
    raise ConfigurationError(f"{layer.origin}: no job is called {layer.job}{nearest(layer.job, JOBS)}")


def check(layer: Layer) -> list[str]:
    """Warnings, one line each. Raises ConfigurationError for an unknown name where those are not tolerated.

    A common layer may have any name of any job; a job's layer only the job's.
    """
    here = known_names() if layer.job is None else spellings(layer.job)
    unknown = [name for name in layer.values if name not in here]
    if unknown and not layer.lenient:
        raise ConfigurationError(_refusal(unknown[0], layer))
    known = [name for name in layer.values if name in here]
    return [
        f"{layer.origin}: {remark}" for remark in (*_about_names(unknown, known, layer), *_about_each(known, layer))
    ]


def _about_names(unknown: Sequence[str], known: Sequence[str], layer: Layer) -> Iterator[str]:
    if unknown:
        foreign = [name for name in unknown if name not in known_names()]
        others = [name for name in unknown if name in known_names()]
        if foreign:
            # Only a near miss is worth a hint here: these files carry other systems' entries.
            hinted = (name + nearest(name, known_names(), cutoff=0.9) for name in foreign)
            yield f"unknown and left out: {', '.join(hinted)}"
        if others:
            yield f"settings of other jobs, left out: {', '.join(others)}"
    idle = [name for name in known if all(variable.not_needed for variable in _meant(name, layer.job))]
    if idle:
        yield f"not needed and without effect: {', '.join(idle)}"


def _about_each(known: Sequence[str], layer: Layer) -> Iterator[str]:
    for name in known:
        value = layer.values[name]
        if not layer.from_environment and value != "" and any(variable.secret for variable in _meant(name, layer.job)):
            yield f"{name} is a secret; the environment is a better place for it"
        if layer.job is None and name in _OF_ONE_JOB:
            yield f"{name} is set for every job; set it per job (jobs.<job name>.{name})"
        documented = spellings(layer.job).get(name, name)
        if documented != name and layer.values.get(documented, value) != value:
            yield f"{name} is left out: {documented} is the same setting and set too"


def _refusal(name: str, layer: Layer) -> str:
    others = owners(name)
    if layer.job is not None and others:
        return f"{name} ({layer.origin}): {layer.job} has no such setting, only {', '.join(others)}"
    known = known_names() if layer.job is None else spellings(layer.job)
    return f"{name} ({layer.origin}): unknown setting{nearest(name, known)}"


def _meant(name: str, job: str | None) -> list[Variable]:
    """The variables that a name stands for; in a common layer those of every job that has it."""
    scopes = (job,) if name in spellings(job) else owners(name)
    return [variables(scope)[spellings(scope)[name]] for scope in scopes]
