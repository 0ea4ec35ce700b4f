"""DAGSTER_HOME: where it is, and that it holds a ``dagster.yaml``."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from lern_pipeline.local.paths import default_directory

PACKAGE = Path(__file__).resolve().parents[1]


def shipped_dagster_yaml() -> Path:
    """The instance configuration that comes with the package (in a checkout: at the top level)."""
    for candidate in (PACKAGE / "dagster.yaml", PACKAGE.parent / "dagster.yaml"):
        if candidate.exists():
            return candidate
    raise FileNotFoundError("dagster.yaml is missing from the package")


def dagster_home() -> Path:
    """The home that the environment names, else one beside the local stack; made ready and put into the environment."""
    named = os.environ.get("DAGSTER_HOME")
    home = Path(named).resolve() if named else default_directory() / "dagster"
    home.mkdir(parents=True, exist_ok=True)
    if not (home / "dagster.yaml").exists():
        shutil.copyfile(shipped_dagster_yaml(), home / "dagster.yaml")
    os.environ["DAGSTER_HOME"] = str(home)
    return home
