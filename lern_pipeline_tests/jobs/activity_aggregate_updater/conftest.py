"""Learners on stores in memory."""

from __future__ import annotations

from pathlib import Path

import pytest

from lern_pipeline_tests.jobs.activity_aggregate_updater.learners import Learners


@pytest.fixture
def learners(tmp_path: Path) -> Learners:
    """With the course of the contract's worked examples."""
    learners = Learners(str(tmp_path))
    learners.course_9001()
    return learners
