"""What is kept of a run, so that another attempt of it does not do again what is done (contract 10)."""

from __future__ import annotations

from array import array

import msgspec

from lern_pipeline.jobs.user_cache_indexer.buckets import Bucket
from lern_pipeline.jobs.user_cache_indexer.tally import Tally
from lern_pipeline.microbatch.store import BatchStore

STORE = "user-cache-indexer"

_PROGRESS = "progress.msgpack.zst"
_TOKENS = "tokens.zst"


class Progress(msgspec.Struct):
    """A bucket whose users are all indexed. ``parameters``: what was asked for; ``attempts_of``: the run, or the first
    of those that are attempts at the same; ``swept``: keys of nobody are deleted too, where that was asked for."""

    attempts_of: str
    parameters: dict[str, str]
    tally: Tally
    swept: bool = False


_progress = msgspec.msgpack.Decoder(Progress)


class KeptBuckets:
    """One directory per bucket, beside the micro-batches' plans."""

    def __init__(self, store: BatchStore) -> None:
        self._store = store

    def progress(self, bucket: Bucket) -> Progress | None:
        data = self._store.read_part(bucket.key, _PROGRESS)
        return None if data is None else _progress.decode(data)

    def write_progress(self, bucket: Bucket, progress: Progress) -> None:
        self._store.write_part(bucket.key, _PROGRESS, msgspec.msgpack.encode(progress))

    def tokens(self, bucket: Bucket) -> array[int]:
        """Tokens of the users that Cassandra has, until they are forgotten."""
        tokens: array[int] = array("q")
        tokens.frombytes(self._store.read_part(bucket.key, _TOKENS) or b"")
        return tokens

    def write_tokens(self, bucket: Bucket, tokens: array[int]) -> None:
        self._store.write_part(bucket.key, _TOKENS, tokens.tobytes())

    def forget_tokens(self, bucket: Bucket) -> None:
        self._store.delete_part(bucket.key, _TOKENS)
