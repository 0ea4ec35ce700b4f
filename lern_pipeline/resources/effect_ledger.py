"""The ledger of effects in Cassandra (design 5): two tables in the pipeline's own keyspace.

Claims are conditional, so that of two processes one carries an effect out. Outcomes stand in columns of their own and
are written unconditionally: they never meet a claim's cells.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Mapping

import msgspec

from lern_pipeline.microbatch.effects import LedgerEntry, Outcome, Unfinished
from lern_pipeline.microbatch.own_table import OwnTable
from lern_pipeline.microbatch.plan import Effect
from lern_pipeline.resources.cassandra import Cassandra
from lern_pipeline.settings import JobSettings

DAY_SECONDS = 86_400
_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Outcome)


class CassandraEffectLedger:
    """See :class:`lern_pipeline.microbatch.effects.EffectLedger`. Rows expire after ``ledger.retention.days``."""

    def __init__(self, settings: JobSettings, cassandra: Cassandra) -> None:
        self._settings = settings
        self._cassandra = cassandra
        self._lock = threading.Lock()
        self._made = False

    def close(self) -> None:
        """The connection is the rows' too."""

    def entries(self, job: str, keys: list[str]) -> dict[str, LedgerEntry]:
        """See :class:`lern_pipeline.microbatch.effects.EffectLedger`."""
        if not keys:
            return {}
        self._ensure()
        found = self._cassandra.select(
            self._effects.full_name,
            ("key", "claimed_at", "micro_batch", "outcome", "released"),
            equal=("job",),
            within="key",
            keys=[(job, key) for key in keys],
            times=("claimed_at",),
        )
        return {
            key: LedgerEntry(claimed_at, batch, None if outcome is None else _decoder.decode(outcome), bool(released))
            for key, claimed_at, batch, outcome, released in found
            # A row that was given back and got its outcome late has no claim.
            if claimed_at is not None
        }

    def claim(self, job: str, effect: Effect, batch: str, now_ms: int) -> bool:
        """See :class:`lern_pipeline.microbatch.effects.EffectLedger`."""
        self._ensure()
        table = self._effects.full_name
        token = uuid.uuid4().hex
        answer = self._cassandra.conditional(
            f"INSERT INTO {table} (job, key, claimed_at, micro_batch, claim_id) VALUES (?, ?, ?, ?, ?) "
            "IF NOT EXISTS USING TTL ?",
            (job, effect.key, now_ms, batch, token, self._ttl),
        )
        # An attempt without an answer was sent again and may find its own claim.
        if answer["[applied]"] or answer.get("claim_id") == token:
            return True
        answer = self._cassandra.conditional(
            f"UPDATE {table} USING TTL ? SET released = ?, micro_batch = ?, claim_id = ? WHERE job = ? AND key = ? "
            "IF released = ?",
            (self._ttl, False, batch, token, job, effect.key, True),
        )
        return bool(answer["[applied]"])

    def record_all(self, job: str, outcomes: Mapping[str, Outcome]) -> None:
        """See :class:`lern_pipeline.microbatch.effects.EffectLedger`."""
        if not outcomes:
            return
        self._ensure()
        table = self._effects.full_name
        self._cassandra.execute_all(
            table,
            f"UPDATE {table} USING TTL ? SET outcome = ? WHERE job = ? AND key = ?",
            [(self._ttl, _encoder.encode(outcome).decode(), job, key) for key, outcome in outcomes.items()],
        )

    def give_back(self, job: str, key: str) -> None:
        """See :class:`lern_pipeline.microbatch.effects.EffectLedger`."""
        self._cassandra.conditional(
            f"DELETE FROM {self._effects.full_name} WHERE job = ? AND key = ? IF EXISTS", (job, key)
        )

    def list_unfinished(self, job: str, effect: Effect, batch: str, since_ms: int) -> None:
        """See :class:`lern_pipeline.microbatch.effects.EffectLedger`."""
        self._ensure()
        self._cassandra.execute(
            f"INSERT INTO {self._unfinished.full_name} (job, key, what, to_whom, micro_batch, since) "
            "VALUES (?, ?, ?, ?, ?, ?) USING TTL ?",
            (job, effect.key, effect.what or effect.kind, effect.to_whom, batch, since_ms, self._ttl),
        )

    def strike_off(self, job: str, key: str) -> None:
        """See :class:`lern_pipeline.microbatch.effects.EffectLedger`."""
        self._ensure()
        self._cassandra.execute(f"DELETE FROM {self._unfinished.full_name} WHERE job = ? AND key = ?", (job, key))

    def unfinished(self, job: str) -> list[Unfinished]:
        """See :class:`lern_pipeline.microbatch.effects.EffectLedger`."""
        self._ensure()
        found = self._cassandra.select(
            self._unfinished.full_name,
            ("job", "key", "what", "to_whom", "micro_batch", "since"),
            equal=(),
            within="job",
            keys=[(job,)],
            times=("since",),
        )
        return sorted((Unfinished(*row) for row in found), key=lambda one: (one.since_ms, one.key))

    def settle(self, job: str, key: str, send: bool) -> bool:
        """See :class:`lern_pipeline.microbatch.effects.EffectLedger`."""
        entry = self.entries(job, [key]).get(key)
        if entry is None or not entry.is_unfinished:
            return False
        if send:
            self._cassandra.conditional(
                f"UPDATE {self._effects.full_name} USING TTL ? SET released = ? WHERE job = ? AND key = ? IF EXISTS",
                (self._ttl, True, job, key),
            )
        else:
            self.record_all(job, {key: Outcome("dropped", reason="dropped by an operator")})
        self.strike_off(job, key)
        return True

    # --- tables and statements

    @property
    def _ttl(self) -> int:
        return self._settings.integer("ledger.retention.days") * DAY_SECONDS

    @property
    def _effects(self) -> OwnTable:
        return OwnTable(
            self._settings.text("ledger.keyspace"),
            "effects",
            {
                "job": "text",
                "key": "text",
                "claimed_at": "timestamp",
                "micro_batch": "text",
                "claim_id": "text",
                "released": "boolean",
                "outcome": "text",
            },
            partition=("job", "key"),
        )

    @property
    def _unfinished(self) -> OwnTable:
        return OwnTable(
            self._settings.text("ledger.keyspace"),
            "unfinished_effects",
            {
                "job": "text",
                "key": "text",
                "what": "text",
                "to_whom": "text",
                "micro_batch": "text",
                "since": "timestamp",
            },
            partition=("job",),
            clustering=("key",),
        )

    def _ensure(self) -> None:
        with self._lock:
            if not self._made:
                self._cassandra.ensure_table(self._effects)
                self._cassandra.ensure_table(self._unfinished)
                self._made = True
