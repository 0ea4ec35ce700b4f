"""Accounts on stores in memory."""

from __future__ import annotations

from pathlib import Path

import pytest

from lern_pipeline_tests.jobs.merge_user_courses.accounts import Accounts


@pytest.fixture
def accounts(tmp_path: Path) -> Accounts:
    """None has anything yet."""
    return Accounts(str(tmp_path))
