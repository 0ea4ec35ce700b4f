"""The masks of recorded scenarios."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from lern_pipeline_tests.golden.masks import RunWindow, matches

pytestmark = pytest.mark.rules

START = datetime(2026, 3, 4, 10, 20, 30, 250_000, tzinfo=UTC)
WINDOW = RunWindow(START, START + timedelta(seconds=10))
MS = int(START.timestamp() * 1000) + 5_000
UUID = "0b0e5a3c-7c0f-5d2a-9a39-1f4b0c8f7a11"


@pytest.mark.parametrize(
    "value",
    [
        MS,
        MS / 1000,
        MS // 1000,
        str(MS),
        "2026-03-04 10:20:35.250Z",
        "2026-03-04 10:20:35.250000+0000",
        "2026-03-04 10:20:35:250+0000",
        "2026-03-04T10:20:35.25Z",
        "2026-03-04T15:50:35+05:30",
        "2026-03-04 10:20:30",
        "2026-03-04 10:20",
        "2026-03-04",
    ],
)
def test_now_is_a_time_of_the_run_in_any_form(value: object) -> None:
    assert matches("<now>", value, WINDOW)


@pytest.mark.parametrize(
    "value",
    [
        None, True, "", "now", 0, -1, 10**30, float("inf"), MS - 60_000, MS + 60_000, "2026-03-04 10:20:29Z",
        "2026-03-04 10:21:00Z", "2026-03-05", "2026-02-30", "2026-03-04 10:20:35+0530", [], {},
    ],
    ids=str,
)  # fmt: skip
def test_now_is_nothing_else(value: object) -> None:
    assert not matches("<now>", value, WINDOW)


def test_ms_is_a_number_of_milliseconds_of_the_run() -> None:
    assert matches("<ms>", MS, WINDOW)
    for value in (MS // 1000, float(MS), str(MS), MS - 60_000, True, None):
        assert not matches("<ms>", value, WINDOW)


def test_uuid_alone_and_inside_a_text() -> None:
    assert matches("<uuid>", UUID, WINDOW)
    assert matches("<uuid>", UUID.upper(), WINDOW)
    assert matches(f"LP.AUDIT.{'<uuid>'}", f"LP.AUDIT.{UUID}", WINDOW)
    for value in (UUID[:-1], UUID + "0", UUID.replace("-", ""), f"x{UUID}", None, 7):
        assert not matches("<uuid>", value, WINDOW)


def test_several_masks_in_one_text() -> None:
    assert matches("LP.<ms>.<uuid>", f"LP.{MS}.{UUID}", WINDOW)
    assert not matches("LP.<ms>.<uuid>", f"LP.{MS - 60_000}.{UUID}", WINDOW)
    assert not matches("LP.<ms>.<uuid>", f"LP_{MS}.{UUID}", WINDOW)
    assert matches("at <now>: <any>.", "at 2026-03-04 10:20:35.250Z: a\nb.", WINDOW)
    assert not matches("at <now>: <any>.", "at 2025-03-04 10:20:35.250Z: a.", WINDOW)


def test_any() -> None:
    values: list[object] = [None, 1, "", [], {"a": 1}]
    for value in values:
        assert matches("<any>", value, WINDOW)
    assert matches("<any>rc01<any>", "xrc01y", WINDOW)
    assert matches("<any>rc01<any>", "rc01", WINDOW)
    assert matches("<any>rc01<any>", {"id": ["u_rc01"]}, WINDOW)
    assert not matches("<any>rc01<any>", {"id": ["u_rc02"]}, WINDOW)
    assert not matches("<any>rc01<any>", "rc02", WINDOW)
    assert not matches("<any>rc01<any>", 1, WINDOW)


def test_other_characters_of_a_masked_text_stand_for_themselves() -> None:
    assert matches("a.b(<any>)+", "a.b(1)+", WINDOW)
    assert not matches("a.b(<any>)", "aXb(1)", WINDOW)
