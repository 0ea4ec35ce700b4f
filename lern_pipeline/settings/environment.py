"""Overrides from environment variables: LERN_PIPELINE_ and the name, optionally for one job."""

from __future__ import annotations

from collections.abc import Mapping

from lern_pipeline.errors import ConfigurationError
from lern_pipeline.settings.catalogue import JOB_ALIASES, JOBS, known_names, spellings
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
    shared = {environment_name(name): name for name in known_names()}
    plain: dict[str, object] = {}
    blocks: dict[str, dict[str, object]] = {}
    for variable in given:
        if variable.startswith(_JOBS_PREFIX):
            job, name = _job_setting(variable)
            blocks.setdefault(job, {})[name] = environ[variable]
        elif variable in shared:
            plain[shared[variable]] = environ[variable]
        else:
            raise ConfigurationError(f"{variable} in the environment names no setting{nearest(variable, shared)}")
    layers = [Layer("", plain, from_environment=True)]
    layers += [Layer("", values, job, from_environment=True) for job, values in blocks.items()]
    return layers


def _job_setting(variable: str) -> tuple[str, str]:
    for spelling in (*JOBS, *JOB_ALIASES):
        if not variable.startswith(environment_name("", spelling)):
            continue
        job = JOB_ALIASES.get(spelling, spelling)
        known = {environment_name(name, spelling): name for name in spellings(job)}
        if variable in known:
            return job, known[variable]
        raise ConfigurationError(f"{variable} in the environment names no setting of {job}{nearest(variable, known)}")
    starts = [environment_name("", job) + "…" for job in JOBS]
    raise ConfigurationError(f"{variable} in the environment names no job{nearest(variable, starts)}")
