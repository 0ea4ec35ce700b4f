"""Overrides from environment variables: LERN_PIPELINE_ and the name, optionally for one job."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from lern_pipeline.errors import ConfigurationError
from lern_pipeline.settings.catalogue import JOB_ALIASES, JOBS, known_names, owners, spellings
from lern_pipeline.settings.names import nearest
from lern_pipeline.settings.sources import Layer
from lern_pipeline.settings.variable import ENVIRONMENT_PREFIX, environment_name

#: LERN_PIPELINE_ variables that are no settings: they say where the settings are, or steer local runs and tests.
RESERVED = frozenset({"LERN_PIPELINE_CONFIG", "LERN_PIPELINE_LOCAL", "LERN_PIPELINE_CRASH_AT"})

_JOBS_PREFIX = f"{ENVIRONMENT_PREFIX}JOBS_"


def read_environment(environ: Mapping[str, str]) -> list[Layer]:
    """One layer for every job, then one per job named.

    Raises ConfigurationError for a LERN_PIPELINE_ variable that names no setting, with the nearest one that does.
    """
    given = sorted(name for name in environ if name.startswith(ENVIRONMENT_PREFIX) and name not in RESERVED)
    if not given:
        return []
    layers: dict[str | None, dict[str, str]] = {None: {}}
    common = _by_variable(known_names())
    for variable in given:
        if variable.startswith(_JOBS_PREFIX):
            job, name = _job_setting(variable)
        else:
            job, name = None, _one(variable, common)
        layers.setdefault(job, {})[name] = variable
    return [
        Layer(
            "environment",
            {name: environ[variable] for name, variable in variables.items()},
            job,
            variables=variables,
        )
        for job, variables in layers.items()
    ]


def _by_variable(names: Iterable[str], job: str | None = None) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name in sorted(names):
        found.setdefault(environment_name(name, job), []).append(name)
    return found


def _one(variable: str, known: Mapping[str, list[str]]) -> str:
    names = known.get(variable)
    if names is None:
        raise ConfigurationError(f"{variable} in the environment names no setting{nearest(variable, known)}")
    if len(names) > 1:
        # `content.read.api` is an address and `content_read_api` a path; no variable can mean both.
        per_job = [environment_name(name, job) for name in names for job in owners(name)]
        raise ConfigurationError(
            f"{variable} in the environment could mean {' or '.join(names)}; set it per job: {', '.join(per_job)}"
        )
    return names[0]


def _job_setting(variable: str) -> tuple[str, str]:
    for spelling in (*JOBS, *JOB_ALIASES):
        if variable.startswith(environment_name("", spelling)):
            job = JOB_ALIASES.get(spelling, spelling)
            return job, _one(variable, _by_variable(spellings(job), spelling))
    starts = [environment_name("", job) + "…" for job in JOBS]
    raise ConfigurationError(f"{variable} in the environment names no job{nearest(variable, starts)}")
