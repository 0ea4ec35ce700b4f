"""Who asks and who does not when a service stays silent."""

from __future__ import annotations

import pytest

from lern_pipeline.resources.respite import Respite

pytestmark = pytest.mark.rules


def test_after_so_many_unanswered_calls_in_a_row_there_is_a_respite() -> None:
    now = [0.0]
    respite = Respite(limit=2, seconds=10, clock=lambda: now[0])
    respite.unanswered("first")
    assert respite.reason() is None
    respite.answered()
    respite.unanswered("second")
    assert respite.reason() is None
    respite.unanswered("third")
    assert respite.reason() == "third"
    now[0] = 10.0
    assert respite.reason() is None
    # Still silent: one call is enough now.
    respite.unanswered("fourth")
    assert respite.reason() == "fourth"
