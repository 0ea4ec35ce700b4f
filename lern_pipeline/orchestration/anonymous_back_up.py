"""Back-ups of anonymous users as CSV files, a file for each run (contract user-cache-indexer 3.1, R3)."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path

from lern_pipeline.jobs.user_cache_indexer.anonymous import HEADER, AnonymousUser, csv_rows


class AnonymousBackUp:
    """Appends to a file of its own, which is there once anybody was backed up. Readable by its owner only."""

    def __init__(self, directory: Path, moment: datetime, run_id: str) -> None:
        self.path = directory / f"anonymous-users-{moment:%Y%m%dT%H%M%SZ}-{run_id[:8]}.csv"

    def add(self, users: list[AnonymousUser]) -> None:
        """Keep some users; on disk when this returns."""
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(descriptor, "a", encoding="utf-8") as file:
            if file.tell() == 0:
                file.write(",".join(HEADER) + "\n")
            file.write(csv_rows(users))
            file.flush()
            os.fsync(file.fileno())
