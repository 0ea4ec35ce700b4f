"""Who carries out the sends of a batch: the channels, behind the ledger (contract notification-job 5, 8)."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Generic, TypeVar

from lern_pipeline.conversion import converted
from lern_pipeline.jobs.notification_job.rules import WAIT
from lern_pipeline.jobs.notification_job.sends import KNOWN, MAIL, PUSH, SMS
from lern_pipeline.microbatch.channels import Mail, NotSent, Push, Sent, Sms
from lern_pipeline.microbatch.effects import NOT_THERE, Outcome, Performer, Performers
from lern_pipeline.microbatch.plan import Effect
from lern_pipeline.microbatch.services import Services
from lern_pipeline.settings import JobSettings

Sendable = TypeVar("Sendable", Sms, Mail, Push)


def performers(services: Services, settings: JobSettings) -> Performers:
    """By kind of effect."""
    channels = services.channels
    by_kind: dict[str, Performer] = {
        SMS: ChannelPerformer(Sms, channels.sms.send),
        MAIL: ChannelPerformer(Mail, channels.mail.send),
        PUSH: ChannelPerformer(Push, channels.push.send),
        KNOWN: KnownPerformer(),
        WAIT: WaitPerformer(),
    }
    return by_kind


class ChannelPerformer(Generic[Sendable]):
    """Sends by one channel. No channel can be asked later what it has sent."""

    _kind: type[Sendable]
    _send: Callable[[Sendable], Sent | NotSent]

    def __init__(self, kind: type[Sendable], send: Callable[[Sendable], Sent | NotSent]) -> None:
        self._kind = kind
        self._send = send

    def perform(self, effect: Effect) -> Outcome:
        return _outcome(self._send(converted(effect.payload, self._kind)))

    def look_up(self, effect: Effect) -> Outcome | None:
        return None


class KnownPerformer:
    """Of sends that end without a call."""

    def perform(self, effect: Effect) -> Outcome:
        return _outcome(Sent() if effect.payload["sent"] else NotSent(effect.payload["reason"]))

    def look_up(self, effect: Effect) -> Outcome | None:
        return Outcome("failed", code=NOT_THERE)


class WaitPerformer:
    """Lets time pass; nothing is claimed meanwhile, so that a crash leaves nothing unknown."""

    def perform(self, effect: Effect) -> Outcome:
        time.sleep(max(0.0, effect.payload["until_ms"] / 1000 - time.time()))
        return Outcome("done")

    def look_up(self, effect: Effect) -> Outcome | None:
        return None


def _outcome(answer: Sent | NotSent) -> Outcome:
    return Outcome("done") if isinstance(answer, Sent) else Outcome("failed", reason=answer.reason)
