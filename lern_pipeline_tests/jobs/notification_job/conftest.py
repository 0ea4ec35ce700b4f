"""A post office in memory."""

from __future__ import annotations

from pathlib import Path

import pytest

from lern_pipeline_tests.jobs.notification_job.post_office import PostOffice


@pytest.fixture
def office(tmp_path: Path) -> PostOffice:
    """Every channel sends whatever it is given."""
    return PostOffice(str(tmp_path))
