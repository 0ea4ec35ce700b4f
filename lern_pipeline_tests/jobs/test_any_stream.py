"""What holds for any stream of events of a job: the cut into batches, order, repetitions and reruns change nothing.

What the contracts except is named in ``streams.py``, with each job. Activity aggregates have properties of their own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lern_pipeline.microbatch.store import BatchStore
from lern_pipeline_tests.jobs.stream import Stream, said
from lern_pipeline_tests.jobs.streams import STREAMS

pytestmark = pytest.mark.rules

#: Later than whatever a platform has been given.
LATER = 1_800_000_100.0

every_job = pytest.mark.parametrize("stream", STREAMS, ids=lambda stream: stream.job)


@contextmanager
def platform(stream: Stream, given_: Any) -> Iterator[Any]:
    base = f"memory://{uuid4()}"
    made = stream.make(base, given_)
    try:
        yield made
    finally:
        for key in made.keys:
            BatchStore(base, stream.job).delete(str(key))


def run(stream: Stream, there: Any, events: Sequence[Any], now: float = LATER) -> Any:
    """One batch of these events."""
    for event in events:
        stream.send(there, event)
    account = there.run(now).account
    assert account.consumed == len(events)
    assert account.balances
    return account


@every_job
@settings(max_examples=40)
@given(st.data())
def test_the_cut_into_batches_does_not_matter(stream: Stream, data: st.DataObject) -> None:
    given_, events = data.draw(stream.given), data.draw(stream.events)
    cuts = data.draw(st.sets(st.integers(1, len(events))))
    with platform(stream, given_) as whole, platform(stream, given_) as cut:
        run(stream, whole, events)
        start = 0
        for end in sorted({*cuts, len(events)}):
            run(stream, cut, events[start:end], LATER + end)
            start = end
        assert stream.state(cut) == stream.state(whole)
        assert stream.told_in_any_cut(cut) == stream.told_in_any_cut(whole)
        assert set(said(cut, stream.failed)) == set(said(whole, stream.failed))


@every_job
@settings(max_examples=40)
@given(st.data())
def test_the_order_of_events_and_their_repetitions_do_not_matter(stream: Stream, data: st.DataObject) -> None:
    given_, events = data.draw(stream.given), data.draw(stream.events)
    repeated = stream.repeated(events, data.draw)
    with platform(stream, given_) as plain, platform(stream, given_) as other:
        run(stream, plain, events)
        run(stream, other, repeated)
        assert stream.state(other) == stream.state(plain)
        assert stream.told(other) == stream.told(plain)
        assert set(said(other, stream.failed)) == set(said(plain, stream.failed))


@every_job
@settings(max_examples=30)
@given(st.data())
def test_events_that_come_again_change_nothing_and_tell_nothing_new(stream: Stream, data: st.DataObject) -> None:
    given_, events = data.draw(stream.given), data.draw(stream.events)
    with platform(stream, given_) as there:
        run(stream, there, events)
        state, told, failed = stream.state(there), stream.told_once(there), set(said(there, stream.failed))
        run(stream, there, events, LATER + 60)
        assert stream.state(there) == state
        assert stream.told_once(there) == told
        assert set(said(there, stream.failed)) == failed


@every_job
@settings(max_examples=30)
@given(st.data())
def test_a_batch_run_again_changes_nothing_and_sends_nothing_also_after_others(
    stream: Stream, data: st.DataObject
) -> None:
    given_ = data.draw(stream.given)
    with platform(stream, given_) as there:
        before = len(there.keys)
        for number in range(2):
            run(stream, there, data.draw(stream.events), LATER + number)
        state, sent = stream.left_alone(there), list(there.world.broker.published)
        again = data.draw(st.integers(before, len(there.keys) - 1))
        for attempt in (1, 2):
            there.execute(there.keys[again], LATER + 3600 * attempt, rerun=True)
            assert stream.left_alone(there) == state
            assert there.world.broker.published == sent
