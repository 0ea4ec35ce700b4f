"""An installation in memory with the examples' common data."""

from __future__ import annotations

from pathlib import Path

import pytest

from lern_pipeline_tests.jobs.user_cache_indexer.cassandra_users import Indexing


@pytest.fixture
def indexing(tmp_path: Path) -> Indexing:
    return Indexing(tmp_path / "store")
