"""Assessments on stores in memory."""

from __future__ import annotations

from pathlib import Path

import pytest

from lern_pipeline_tests.jobs.assessment_aggregator.assessments import Assessments


@pytest.fixture
def assessments(tmp_path: Path) -> Assessments:
    """With the course of the contract's worked examples."""
    return Assessments(str(tmp_path))
