"""Tables that the pipeline keeps for itself, in a keyspace of its own (design 5)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class OwnTable:
    """A table as data. ``columns``: name and CQL type; ``clustering``: the key columns behind the partition's;
    ``expires_after``: seconds that a row is kept, as the table is made with; None for ever."""

    keyspace: str
    name: str
    columns: Mapping[str, str]
    partition: tuple[str, ...]
    clustering: tuple[str, ...] = ()
    expires_after: int | None = None

    @property
    def full_name(self) -> str:
        """As :attr:`lern_pipeline.microbatch.plan.RowWrites.table` has it."""
        return f"{self.keyspace}.{self.name}"

    @property
    def key(self) -> tuple[str, ...]:
        return (*self.partition, *self.clustering)

    def statement(self) -> str:
        """The CQL that makes it."""
        columns = "".join(f"{name} {type_}, " for name, type_ in self.columns.items())
        clustering = "".join(f", {name}" for name in self.clustering)
        key = f"PRIMARY KEY (({', '.join(self.partition)}){clustering})"
        expiry = "" if self.expires_after is None else f" WITH default_time_to_live = {self.expires_after}"
        return f"CREATE TABLE IF NOT EXISTS {self.full_name} ({columns}{key}){expiry}"
