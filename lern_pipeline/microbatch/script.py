"""What is done about one subject (an enrolment, a message) as a script: step after step, each with what came of the
one before.

A script is a generator. It yields a :class:`Step` and gets the outcomes of its effects. The scripts of a micro-batch
go side by side: what all of them wait for is one stage of the plan. Scripts are run from their beginning each time, so
they must do the same with the same outcomes.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from lern_pipeline.microbatch.effects import Outcome, Stage
from lern_pipeline.microbatch.plan import Effect, Message, RowWrites

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Step:
    """Rows, then messages, then effects, of which there is at least one: its outcome tells that the step was done."""

    effects: Sequence[Effect]
    rows: Sequence[RowWrites] = field(default=())
    messages: Sequence[Message] = field(default=())


Script = Generator[Step, Mapping[str, Outcome], Value]


def next_stage(scripts: Iterable[Script[Any]], outcomes: Mapping[str, Outcome]) -> Stage | None:
    """What the scripts wait for, when these outcomes are known; None when all have ended."""
    stage = Stage()
    waiting = False
    rows: dict[Any, RowWrites] = {}
    for script in scripts:
        step = _first_open_step(script, outcomes)
        if step is None:
            continue
        waiting = True
        stage.effects += step.effects
        stage.messages += step.messages
        for writes in step.rows:
            together = rows.setdefault(writes.shape, RowWrites(*writes.shape[:-1], rows=[], insert=writes.insert))
            together.rows += writes.rows
    stage.rows = list(rows.values())
    return stage if waiting else None


def _first_open_step(script: Script[Any], outcomes: Mapping[str, Outcome]) -> Step | None:
    try:
        step = next(script)
        while all(effect.key in outcomes for effect in step.effects):
            assert step.effects, "nothing would tell that the step was done"
            step = script.send(outcomes)
    except StopIteration:
        return None
    return step
