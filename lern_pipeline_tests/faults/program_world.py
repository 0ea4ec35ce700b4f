"""Users in programs whose documents come several times, each time with other sections of the profile."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from lern_pipeline.jobs.program_user_info.job import PROGRAM_USER_INFO
from lern_pipeline.jobs.program_user_info.rules import KEY
from lern_pipeline.microbatch.plan import RowWrites
from lern_pipeline_tests.faults.job_world import OF_CACHES, JobWorld, Selection

TABLE = "sunbird_programs.program_enrollment"
PROGRAMS = 3
EVENTS_PER_ROW = 4

#: The profile that each of a row's documents has, in their order; a section that is missing keeps what is stored.
PROFILES: tuple[dict[str, Any], ...] = (
    {
        "userLocations": [{"type": "state", "id": "st-1", "name": "Kerala", "code": "32"}],
        "profileUserTypes": [{"type": "administrator", "subType": "hm"}],
        "rootOrg": {"id": "org-5", "orgName": "Kerala Dept"},
    },
    {"rootOrg": {"id": "org-6", "orgName": None}},
    {},
    {"userLocations": [{"type": "block", "id": "bl-2", "name": " "}], "profileUserTypes": []},
)


class ProgramWorld(JobWorld):
    """Every seventh document has no user, every eleventh no date; a third of the rows is there before."""

    job = PROGRAM_USER_INFO
    never_passed = OF_CACHES
    # Rows with some columns are written, those with others are not.
    telling_points = ("between-rows",)
    servers = ("kafka", "cassandra")
    times = frozenset()

    def make_workload(self) -> None:
        self._rows_of_it = max(self.events // EVENTS_PER_ROW, 1)

    def event(self, number: int) -> bytes:
        step, row = divmod(number, self._rows_of_it)
        program, user = self._ids(row)
        document = {
            "programId": program,
            "userId": None if number % 7 == 6 else user,
            "programName": f"Program {number}" if step % 2 == 0 else None,
            "requestForPIIConsent": step % 2 == 1,
            "userProfile": PROFILES[(step + row) % len(PROFILES)],
            "createdAt": "2024-02-29T20:00:09.476Z",
            "updatedAt": None if number % 11 == 10 else f"2024-03-{number % 28 + 1:02d}T23:30:56.829Z",
        }
        return json.dumps(document).encode()

    def partition_of(self, number: int) -> int:
        """A row's documents keep their order."""
        return number % self._rows_of_it % 2

    def given_rows(self, write_time_us: int) -> Iterator[RowWrites]:
        there = [
            [*self._ids(row), "Old name", {"district_name": "Idukki"}, "teacher", write_time_us]
            for row in range(0, self._rows_of_it, 3)
        ]
        yield RowWrites(TABLE, KEY, ("program_name", "user_locations", "user_type"), rows=there, insert=True)

    def selections(self) -> Iterator[Selection]:
        for program in range(PROGRAMS):
            yield TABLE, {"program_id": self._program(program)}

    def _ids(self, row: int) -> tuple[str, str]:
        return self._program(row % PROGRAMS), f"user-{row}"

    def _program(self, number: int) -> str:
        return f"program-{self.token}-{number}"
