"""A certificate's registration as part of a script: rules, no calls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import msgspec

from lern_pipeline.jobs.certificates.api_errors import SYSTEM_ERROR
from lern_pipeline.jobs.certificates.registration import PUBLIC_KEY, REGISTRATION, Registration, Sought
from lern_pipeline.microbatch.effects import Outcome
from lern_pipeline.microbatch.job import Failure
from lern_pipeline.microbatch.plan import Effect
from lern_pipeline.microbatch.script import Script, Step

DROPPED = "dropped by an operator"


@dataclass(frozen=True, slots=True)
class NotRegistered:
    """There is no certificate. ``failure``: why the event fails; without it, it is skipped as ``skipped`` says."""

    failure: Failure | None = None
    skipped: str = DROPPED


def key_search() -> Script[str | NotRegistered | None]:
    """The ``kid`` of the batch's one key search; None where the key has none."""
    effect = Effect("public key", PUBLIC_KEY, once=False)
    outcome = (yield Step([effect]))[effect.key]
    return outcome.result.get("kid") if outcome.is_done else not_registered(outcome)


def registered(
    key: str, certificate: dict[str, Any], sought: Sought, to_whom: str, search_first: bool = False
) -> Script[str | NotRegistered]:
    """The ``osid`` of the certificate.

    An outcome of an earlier micro-batch is not taken over: what it created may be gone by now, what failed may work.
    RC is asked instead, and what it has is adopted (16).
    """
    attempt = 1
    while True:
        payload = msgspec.to_builtins(Registration(certificate, sought, search_first or attempt > 1))
        name = key if attempt == 1 else f"{key}|{attempt}"
        effect = Effect(name, REGISTRATION, payload, what="certificate", to_whom=to_whom)
        outcome = (yield Step([effect]))[effect.key]
        if not outcome.earlier_batch:
            return str(outcome.result["osid"]) if outcome.is_done else not_registered(outcome)
        attempt += 1


def not_registered(outcome: Outcome) -> NotRegistered:
    """What becomes of an event whose certificate was not created."""
    if outcome.status == "dropped":
        return NotRegistered()
    if outcome.status == "unknown":
        return NotRegistered(Failure("whether the certificate was created is not known", SYSTEM_ERROR))
    return NotRegistered(Failure(outcome.reason, outcome.code, error=outcome.result.get("error")))


def effect_key(kind: str, parts: Sequence[str]) -> str:
    """The same for the same parts, and nothing personal."""
    return f"{kind}|{sha256(msgspec.json.encode(list(parts))).hexdigest()}"
