"""A small job with effects: a parcel is sent, noted in a row and a message, then a mail tells of it."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from lern_pipeline.errors import ServiceUnavailable
from lern_pipeline.events.decoding import decode_strict
from lern_pipeline.events.record import Position
from lern_pipeline.events.validation import required_id
from lern_pipeline.microbatch.effects import NOT_THERE, NotCarriedOut, Outcome, Stage
from lern_pipeline.microbatch.job import Decision, Event, Failure, JobSpec, Moment
from lern_pipeline.microbatch.plan import Effect, Message, RowWrites
from lern_pipeline.microbatch.run import MicroBatchRun
from lern_pipeline.microbatch.services import Readers, Services
from lern_pipeline.settings import JobSettings
from lern_pipeline_tests.microbatch.in_memory import InMemoryWorld
from lern_pipeline_tests.microbatch.journalled_store import JournalledStore
from lern_pipeline_tests.microbatch.tally import STARTED, tally_settings

TABLE = "shop.parcels"
CLOSED = "shop.closed_parcels"
TOPIC = "test.parcels"


class Carrier:
    """The outside world: what was sent to whom, and how it behaves towards each user."""

    def __init__(self, answers_look_ups: bool) -> None:
        self.sent: Counter[str] = Counter()
        self.answers_look_ups = answers_look_ups
        self.behaviour: dict[str, Callable[[], Outcome | None]] = {}
        self._lock = threading.Lock()

    def perform(self, effect: Effect) -> Outcome:
        user = effect.payload["user"]
        special = self.behaviour.get(user, lambda: None)()
        if special is not None:
            return special
        with self._lock:
            self.sent[user] += 1
        return Outcome("done", {"number": f"N-{user}"})

    def look_up(self, effect: Effect) -> Outcome | None:
        if not self.answers_look_ups:
            return None
        user = effect.payload["user"]
        if not self.sent[user]:
            return Outcome("failed", code=NOT_THERE)
        return Outcome("done", {"number": f"N-{user}"})


def refuses() -> Outcome | None:
    return Outcome("failed", reason="no such street", code="NO_STREET")


def is_unreachable() -> Outcome | None:
    raise NotCarriedOut("carrier", "carrier:80", "connection refused")


def times_out() -> Outcome | None:
    raise ServiceUnavailable("carrier", "carrier:80", "no answer")


def validate(members: dict[str, Any]) -> str:
    return required_id(members, "user", where="event")


def read_state(
    events: Sequence[Event[str]], readers: Readers, settings: JobSettings, counted: frozenset[str]
) -> None: ...


def decide(events: Sequence[Event[str]], state: None, settings: JobSettings, moment: Moment) -> Decision:
    parcels = [{"user": event.work, "at": list(event.position)} for event in events]
    return Decision(effects=[_effect("send", parcel) for parcel in parcels], pending={"parcels": parcels})


def _effect(kind: str, parcel: dict[str, Any]) -> Effect:
    position = Position(*parcel["at"])
    return Effect(f"{kind}|{position}", kind, {"user": parcel["user"]}, what=f"a {kind}", to_whom="u…")


def follow(
    pending: dict[str, Any], outcomes: Mapping[str, Outcome], settings: JobSettings, moment: Moment
) -> Stage | Decision:
    sent = [parcel for parcel in pending["parcels"] if outcomes[_effect("send", parcel).key].is_done]
    mails = [_effect("mail", parcel) for parcel in sent]
    if mails and mails[0].key not in outcomes:
        numbers = [outcomes[_effect("send", parcel).key].result["number"] for parcel in sent]
        rows = [[parcel["user"], number, moment.write_time_us] for parcel, number in zip(sent, numbers, strict=True)]
        messages = [
            Message(
                f"sent|{parcel['at']}",
                TOPIC,
                json.dumps({"user": parcel["user"], "at": moment.now_ms}).encode(),
            )
            for parcel in sent
        ]
        return Stage([RowWrites(TABLE, ("user",), ("number",), rows=rows)], messages=messages, effects=mails)
    decision = Decision(metrics={"mails": float(sum(outcomes[mail.key].is_done for mail in mails))})
    for parcel in pending["parcels"]:
        outcome = outcomes[_effect("send", parcel).key]
        position = Position(*parcel["at"])
        if outcome.status in ("unknown", "dropped"):
            decision.skipped[position] = f"sending is {outcome.status}"
        elif outcome.earlier_batch:
            decision.skipped[position] = f"sent by {outcome.earlier_batch}"
        elif not outcome.is_done:
            decision.failed[position] = Failure(outcome.reason, outcome.code)
            decision.settled[_effect("send", parcel).key] = Outcome("failed", {"told": True}, outcome.reason)
    closed = [[parcel["user"], True, moment.write_time_us] for parcel in sent]
    decision.rows = [RowWrites(CLOSED, ("user",), ("closed",), rows=closed)]
    return decision


def parcels_job(carrier: Carrier, post: Carrier) -> JobSpec[str, None]:
    def performers(services: Services, settings: JobSettings) -> dict[str, Carrier]:
        return {"send": carrier, "mail": post}

    return JobSpec(
        name="parcels",
        description="Sends parcels.",
        group="tests",
        decode=decode_strict,
        validate=validate,
        read_state=read_state,
        decide=decide,
        follow=follow,
        performers=performers,
        event_metrics={"total-events-count": "consumed", "success-events-count": "processed"},
    )


def parcels_run(
    world: InMemoryWorld, base: Path, carrier: Carrier, post: Carrier, now: float = STARTED, **settings: str
) -> MicroBatchRun:
    job = parcels_job(carrier, post)
    store = JournalledStore(str(base), job.name, world.journal)
    return MicroBatchRun(job, tally_settings(**settings), world.services, store, clock=lambda: now)
