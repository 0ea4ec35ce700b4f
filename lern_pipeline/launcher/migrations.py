"""Dagster's migration scripts, read once per process rather than five times per run."""

from __future__ import annotations

from typing import Any

from alembic.script import ScriptDirectory


def remember_migrations(locations: list[str]) -> None:
    """Have every later look at these script directories answered from memory.

    Opening a SQLite storage asks alembic for the newest revision, for which it imports all of Dagster's ninety
    migration scripts, each time: a third of the processor time of a small run. They cannot change while the process
    lives, and a fork server is started anew for new code. Saying it twice changes nothing.
    """
    from alembic.config import Config

    read = ScriptDirectory.from_config
    known: dict[str, ScriptDirectory] = {}
    for location in locations:
        config = Config()
        config.set_main_option("script_location", location)
        known[location] = read(config)
        known[location].as_revision_number("head")

    def from_config(cls: type[ScriptDirectory], config: Any) -> ScriptDirectory:
        return known.get(config.get_main_option("script_location")) or read(config)

    ScriptDirectory.from_config = classmethod(from_config)  # type: ignore[method-assign,assignment]
