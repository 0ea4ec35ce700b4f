"""What `lern-pipeline config` prints: each setting, its effective value and where it comes from."""

from __future__ import annotations

import json
import pkgutil
from collections.abc import Iterable, Sequence
from typing import TextIO

import lern_pipeline.jobs
from lern_pipeline.settings.catalogue import JOBS, variables
from lern_pipeline.settings.configuration import Configuration
from lern_pipeline.settings.job_settings import EffectiveSetting, JobSettings
from lern_pipeline.settings.variable import Value

#: Wider values are printed whole, but do not push the next column away from all others.
_WIDEST_VALUE = 48


def print_configuration(configuration: Configuration, job: str | None, as_json: bool, out: TextIO) -> None:
    """Prints one job's settings, or (job None) the common ones and then what each job of this build has of its own.

    Secrets are masked. Raises ConfigurationError when there is no such job. Design section 7.
    """
    sections = _sections(configuration, job)
    if as_json:
        json.dump(_document(sections, configuration.warnings), out, indent=2, ensure_ascii=False)
        out.write("\n")
        return
    for name, settings in sections:
        out.write(f"{name or 'every job'}\n")
        out.writelines(_lines(name, settings))
        out.write("\n")
    out.writelines(f"warning: {warning}\n" for warning in configuration.warnings)


def built_jobs() -> tuple[str, ...]:
    """The jobs that this build has a package for, in the catalogue's order."""
    packages = {module.name for module in pkgutil.iter_modules(lern_pipeline.jobs.__path__)}
    return tuple(job for job in JOBS if job.replace("-", "_") in packages)


def _sections(configuration: Configuration, job: str | None) -> list[tuple[str | None, list[EffectiveSetting]]]:
    if job is not None:
        settings = configuration.for_job(job)
        return [(settings.job, settings.effective())]
    shared = configuration.shared()
    sections: list[tuple[str | None, list[EffectiveSetting]]] = [(None, shared.effective())]
    for built in built_jobs():
        sections.append((built, _own(configuration.for_job(built), shared)))
    return sections


def _own(settings: JobSettings, shared: JobSettings) -> list[EffectiveSetting]:
    """What a job has beside the common settings, or has otherwise."""
    common = {setting.name: setting for setting in shared.effective()}
    return [
        setting
        for setting in settings.effective()
        if setting != common.get(setting.name) or settings.values[setting.name] != shared.values[setting.name]
    ]


def _document(
    sections: Sequence[tuple[str | None, list[EffectiveSetting]]], warnings: Iterable[str]
) -> dict[str, object]:
    (job, settings), *others = sections
    document: dict[str, object] = {"job": job, "settings": _rows(settings)}
    if job is None:
        document["jobs"] = [{"job": name, "settings": _rows(own)} for name, own in others]
    document["warnings"] = list(warnings)
    return document


def _rows(settings: Iterable[EffectiveSetting]) -> list[dict[str, object]]:
    return [
        {
            "name": setting.name,
            "value": list(setting.value) if isinstance(setting.value, tuple) else setting.value,
            "origin": setting.origin,
            "secret": setting.secret,
        }
        for setting in settings
    ]


def _lines(job: str | None, settings: Sequence[EffectiveSetting]) -> list[str]:
    known = variables(job)
    rows: list[tuple[str, str, str]] = []
    for setting in settings:
        why = known[setting.name].not_needed
        if why and setting.origin == "default":
            continue  # nobody set it and nothing reads it
        rows.append((setting.name, _shown(setting.value), setting.origin + (f" (not needed: {why})" if why else "")))
    names = max((len(name) for name, _, _ in rows), default=0)
    values = min(max((len(value) for _, value, _ in rows), default=0), _WIDEST_VALUE)
    return [f"  {name:<{names}}  {value:<{values}}  {origin}\n" for name, value, origin in rows]


def _shown(value: Value) -> str:
    if value is None or value == "":
        return "-"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return ", ".join(value)
    return f"{value:g}" if isinstance(value, float) else str(value)
