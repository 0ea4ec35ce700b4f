from __future__ import annotations

from pathlib import Path

import pytest

import lern_pipeline
from lern_pipeline.settings.catalogue import AREAS
from lern_pipeline.settings.reference import PAGE, page

pytestmark = pytest.mark.rules


def test_the_committed_page_is_the_generated_one():
    committed = Path(lern_pipeline.__file__).parents[1] / PAGE

    assert committed.read_text(encoding="utf-8") == page(), "run python -m lern_pipeline.settings.reference"


def test_every_variable_is_on_the_page():
    text = page()

    for area in AREAS:
        for variable in area.variables:
            assert all(f"`{name}`" in text for name in variable.names())
