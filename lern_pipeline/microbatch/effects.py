"""Effects that cannot be taken back: a certificate, a mail, an SMS (design 5).

A job's rules name the effects they want, as data. Each is carried out behind a ledger: claimed before the call, its
outcome kept after it. On a repetition a known outcome is taken from the ledger; what a crash left claimed is looked up
where the service can answer, else left alone and shown to the operator.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import msgspec

from lern_pipeline.errors import ServiceUnavailable
from lern_pipeline.microbatch.plan import CacheWrites, Effect, Message, RowWrites

# Plans hold outcomes; those who carry effects out look for them here.
from lern_pipeline.microbatch.plan import Outcome as Outcome


class Stage(msgspec.Struct):
    """The next part of a plan, after some outcomes are known: rows, then caches, then messages, then effects."""

    rows: list[RowWrites] = []
    cache: list[CacheWrites] = []
    messages: list[Message] = []
    effects: list[Effect] = []


class NotCarriedOut(ServiceUnavailable):
    """The service could not be reached: certainly nothing was done, so the claim is given back."""


class Performer(Protocol):
    """Carries out effects of one kind. Called from several threads at once."""

    def perform(self, effect: Effect) -> Outcome:
        """Make the call.

        Raises:
            NotCarriedOut: certainly not done; the batch fails and is run again.
            ServiceUnavailable: perhaps done; the batch fails, and the next attempt looks it up.
            ConfigurationError: the service refuses us.
        """
        ...

    def look_up(self, effect: Effect) -> Outcome | None:
        """What became of an effect that was begun earlier; None if the service cannot tell.

        ``Outcome("failed", code=NOT_THERE)`` says that it was certainly not done, and it is made again.

        Raises:
            ServiceUnavailable: no answer.
        """
        ...


NOT_THERE = "NOT_THERE"
"""Code of a look-up's outcome: the service knows of no such thing."""


class LedgerEntry(msgspec.Struct):
    """What the ledger knows of an effect that ``batch`` claimed. Without ``outcome`` it has not ended."""

    claimed_at_ms: int
    batch: str
    outcome: Outcome | None = None
    released: bool = False

    @property
    def is_unfinished(self) -> bool:
        return self.outcome is None or self.outcome.is_open


class Unfinished(msgspec.Struct):
    """An effect whose outcome nobody knows, or that is still owed, as the operator sees it."""

    job: str
    key: str
    what: str
    to_whom: str
    batch: str
    since_ms: int


class EffectLedger(Protocol):
    """The ledger of effects, in the pipeline's own keyspace."""

    def entries(self, job: str, keys: list[str]) -> dict[str, LedgerEntry]:
        """What is known of the keys; those never claimed are left out."""
        ...

    def claim(self, job: str, effect: Effect, batch: str, now_ms: int) -> bool:
        """Claim an effect for this batch, atomically; one that the operator has released too. False: somebody else
        has it."""
        ...

    def record_all(self, job: str, outcomes: Mapping[str, Outcome]) -> None:
        """Keep the outcomes of claimed effects, by key, in place of earlier ones."""
        ...

    def give_back(self, job: str, key: str) -> None:
        """Forget a claim whose effect certainly did not happen."""
        ...

    def list_unfinished(self, job: str, effect: Effect, batch: str, since_ms: int) -> None:
        """Show the effect to the operator."""
        ...

    def strike_off(self, job: str, key: str) -> None:
        """The effect has come to its end: it is no longer shown."""
        ...

    def unfinished(self, job: str) -> list[Unfinished]:
        """What the operator has to decide, oldest first."""
        ...

    def settle(self, job: str, key: str, send: bool) -> bool:
        """The operator's decision: the next run of its batch sends it, or it is dropped. False: not unfinished."""
        ...


Performers = Mapping[str, Performer]
