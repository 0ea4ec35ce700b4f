"""Where a batch's records and plans are kept: a local directory or any fsspec URL.

``<base>/<job>/<key>/records.msgpack.zst``, ``plan-0001.msgpack.zst``, ``conclusion-0001.msgpack.zst`` of plans with
effects or refused updates, ``applied-0001``; of a shredded batch only ``shredded``. Readable by the owner only where
the file system knows owners. A file is there whole or not at all.
"""

from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import zstandard
from upath import UPath

from lern_pipeline.events.record import Record
from lern_pipeline.microbatch.plan import Plan
from lern_pipeline.microbatch.plan_encoding import decode_plan, encode_plan

_records_encoder = msgspec.msgpack.Encoder()
_records_decoder = msgspec.msgpack.Decoder(list[Record])

RECORDS = "records.msgpack.zst"
SHREDDED = "shredded"


class BatchStore:
    """Archive and plans of one job's batches."""

    def __init__(self, base: str, job: str) -> None:
        # As a plain path: a file URL's path knows neither owners nor hard links.
        self._job = UPath(base.removeprefix("file://")) / job

    @property
    def url(self) -> str:
        return str(self._job)

    def _batch(self, key: str) -> Any:
        return self._job / key

    def write_records(self, key: str, records: Sequence[Record]) -> int:
        """Archive the raw records of a batch. Returns the bytes stored."""
        data = _compress([_records_encoder.encode(records)])
        self._write(self._batch(key) / RECORDS, data)
        return len(data)

    def read_records(self, key: str) -> list[Record] | None:
        """The archived records, None where the batch has no archive (any more)."""
        data = self._read(self._batch(key) / RECORDS)
        return None if data is None else _records_decoder.decode(_decompress(data))

    def write_plan(self, plan: Plan) -> tuple[Plan, int]:
        """Store a plan durably, unless one of that number is there: the first plan stored is the batch's plan.

        Two runs of one batch at the same moment may both have computed a plan; both then carry out the same one.

        Returns:
            The plan to carry out, and the bytes stored (0 if it was there).
        """
        data = _compress(encode_plan(plan))
        if self._write(self._batch(plan.key) / _plan_name(plan.number), data, only_first=True):
            return plan, len(data)
        first = self._read(self._batch(plan.key) / _plan_name(plan.number))
        if first is None:
            raise FileNotFoundError(f"plan {plan.number} of {plan.key} was there and is gone again")
        return decode_plan(_decompress(first)), 0

    def newest_plan(self, key: str) -> Plan | None:
        """The batch's plan with the highest number, None before the first."""
        numbers = self._numbers(key, "plan-")
        if not numbers:
            return None
        data = self._read(self._batch(key) / _plan_name(max(numbers)))
        return None if data is None else decode_plan(_decompress(data))

    def write_conclusion(self, plan: Plan) -> None:
        """Keep what a plan came to that effects, or documents that could not be updated, have changed."""
        data = _compress(encode_plan(plan))
        self._write(self._batch(plan.key) / _conclusion_name(plan.number), data)

    def conclusion(self, plan: Plan) -> Plan:
        """What the plan came to: itself, unless it was changed on its way."""
        data = self._read(self._batch(plan.key) / _conclusion_name(plan.number))
        return plan if data is None else decode_plan(_decompress(data))

    def mark_applied(self, plan: Plan) -> None:
        """Everything in the plan has been done."""
        self._write(self._batch(plan.key) / f"applied-{plan.number:04d}", b"")

    def is_applied(self, plan: Plan) -> bool:
        return plan.number in self._numbers(plan.key, "applied-")

    def write_part(self, key: str, name: str, data: bytes) -> None:
        """Keep something else of ``key``, compressed, in place of what stood under the name."""
        self._write(self._batch(key) / name, _compress([data]))

    def read_part(self, key: str, name: str) -> bytes | None:
        """What :meth:`write_part` kept; None where there is nothing."""
        data = self._read(self._batch(key) / name)
        return None if data is None else _decompress(data)

    def delete_part(self, key: str, name: str) -> None:
        """Forget it; nothing happens where there is nothing."""
        with contextlib.suppress(FileNotFoundError):
            (self._batch(key) / name).unlink()

    def delete(self, key: str) -> None:
        """Forget a batch's archive and plans."""
        batch = self._batch(key)
        if batch.exists():
            for file in list(batch.iterdir()):
                file.unlink()
            with contextlib.suppress(OSError, FileNotFoundError):
                batch.rmdir()

    def contents(self, key: str) -> Iterator[bytes]:
        """What is kept of the batch, file by file, as it was before it was compressed."""
        for name in self._names(key):
            if name.endswith(".zst"):
                data = self._read(self._batch(key) / name)
                if data is not None:
                    yield _decompress(data)

    def shred(self, key: str, why: str) -> None:
        """Forget a batch's archive and plans, and keep why: it cannot be run again."""
        # First: half shredded it could be taken for a batch that never ran.
        self._write(self._batch(key) / SHREDDED, why.encode())
        for name in self._names(key):
            if name != SHREDDED:
                with contextlib.suppress(FileNotFoundError):
                    (self._batch(key) / name).unlink()

    def why_shredded(self, key: str) -> str | None:
        """What :meth:`shred` was told; None for a batch that was not shredded."""
        data = self._read(self._batch(key) / SHREDDED)
        return None if data is None else data.decode()

    def keys(self) -> list[str]:
        """Keys of the batches that have anything stored."""
        if not self._job.exists():
            return []
        return sorted(entry.name for entry in self._job.iterdir())

    def _numbers(self, key: str, prefix: str) -> list[int]:
        return [int(name[len(prefix) :].split(".")[0]) for name in self._names(key) if name.startswith(prefix)]

    def _names(self, key: str) -> list[str]:
        try:
            return sorted(entry.name for entry in self._batch(key).iterdir())
        except (FileNotFoundError, NotADirectoryError):
            return []

    @staticmethod
    def _read(path: Any) -> bytes | None:
        try:
            data: bytes = path.read_bytes()
        except FileNotFoundError:
            return None
        return data

    @staticmethod
    def _write(path: Any, data: bytes, only_first: bool = False) -> bool:
        """False if ``only_first`` and the file is there."""
        if isinstance(path, Path):
            return _write_durably(path, data, only_first)
        if only_first and path.exists():
            return False
        path.parent.mkdir(parents=True, exist_ok=True)
        # Object stores put a whole object or none.
        path.write_bytes(data)
        return True


def _plan_name(number: int) -> str:
    return f"plan-{number:04d}.msgpack.zst"


def _conclusion_name(number: int) -> str:
    return f"conclusion-{number:04d}.msgpack.zst"


def _write_durably(path: Path, data: bytes, only_first: bool) -> bool:
    """Write, flush to disk and rename, so that a crash leaves the whole file or none."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    # Not by process id: two containers on one volume may have the same.
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    if only_first:
        try:
            os.link(temporary, path)
        except FileExistsError:
            return False
        finally:
            temporary.unlink()
    else:
        temporary.replace(path)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
    return True


def _compress(pieces: Iterable[bytes]) -> bytes:
    """Never all pieces at once. As a stream: the other way reserves as much memory again as the data takes."""
    compressor = zstandard.ZstdCompressor(level=1).compressobj()
    return b"".join(map(compressor.compress, pieces)) + compressor.flush()


def _decompress(data: bytes) -> bytes:
    return zstandard.ZstdDecompressor().decompressobj().decompress(data)
