"""Dependencies point one way: the contracts in pyproject.toml hold, and they look at what they should."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

pytestmark = pytest.mark.rules

PROJECT = Path(__file__).parents[1]
CLIENT_LIBRARIES = {"dagster", "kafka", "cassandra", "redis", "pycurl", "jwt"}


def test_the_import_contracts_hold() -> None:
    ended = subprocess.run(
        [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout


def test_rules_and_engine_are_kept_from_every_client_library() -> None:
    contracts = tomllib.loads((PROJECT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (contract,) = [one for one in contracts if "lern_pipeline.microbatch" in one.get("source_modules", ())]
    assert {"lern_pipeline.jobs", "lern_pipeline.events"} <= set(contract["source_modules"])
    assert set(contract["forbidden_modules"]) >= CLIENT_LIBRARIES
    assert "ignore_imports" not in contract


def test_rules_load_without_dagster_or_a_client_library() -> None:
    """Also what import-linter cannot see: imports inside functions, plugins, side effects."""
    program = (
        "import sys, lern_pipeline.jobs.all_jobs, lern_pipeline.microbatch.run, lern_pipeline.microbatch.planner\n"
        f"print(sorted(set({sorted(CLIENT_LIBRARIES)!r}) & sys.modules.keys()))"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "[]"
