"""Makes the pipeline's own keyspace and tables where they are missing (design 5)."""

from __future__ import annotations

from typing import Any

from cassandra import Unauthorized

from lern_pipeline.errors import ConfigurationError
from lern_pipeline.microbatch.own_table import OwnTable
from lern_pipeline.resources.cassandra_session import CassandraSession
from lern_pipeline.settings import JobSettings

# For a job without a keyspace of its own.
PLATFORM_KEYSPACE = "sunbird_courses"

# The settings that name a job's own.
KEYSPACES = ("lms-cassandra.keyspace", "user.keyspace")


def ensure_table(session: CassandraSession, table: OwnTable, settings: JobSettings) -> None:
    """Only what is missing is made: a user without the right to make keyspaces may have it made by an operator.

    Raises:
        ConfigurationError: the user may not; names the statements.
        ServiceUnavailable: no answer in time.
    """

    def ask(connected: Any) -> None:
        statements = _missing(session.metadata, table, settings)
        try:
            for statement in statements:
                connected.execute(statement)
        except Unauthorized:
            raise ConfigurationError(
                f"the Cassandra user may not make {table.full_name}; let an operator run: {'; '.join(statements)}"
            ) from None

    session.answered(ask)


def _missing(metadata: Any, table: OwnTable, settings: JobSettings) -> list[str]:
    keyspace = metadata.keyspaces.get(table.keyspace)
    statements = []
    if keyspace is None:
        replication = _replication(metadata, settings)
        statements.append(f"CREATE KEYSPACE IF NOT EXISTS {table.keyspace} WITH replication = {replication}")
    if keyspace is None or table.name not in keyspace.tables:
        statements.append(table.statement())
    return statements


def _replication(metadata: Any, settings: JobSettings) -> str:
    """As set, else as the keyspace that the job works on: what is as safe as the rows that it tells of."""
    replication = settings.optional_text("ledger.replication")
    if replication:
        return replication
    name, keyspace = _work_keyspace(settings)
    if keyspace not in metadata.keyspaces:
        raise ConfigurationError(f"Cassandra has no keyspace {keyspace} ({name})")
    return str(metadata.keyspaces[keyspace].replication_strategy.export_for_schema())


def _work_keyspace(settings: JobSettings) -> tuple[str, str]:
    """The setting that names the keyspace that the job works on, and that keyspace."""
    name = next(filter(settings.knows, KEYSPACES), None)
    if name is None:
        return KEYSPACES[0], PLATFORM_KEYSPACE
    return name, settings.optional_text(name) or PLATFORM_KEYSPACE
