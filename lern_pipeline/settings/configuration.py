"""The configuration of an installation: read once, asked per job."""

from __future__ import annotations

import os
from collections.abc import Mapping

from lern_pipeline.errors import ConfigurationError
from lern_pipeline.settings.catalogue import JOB_ALIASES, JOBS
from lern_pipeline.settings.check import check, with_known_job
from lern_pipeline.settings.environment import read_environment
from lern_pipeline.settings.files import Files, find
from lern_pipeline.settings.job_settings import JobSettings
from lern_pipeline.settings.names import nearest
from lern_pipeline.settings.resolve import resolve

CONFIG_VARIABLE = "LERN_PIPELINE_CONFIG"


class Configuration:
    """The settings of every job. What is common to all is checked at once, a job's own file when it is first asked."""

    def __init__(self, files: Files, environ: Mapping[str, str]) -> None:
        """Raises ConfigurationError, see load_configuration."""
        self._files = files
        self._environ = environ
        self._warnings = list(files.warnings)
        self._common = [with_known_job(layer) for layer in files.layers]
        self._overrides = read_environment(environ)
        for layer in (*self._common, *self._overrides):
            self._warnings += check(layer)
        layers = (*self._common, *self._overrides)
        self._shared = resolve(None, layers)
        self._jobs = {job: resolve(job, layers) for job in JOBS if job not in files.own}

    def __repr__(self) -> str:
        return f"Configuration(env={self._shared.env!r})"

    @property
    def warnings(self) -> tuple[str, ...]:
        """What an operator should see although nothing stops because of it, one line each.

        Of a directory's `<job name>.conf` files those of the jobs that were asked for so far.
        """
        return tuple(self._warnings)

    def for_job(self, job: str) -> JobSettings:
        """The settings of one job.

        Raises ConfigurationError when there is no such job, or for what is wrong in its own file.
        """
        name = JOB_ALIASES.get(job, job)
        if name not in JOBS:
            raise ConfigurationError(f"no job is called {job}{nearest(job, JOBS)}")
        if name not in self._jobs:
            own, remarks = self._files.read_own(name, self._environ)
            own = [with_known_job(layer) for layer in own]
            remarks += [warning for layer in own for warning in check(layer)]
            self._jobs[name] = resolve(name, (*self._common, *own, *self._overrides))
            self._warnings += remarks
        return self._jobs[name]

    def shared(self) -> JobSettings:
        """The settings that every job has, without any block or file of one job."""
        return self._shared


def load_configuration(path: str | None = None, environ: Mapping[str, str] | None = None) -> Configuration:
    """Reads the file or directory `path` (default: LERN_PIPELINE_CONFIG; none: documented defaults) and environment.

    Rising precedence: documented default, file, its `jobs.<job>` block (in a directory: the job's own file),
    environment variable, environment variable for the job. Design section 7, platform contract 13.

    Raises ConfigurationError, one line that names the setting, where it came from and what was expected.
    """
    environ = os.environ if environ is None else environ
    path = environ.get(CONFIG_VARIABLE, "") if path is None else path
    return Configuration(find(path, environ) if path.strip() else Files(), environ)
