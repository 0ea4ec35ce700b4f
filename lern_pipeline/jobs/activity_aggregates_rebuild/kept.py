"""What is kept of a rebuild between its chunks, so that a killed run can be started again.

Per course batch one directory beside the micro-batches' plans: the progress, the learners still to come in parts of
one chunk each, and the chunk that is being carried out, which is there before its first write. What is done goes.
"""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from lern_pipeline.events.deterministic_ids import uuid5_text
from lern_pipeline.jobs.activity_aggregates_rebuild.course_batch import CourseBatch
from lern_pipeline.jobs.activity_aggregates_rebuild.tally import Tally
from lern_pipeline.microbatch.plan import Message, RowWrites
from lern_pipeline.microbatch.store import BatchStore

STORE = "activity-aggregates-rebuild"

# File systems take names of 255 bytes.
LONGEST_NAME = 200

_PROGRESS = "progress.msgpack.zst"
T = TypeVar("T")


class Progress(msgspec.Struct):
    """How far a rebuild has come.

    ``id`` makes the ids of its messages. ``attempts_of``: the run that began it, with those that are attempts at the
    same; ``for_whom``: see :attr:`.rebuild.Request.for_whom`; ``chunks`` is None until all learners have been found;
    ``done``: chunks carried out; ``finished``: the tally is what the rebuild came to.
    """

    id: str
    began_ms: int
    attempts_of: str
    for_whom: str = ""
    chunks: int | None = None
    learners: int = 0
    done: int = 0
    finished: bool = False
    tally: Tally = msgspec.field(default_factory=Tally)


class Chunk(msgspec.Struct):
    """Everything that some of the learners need, as data; stored before the first write, as a plan is.

    ``completed``: (user, course, batch) of the enrolments that it completes.
    """

    number: int
    planned_at_ms: int
    rows: list[RowWrites] = []
    messages: list[Message] = []
    completed: list[tuple[str, str, str]] = []
    tally: Tally = msgspec.field(default_factory=Tally)


_as_progress = msgspec.msgpack.Decoder(Progress)
_as_learners = msgspec.msgpack.Decoder(list[str])
_as_chunk = msgspec.msgpack.Decoder(Chunk)


class KeptRebuild:
    """The files of one course batch."""

    def __init__(self, store: BatchStore, batch: CourseBatch) -> None:
        self._store = store
        self._key = batch.key if len(batch.key) <= LONGEST_NAME else uuid5_text(batch.key)

    def progress(self) -> Progress | None:
        return self._read(_PROGRESS, _as_progress)

    def write_progress(self, progress: Progress) -> None:
        self._write(_PROGRESS, progress)

    def learners(self, number: int) -> list[str]:
        """User ids of a chunk.

        Raises:
            FileNotFoundError: somebody deleted them.
        """
        found = self._read(_learners(number), _as_learners)
        if found is None:
            raise FileNotFoundError(f"{self._store.url}/{self._key}/{_learners(number)} is gone")
        return found

    def write_learners(self, number: int, user_ids: list[str]) -> None:
        self._write(_learners(number), user_ids)

    def chunk(self, number: int) -> Chunk | None:
        return self._read(_chunk(number), _as_chunk)

    def write_chunk(self, chunk: Chunk) -> None:
        self._write(_chunk(chunk.number), chunk)

    def forget_chunk(self, number: int) -> None:
        """It is done: neither its learners nor its rows are needed any more."""
        self._store.delete_part(self._key, _chunk(number))
        self._store.delete_part(self._key, _learners(number))

    def delete(self) -> None:
        """Forget everything."""
        self._store.delete(self._key)

    def _write(self, name: str, value: Any) -> None:
        self._store.write_part(self._key, name, msgspec.msgpack.encode(value))

    def _read(self, name: str, decoder: msgspec.msgpack.Decoder[T]) -> T | None:
        data = self._store.read_part(self._key, name)
        return None if data is None else decoder.decode(data)


def _learners(number: int) -> str:
    return f"learners-{number:06d}.msgpack.zst"


def _chunk(number: int) -> str:
    return f"chunk-{number:06d}.msgpack.zst"
