"""Learners and their certificates in Sunbird RC, comparable between runs: what jobs that create certificates share."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any

from lern_pipeline.local.addresses import StackAddresses
from lern_pipeline_tests.faults.job_world import OF_CACHES, JobWorld
from lern_pipeline_tests.third_party.server import ThirdParty

NAMES = ("Merit", "Attendance")

# RC counts its certificates, and an enrolment's entry is of now.
_NUMBER = re.compile(r"1-\d{8}-")
_NOW = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+0000")


class RegistryWorld(JobWorld):
    """Two requests of each learner, one of each name. ``server``: has Sunbird RC."""

    never_passed = OF_CACHES
    telling_points = ()
    servers = ("kafka", "cassandra")
    times = frozenset()

    def __init__(
        self, addresses: StackAddresses, directory: Path, events: int, batch_size: int, server: ThirdParty
    ) -> None:
        super().__init__(addresses, directory, events, batch_size)
        self.server = server
        self.environment |= {
            "LERN_PIPELINE_SERVICE_RC_BASEPATH": f"{server.address}/rc/api/v1",
            "LERN_PIPELINE_SERVICE_RC_SEARCH_WAIT_SECONDS": "0.2",
            "LERN_PIPELINE_EFFECTS_CONCURRENCY": "4",
            "LERN_PIPELINE_HTTP_ATTEMPTS": "2",
        }

    def make_workload(self) -> None:
        """Every event is made when it is asked for."""

    def learners(self, events: int | None = None) -> list[str]:
        """Those of the first so many events; of all."""
        events = self.events if events is None else events
        return [f"learner-{number}-{self.token}" for number in range(events // len(NAMES))]

    def partition_of(self, number: int) -> int:
        """A learner's requests keep their order."""
        return number // len(NAMES) % 2

    @property
    def course(self) -> str:
        return f"do_{self.token}"

    @property
    def batch(self) -> str:
        return f"batch{self.token}"

    def requested(self, learner: str, name: str) -> dict[str, Any]:
        """``edata`` of a request for that certificate."""
        return {
            "userId": learner,
            "name": name,
            "svgTemplate": "https://cdn.example.org/x.svg",
            "data": [{"recipientName": "A", "recipientId": learner}],
            "issuer": {"name": "Board", "url": "https://board.example.org"},
            "signatoryList": [{"id": "D", "name": "N", "designation": "Dir", "image": "https://i.example.org/x.png"}],
            "criteria": {"narrative": name},
            "courseName": "Safety",
            "templateId": "do_t1",
            "related": {"courseId": self.course, "batchId": self.batch},
        }

    def certificates(self) -> list[dict[str, Any]]:
        """Those that RC has created for this world's learners."""
        everything = self.server.services["registry"].state()["certificates"]
        return [one for osid, one in everything.items() if self.token in osid and "recipient" in one]

    def active(self) -> Counter[tuple[str, str]]:
        """How many RC has by learner and name."""
        return Counter((one["recipient"]["id"], one["certificateLabel"]) for one in self.certificates())

    def without_token(self, text: str) -> str:
        """And without what is of this run in the ids and times of certificates."""
        return _NOW.sub("NOW", _NUMBER.sub("1-", super().without_token(text)))
