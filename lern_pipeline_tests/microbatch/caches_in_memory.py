"""Redis in memory."""

from __future__ import annotations

import fnmatch
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from lern_pipeline.microbatch.plan import (
    CacheWrites,
    DeleteKey,
    ReplaceSet,
    UpdateHash,
)
from lern_pipeline.microbatch.stores import HashChanges, WrongType
from lern_pipeline_tests.microbatch.journal import Journal


class InMemoryCaches:
    """Redis databases of all servers: sets and strings; reading a string as a set finds nothing."""

    def __init__(self, journal: Journal | None = None) -> None:
        self.journal: Journal = [] if journal is None else journal
        self.databases: dict[tuple[str, int], dict[str, frozenset[str] | str | dict[str, str]]] = {}
        self.expiries: dict[str, int | None] = {}
        self.reads: Counter[str] = Counter()

    def database(self, server: str, database: int) -> dict[str, frozenset[str] | str | dict[str, str]]:
        return self.databases.setdefault((server, database), {})

    def sets(self, server: str, database: int, keys: Iterable[str]) -> dict[str, frozenset[str]]:
        found = self.members(server, database, keys)
        return {key: frozenset() if members is WrongType.WRONG_TYPE else members for key, members in found.items()}

    def members(self, server: str, database: int, keys: Iterable[str]) -> dict[str, frozenset[str] | WrongType]:
        there = self.database(server, database)
        asked = list(dict.fromkeys(keys))
        self.reads.update(asked)
        found = {key: there.get(key, frozenset()) for key in asked}
        return {key: value if isinstance(value, frozenset) else WrongType.WRONG_TYPE for key, value in found.items()}

    def texts(self, server: str, database: int, keys: Iterable[str]) -> dict[str, str | WrongType | None]:
        there = self.database(server, database)
        asked = list(dict.fromkeys(keys))
        self.reads.update(asked)
        found = {key: there.get(key) for key in asked}
        return {
            key: WrongType.WRONG_TYPE if isinstance(value, frozenset | dict) else value for key, value in found.items()
        }

    def hashes(self, server: str, database: int, keys: Iterable[str]) -> dict[str, dict[str, str] | WrongType]:
        there = self.database(server, database)
        asked = list(dict.fromkeys(keys))
        self.reads.update(asked)
        found = {key: there.get(key, {}) for key in asked}
        return {key: dict(v) if isinstance(v, dict) else WrongType.WRONG_TYPE for key, v in found.items()}

    def existing(self, server: str, database: int, keys: Iterable[str]) -> set[str]:
        return set(keys) & self.database(server, database).keys()

    def change_hashes(self, server: str, database: int, keys: Sequence[str], changes: HashChanges) -> None:
        there = self.database(server, database)
        while True:
            before = {key: there.get(key) for key in keys}
            planned = changes(self.hashes(server, database, keys))
            if {key: there.get(key) for key in keys} == before:
                self.apply(CacheWrites(server, database, [list(planned)] if planned else []))
                return

    def keys(self, server: str, database: int, pattern: str, count: int) -> Iterator[list[str]]:
        yield sorted(fnmatch.filter(self.database(server, database), pattern))

    def random_keys(self, server: str, database: int, count: int) -> set[str]:
        return set(sorted(self.database(server, database))[:count])

    def hash_fields(
        self, server: str, database: int, keys: Iterable[str], fields: Sequence[str]
    ) -> dict[str, tuple[str | None, ...]]:
        found = self.hashes(server, database, keys)
        return {key: tuple(map(v.get, fields)) for key, v in found.items() if not isinstance(v, WrongType)}

    def apply(self, writes: CacheWrites) -> None:
        there = self.database(writes.server, writes.database)
        for transaction in writes.transactions:
            self.journal.append(f"cache {writes.server}/{writes.database}")
            for change in transaction:
                if isinstance(change, DeleteKey):
                    there.pop(change.key, None)
                elif isinstance(change, ReplaceSet):
                    there[change.key] = frozenset(change.members)
                elif isinstance(change, UpdateHash):
                    before = there.get(change.key, {})
                    assert isinstance(before, dict), "WRONGTYPE"
                    kept = {name: value for name, value in before.items() if name not in change.removed}
                    there[change.key] = kept | change.fields
                else:
                    there[change.key] = change.value
                    self.expiries[change.key] = change.expiry

    def close(self) -> None:
        """Nothing was opened."""
