"""Certificates on stores in memory."""

from __future__ import annotations

from pathlib import Path

import pytest

from lern_pipeline_tests.jobs.collection_cert_pre_processor.certificates import Certificates


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    """Nothing is given yet."""
    return Certificates(str(tmp_path))


@pytest.fixture
def state_s(certificates: Certificates) -> Certificates:
    """State S of the contract's worked examples."""
    certificates.state_s()
    return certificates
