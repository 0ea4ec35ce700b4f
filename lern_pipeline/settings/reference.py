"""Writes the reference page of all variables from the catalogue: `python -m lern_pipeline.settings.reference`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from lern_pipeline.settings.catalogue import AREAS, JOBS
from lern_pipeline.settings.environment import RESERVED
from lern_pipeline.settings.variable import Area, Variable, environment_name

PAGE = Path("docs") / "configuration.md"

_EXAMPLE_NAME = "activity.input.dedup.enabled"
_EXAMPLE_JOB = "activity-aggregate-updater"

_INTRODUCTION = f"""\
# Configuration

Generated from the catalogue in `lern_pipeline/settings/catalogue`; write it anew with
`python -m lern_pipeline.settings.reference`.

`LERN_PIPELINE_CONFIG` names

* one file, YAML (`.yaml`, `.yml`) or HOCON (`.conf`, `.hocon`). Names may be nested or dotted. What it says applies to
  every job that has the variable; a block `jobs.<job name>` wins for one job:

  ```yaml
  env: dev
  kafka:
    broker-servers: broker-1:9092,broker-2:9092
  lms-cassandra.host: cassandra
  jobs:
    {_EXAMPLE_JOB}:
      {_EXAMPLE_NAME}: false
  ```

* or a directory with the `.conf` files that an installation has for its existing jobs: `base-config.conf` for all,
  `<job name>.conf` for one. Includes and substitutions, also of environment variables, work.

Environment variables override both: `LERN_PIPELINE_` and the name in capitals, every other character an underscore,
optionally for one job:

```
{environment_name("lms-cassandra.host")}=cassandra
{environment_name(_EXAMPLE_NAME, _EXAMPLE_JOB)}=false
```

Rising precedence: documented default, file, the job's block or own file, environment variable, the job's environment
variable. `lern-pipeline config [--job NAME]` prints what is in effect and where it comes from.

* Numbers and booleans may be quoted. Lists may be lists, JSON, or texts with commas.
* `{{env}}` and `{{{{env}}}}` in a text stand for the environment's name.
* An unknown name is refused, with the nearest known one; in a directory's `.conf` files it is a warning, since those
  carry entries of other systems. An unknown environment variable that begins with `LERN_PIPELINE_` is refused too;
  reserved are {", ".join(f"`{name}`" for name in sorted(RESERVED))}.
* Secrets (marked 🔒) belong in the environment. In a file they are accepted with a warning.
* A default *as `name`* is the effective value of that other variable.

Jobs: {", ".join(f"`{job}`" for job in JOBS)}.
"""


def page() -> str:
    """The whole page as Markdown."""
    return "\n".join([_INTRODUCTION, *(_table(area) for area in AREAS)])


def _table(area: Area) -> str:
    return "\n".join([f"## {area.title}", "", area.about, "", *_rows(area), ""])


def _rows(area: Area) -> Iterator[str]:
    yield "| Name | Default | Meaning | Also accepted as | Jobs |"
    yield "|---|---|---|---|---|"
    for variable in area.variables:
        cells = (
            f"`{variable.name}`" + (" 🔒" if variable.secret else ""),
            _default(variable),
            _meaning(variable),
            ", ".join(f"`{alias}`" for alias in variable.aliases),
            ", ".join(variable.jobs) or "all",
        )
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _default(variable: Variable) -> str:
    own = _own_default(variable)
    if not variable.falls_back_to:
        return own
    borrowed = f"as `{variable.falls_back_to}`" + (" on the same server" if variable.on_same_server else "")
    return borrowed if variable.default is None else f"{borrowed}, else {own}"


def _own_default(variable: Variable) -> str:
    default = variable.default
    if default is None:
        return "–"
    if default == "":
        return "empty"
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    if isinstance(default, tuple):
        return ", ".join(f"`{item}`" for item in default)
    return f"`{default}`"


def _meaning(variable: Variable) -> str:
    if variable.not_needed:
        return f"Not needed: {variable.not_needed}."
    choices = ", ".join(f"`{choice}`" for choice in variable.choices)
    return variable.meaning + (f" One of {choices}." if choices else "")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
