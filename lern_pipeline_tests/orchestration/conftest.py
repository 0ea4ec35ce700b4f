"""A Dagster instance in memory and an installation on it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from dagster import DagsterInstance

from lern_pipeline_tests.orchestration.installed import Installed, install


@pytest.fixture
def instance() -> Iterator[DagsterInstance]:
    with DagsterInstance.ephemeral() as instance:
        yield instance


@pytest.fixture
def installed(instance: DagsterInstance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Installed:
    return install(instance, tmp_path, monkeypatch)
