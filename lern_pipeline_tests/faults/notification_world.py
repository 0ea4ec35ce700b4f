"""Mails to many readers, some of whom the mail server refuses."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from lern_pipeline.jobs.notification_job.job import NOTIFICATION_JOB
from lern_pipeline.local.addresses import StackAddresses
from lern_pipeline.microbatch.effects import Unfinished
from lern_pipeline.resources.cassandra import Cassandra
from lern_pipeline.resources.effect_ledger import CassandraEffectLedger
from lern_pipeline_tests.faults.job_world import OF_CACHES, JobWorld
from lern_pipeline_tests.third_party.mail_server import MailServer, Refusal

DOMAIN = "personal.example"
TEXT = "For your eyes only"
EVERY_REFUSED = 5


@dataclass(frozen=True)
class Delivered:
    """How often each reader was sent to, or refused, and whose mails the operator is shown, by number."""

    taken: Counter[int]
    refused: Counter[int]
    listed: set[int]


class NotificationWorld(JobWorld):
    """One mail per event. ``mail``: the server that they go to."""

    job = NOTIFICATION_JOB
    never_passed = frozenset({"between-rows", *OF_CACHES})
    telling_points = ()
    servers = ("kafka", "cassandra")
    times = frozenset()

    def __init__(
        self, addresses: StackAddresses, directory: Path, events: int, batch_size: int, mail: MailServer
    ) -> None:
        super().__init__(addresses, directory, events, batch_size)
        self._mail = mail
        self.environment |= {
            "LERN_PIPELINE_MAIL_SERVER_HOST": mail.host,
            "LERN_PIPELINE_MAIL_SERVER_PORT": str(mail.port),
            "LERN_PIPELINE_MAIL_SERVER_FROM_EMAIL": "noreply@lern.test",
            "LERN_PIPELINE_EFFECTS_CONCURRENCY": "4",
        }
        mail.refusals += [
            Refusal("rcpt", self.reader(number), f"550 no {self.reader(number)} here") for number in self.refused()
        ]

    def make_workload(self) -> None:
        """Every event is made when it is asked for."""

    def event(self, number: int) -> bytes:
        notification = {
            "mode": "email",
            "deliveryType": "message",
            "config": {"subject": f"Reader {number}"},
            "ids": [self.reader(number)],
            "template": {"data": f"<p>{TEXT}</p>"},
        }
        edata = {
            "action": "broadcast-topic-notification-all",
            "iteration": 1,
            "request": {"notification": notification},
        }
        return json.dumps({"eid": "BE_JOB_REQUEST", "mid": f"NS.{self.token}.{number}", "edata": edata}).encode()

    @property
    def topics(self) -> list[str]:
        """Without its own input, to which the second attempts go: :meth:`delivered` tells those."""
        return [topic for topic in super().topics if topic != self.input_topic]

    def reader(self, number: int) -> str:
        return f"reader-{number}-{self.token}@{DOMAIN}"

    def refused(self, events: int | None = None) -> Iterable[int]:
        """Of the first so many events; of all."""
        return range(EVERY_REFUSED - 1, self.events if events is None else events, EVERY_REFUSED)

    def assert_each_once(self, events: int) -> None:
        """Each mail once, each refused one twice, unless it is listed; nothing more often."""
        delivered = self.delivered()
        refused = set(self.refused(events))
        assert max(delivered.taken.values()) == 1
        assert max(delivered.refused.values()) <= 2
        assert set(range(events)) - refused <= delivered.taken.keys() | delivered.listed
        assert {number for number in refused if delivered.refused[number] < 2} <= delivered.listed
        assert delivered.taken.keys().isdisjoint(refused)

    def delivered(self) -> Delivered:
        def number_of(address: str) -> int:
            return int(address.split("-")[1])

        def mine(addresses: Iterable[str]) -> Counter[int]:
            return Counter(number_of(address) for address in addresses if self.token in address)

        taken = mine(recipient for mail in self._mail.mails for recipient in mail.recipients)
        listed = {int(line.key.rpartition(".")[2]) for line in self.unfinished()}
        return Delivered(taken, mine(self._mail.refused), listed)

    def unfinished(self) -> list[Unfinished]:
        cassandra = Cassandra(self.settings)
        try:
            lines = CassandraEffectLedger(self.settings, cassandra).unfinished(self.job.name)
        finally:
            cassandra.close()
        return [line for line in lines if self.token in line.key]
