"""From layers to the settings of one job: who wins, which spelling, what falls back to what."""

from __future__ import annotations

from collections.abc import Sequence

from lern_pipeline.errors import ConfigurationError
from lern_pipeline.settings.catalogue import spellings, variables
from lern_pipeline.settings.job_settings import BORROWED, JobSettings
from lern_pipeline.settings.sources import Layer
from lern_pipeline.settings.values import UnusableValue, value_of
from lern_pipeline.settings.variable import Value, Variable


def resolve(job: str | None, layers: Sequence[Layer]) -> JobSettings:
    """The settings of `job` (None: of every job) from layers in rising precedence.

    Every value is read, also one that a later layer replaces: a wrong value is refused wherever it stands. Raises
    ConfigurationError, with the setting, where it came from and what was expected.
    """
    known = variables(job)
    names = spellings(job)
    values: dict[str, Value] = {}
    origins: dict[str, str] = {}
    for layer in layers:
        if layer.job not in (None, job):
            continue
        for name, documented in _spelled(layer, names).items():
            values[documented] = _read(known[documented], name, layer)
            origins[documented] = layer.where(name)
    for variable in known.values():
        _fall_back(variable, values, origins, known)
    settled = {name: values.get(name, variable.default) for name, variable in known.items()}
    _fill_in_environment(settled, known)
    return JobSettings(job, settled, origins)


def _spelled(layer: Layer, names: dict[str, str]) -> dict[str, str]:
    """The layer's names that the job has; of two spellings of one variable the documented one."""
    chosen: dict[str, str] = {}
    for name in layer.values:
        documented = names.get(name)
        if documented is not None and (documented not in chosen or name == documented):
            chosen[documented] = name
    return {name: documented for documented, name in chosen.items()}


def _read(variable: Variable, name: str, layer: Layer) -> Value:
    raw = layer.values[name]
    try:
        return value_of(variable, raw)
    except UnusableValue as expected:
        # A secret's value does not belong in an error that ends up in logs.
        found = "" if variable.secret else f", found {_short(raw)}"
        raise ConfigurationError(f"{name} ({layer.where(name)}): expected {expected}{found}") from None


def _short(raw: object) -> str:
    shown = repr(raw)
    return shown if len(shown) <= 60 else shown[:57] + "…"


def _fall_back(
    variable: Variable, values: dict[str, Value], origins: dict[str, str], known: dict[str, Variable]
) -> None:
    """A variable without a value of its own takes its source's, also through a chain.

    A default of its own gives way only to a source that somebody set.
    """
    source = variable.falls_back_to
    if not source or values.get(variable.name) is not None:
        return
    _fall_back(known[source], values, origins, known)
    if variable.on_same_server and not _same_server(variable, source, values, origins, known):
        return
    value = values.get(source)
    if value is None and variable.default is None:
        value = known[source].default
    if value is not None:
        values[variable.name] = value
        origins[variable.name] = f"{BORROWED}{source}"


def _same_server(
    variable: Variable, source: str, values: dict[str, Value], origins: dict[str, str], known: dict[str, Variable]
) -> bool:
    """Whether both are about one host and port: one server's password is not offered to another server."""

    def address(prefix: str) -> tuple[Value, ...]:
        names = (f"{prefix}.host", f"{prefix}.port")
        for name in names:
            _fall_back(known[name], values, origins, known)
        return tuple(values.get(name, known[name].default) for name in names)

    return address(variable.name.split(".")[0]) == address(source.split(".")[0])


def _fill_in_environment(values: dict[str, Value], known: dict[str, Variable]) -> None:
    """Puts the environment's name in place of `{env}` and `{{env}}`; secrets are taken as they are."""
    env = str(values["env"])
    for name, value in values.items():
        if isinstance(value, str) and "{env}" in value and not known[name].secret:
            values[name] = value.replace("{{env}}", env).replace("{env}", env)
