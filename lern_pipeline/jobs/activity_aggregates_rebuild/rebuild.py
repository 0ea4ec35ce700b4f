"""Rebuilding course batches, chunk by chunk.

The order is that of a micro-batch: a chunk is stored, its rows are written, its messages published, its end noted.
Wherever the process dies, the next run carries out the stored chunk as it is and goes on behind it.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

from lern_pipeline.events.deterministic_ids import uuid5_text
from lern_pipeline.jobs.activity_aggregates_rebuild.chunks import PlannedChunk, plan_chunk
from lern_pipeline.jobs.activity_aggregates_rebuild.course_batch import CourseBatch
from lern_pipeline.jobs.activity_aggregates_rebuild.kept import Chunk, KeptRebuild, Progress
from lern_pipeline.jobs.activity_aggregates_rebuild.learners import LearnerParts, find_learners
from lern_pipeline.jobs.activity_aggregates_rebuild.rules import messages_of
from lern_pipeline.jobs.activity_aggregates_rebuild.stored import read_completion_times
from lern_pipeline.jobs.activity_aggregates_rebuild.tally import Change, Tally
from lern_pipeline.jobs.course_progress.enrolment import EnrolmentKey
from lern_pipeline.microbatch.crash_points import crash_point
from lern_pipeline.microbatch.plan import Message
from lern_pipeline.microbatch.services import Services
from lern_pipeline.microbatch.store import BatchStore
from lern_pipeline.settings import JobSettings

Report = Callable[[str], None]
Beginning = Literal["anew", "go on", "nothing to do"]

CHUNK_LEARNERS = 500
MOST_CHANGES = 300

# What is found of an older one may be of a time that nobody remembers.
GO_ON_WITHIN_MS = 7 * 86_400_000


@dataclass(frozen=True)
class Request:
    """What a run asks for.

    ``users``: of the batch's learners only these, empty for all. ``attempts_of``: the run, or the first of those it is
    another attempt of. ``start_over``: do not go on with what a killed run left.
    """

    attempts_of: str
    users: tuple[str, ...] = ()
    dry_run: bool = False
    start_over: bool = False
    chunk_learners: int = CHUNK_LEARNERS

    @property
    def for_whom(self) -> str:
        """Tells apart what different users were asked for, without holding their ids; empty for all."""
        return uuid5_text("\n".join(sorted(set(self.users)))) if self.users else ""


@dataclass(slots=True)
class Rebuilt:
    """What a course batch's rebuild came to. ``went_on``: part of it was done by an earlier run.

    ``changes``: of a dry run, the first of them.
    """

    began_ms: int
    tally: Tally
    went_on: bool = False
    changes: list[Change] = field(default_factory=list)


def beginning(found: Progress | None, request: Request, now_ms: int) -> Beginning:
    """What to do about what an earlier run left. Pure.

    A finished rebuild counts for another attempt of the same run only: whoever asks again later wants it done again.
    """
    if found is None or request.start_over or found.for_whom != request.for_whom:
        return "anew"
    if found.finished:
        return "nothing to do" if found.attempts_of == request.attempts_of else "anew"
    return "go on" if now_ms - found.began_ms < GO_ON_WITHIN_MS else "anew"


class Rebuild:
    """Rebuilds the course batches of one run. One at a time: the jobs that write learner rows share a pool."""

    def __init__(
        self,
        settings: JobSettings,
        services: Services,
        store: BatchStore,
        report: Report = lambda line: None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """``settings`` are those of enrolment-reconciliation; ``clock``: seconds since the epoch."""
        self._settings = settings
        self._services = services
        self._store = store
        self._report = report
        self._clock = clock

    def execute(self, batches: Sequence[CourseBatch], request: Request) -> Iterator[tuple[CourseBatch, Rebuilt]]:
        """Rebuild batch after batch; each is given when it is done.

        Raises:
            ServiceUnavailable: a store or the broker does not answer; run it again, it goes on.
        """
        if request.dry_run:
            yield from self._dry_run(batches, request)
            return
        kept = {batch: KeptRebuild(self._store, batch) for batch in batches}
        went_on: set[CourseBatch] = set()
        begun: dict[CourseBatch, Progress] = {}
        for batch in batches:
            found = self._left(batch, kept[batch], request)
            if found is not None:
                went_on.add(batch)
            begun[batch] = found or self._begin(batch, kept[batch], request)
        self._find_learners(kept, begun, request)
        for batch in batches:
            progress = begun[batch]
            if not progress.finished:
                self._carry_out(batch, kept[batch], progress)
            yield batch, Rebuilt(progress.began_ms, progress.tally, batch in went_on)

    def _dry_run(self, batches: Sequence[CourseBatch], request: Request) -> Iterator[tuple[CourseBatch, Rebuilt]]:
        # Learners are kept on disk here too, but nothing of it stays.
        with tempfile.TemporaryDirectory(prefix="lern-pipeline-") as directory:
            store = BatchStore(directory, "dry-run")
            kept = {batch: KeptRebuild(store, batch) for batch in batches}
            begun = {batch: self._new(batch, request) for batch in batches}
            self._find_learners(kept, begun, request)
            for batch in batches:
                yield batch, self._compare(batch, kept[batch], begun[batch])

    def _compare(self, batch: CourseBatch, kept: KeptRebuild, progress: Progress) -> Rebuilt:
        rebuilt = Rebuilt(progress.began_ms, progress.tally)
        for number in range(1, (progress.chunks or 0) + 1):
            with _timed(rebuilt.tally):
                planned = self._planned(batch, kept, progress, number)
                rebuilt.tally.add(planned.chunk.tally)
                if len(rebuilt.changes) < MOST_CHANGES:
                    rebuilt.changes += planned.changes()
        del rebuilt.changes[MOST_CHANGES:]
        return rebuilt

    # --- beginning

    def _left(self, batch: CourseBatch, kept: KeptRebuild, request: Request) -> Progress | None:
        """What an earlier run left to go on with."""
        found = kept.progress()
        begins = beginning(found, request, int(self._clock() * 1000))
        if found is not None and begins == "nothing to do":
            self._report(f"{batch.key}: rebuilt by an earlier attempt of this run")
            return found
        if found is not None and begins == "go on":
            self._report(f"{batch.key}: going on, {found.done} of {found.chunks or '?'} chunks are done")
            return found
        if found is not None and not found.finished:
            # Its rows may be half written, its messages are still to be sent.
            self._finish_open_chunk(kept, found)
        return None

    def _begin(self, batch: CourseBatch, kept: KeptRebuild, request: Request) -> Progress:
        kept.delete()
        progress = self._new(batch, request)
        kept.write_progress(progress)
        return progress

    def _new(self, batch: CourseBatch, request: Request) -> Progress:
        now_ms = int(self._clock() * 1000)
        return Progress(
            id=uuid5_text(f"{batch.key}|{now_ms}|{request.attempts_of}"),
            began_ms=now_ms,
            attempts_of=request.attempts_of,
            for_whom=request.for_whom,
        )

    def _find_learners(
        self, kept: Mapping[CourseBatch, KeptRebuild], begun: Mapping[CourseBatch, Progress], request: Request
    ) -> None:
        parts = {
            batch: LearnerParts(kept[batch], request.chunk_learners)
            for batch, progress in begun.items()
            if progress.chunks is None
        }
        if not parts:
            return
        looking = Tally()
        with _timed(looking):
            if request.users:
                for part in parts.values():
                    for user_id in sorted(set(request.users)):
                        part.add(user_id)
                    part.end()
            else:
                self._report(f"looking for the learners of {len(parts)} course batches")
                find_learners(self._services.rows, self._settings, parts)
        for batch, part in parts.items():
            progress = begun[batch]
            progress.chunks, progress.learners = part.written, part.learners
            progress.tally.seconds += looking.seconds / len(parts)
            kept[batch].write_progress(progress)
        crash_point("after-read")

    # --- chunks

    def _carry_out(self, batch: CourseBatch, kept: KeptRebuild, progress: Progress) -> None:
        assert progress.chunks is not None
        self._report(f"{batch.key}: {progress.learners} learners in {progress.chunks} chunks")
        self._finish_open_chunk(kept, progress)
        while progress.done < progress.chunks:
            with _timed(progress.tally):
                chunk = self._planned(batch, kept, progress, progress.done + 1).chunk
                crash_point("before-plan")
                kept.write_chunk(chunk)
                crash_point("after-plan")
                self._apply(chunk, chunk.messages)
            self._note(kept, progress, chunk)
        progress.finished = True
        kept.write_progress(progress)

    def _planned(self, batch: CourseBatch, kept: KeptRebuild, progress: Progress, number: int) -> PlannedChunk:
        user_ids = kept.learners(number)
        readers = self._services.readers
        return plan_chunk(number, batch, user_ids, progress.id, readers, self._settings, self._clock())

    def _finish_open_chunk(self, kept: KeptRebuild, progress: Progress) -> None:
        """Carry out the chunk that a killed run had stored."""
        chunk = kept.chunk(progress.done + 1)
        if chunk is None:
            return
        with _timed(progress.tally):
            self._apply(chunk, None)
        self._note(kept, progress, chunk)

    def _apply(self, chunk: Chunk, messages: Sequence[Message] | None) -> None:
        """Rows, then messages; None: those that are still this chunk's to send."""
        crash_point("before-rows")
        for writes in chunk.rows:
            self._services.rows.apply(writes)
            crash_point("between-rows")
        crash_point("before-publish")
        self._services.broker.publish(self._still_to_send(chunk) if messages is None else messages)
        crash_point("after-publish")

    def _still_to_send(self, chunk: Chunk) -> list[Message]:
        """Without those of enrolments that somebody else has completed since the chunk was planned: whoever did has
        asked for the certificate."""
        completed = [EnrolmentKey(*key) for key in chunk.completed]
        if not completed:
            return []
        times = read_completion_times(self._services.rows, self._settings, completed)
        own = [key for key in completed if times.get(key) == chunk.planned_at_ms]
        return messages_of(chunk.messages, own)

    @staticmethod
    def _note(kept: KeptRebuild, progress: Progress, chunk: Chunk) -> None:
        progress.done = chunk.number
        progress.tally.add(chunk.tally)
        kept.write_progress(progress)
        kept.forget_chunk(chunk.number)
        crash_point("between-chunks")


@contextmanager
def _timed(tally: Tally) -> Iterator[None]:
    began = time.perf_counter()
    try:
        yield
    finally:
        tally.seconds += time.perf_counter() - began
