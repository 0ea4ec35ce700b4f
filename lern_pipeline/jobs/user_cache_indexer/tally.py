"""What indexing came to (contract 13)."""

from __future__ import annotations

import msgspec


class Tally(msgspec.Struct):
    """Counts of one bucket.

    ``selected`` = ``written`` + ``unchanged`` + ``failed`` + ``gone`` (deleted from Cassandra meanwhile). ``failed``:
    the user's key is no hash. ``unusable``: users of whom a column was treated as empty, by column. ``without_userid``:
    rows that were skipped. ``copied``: anonymous users copied in mode C. ``seconds``: by stage.
    """

    selected: int = 0
    written: int = 0
    unchanged: int = 0
    failed: int = 0
    gone: int = 0
    without_userid: int = 0
    unusable: dict[str, int] = {}
    fields_removed: int = 0
    anonymous_backed_up: int = 0
    copied: int = 0
    keys_deleted: int = 0
    seconds: dict[str, float] = {}

    def spent(self, stage: str, seconds: float) -> None:
        self.seconds[stage] = self.seconds.get(stage, 0.0) + seconds
