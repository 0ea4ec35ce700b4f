"""Accounts that are merged: counters add up, some merges are repeated, some are made on what others left."""

from __future__ import annotations

import json
from collections.abc import Iterator

from lern_pipeline.jobs.merge_user_courses.job import MERGE_USER_COURSES
from lern_pipeline.microbatch.plan import RowWrites
from lern_pipeline_tests.faults.job_world import KEYSPACE, OF_CACHES, JobWorld, Selection

#: Merges of the accounts a, b, c: the second repeats the first, the third takes along what b got from a.
FAMILY = (("a", "b"), ("a", "b"), ("b", "c"), ("c", "c"))

WRITTEN_MS = 1_700_000_000_000


class MergeWorld(JobWorld):
    """Families of three accounts, who share a course and have one of their own each."""

    job = MERGE_USER_COURSES
    never_passed = OF_CACHES
    # Sums are stored, which would be added to again; and the ledger says that all is done, but nobody has been told.
    telling_points = ("between-rows", "before-publish")
    servers = ("kafka", "cassandra")
    times = frozenset({"agg_last_updated", "merged_at"})

    def make_workload(self) -> None:
        self._accounts = [
            self._account(family, member)
            for family in range((self.events + len(FAMILY) - 1) // len(FAMILY))
            for member in "abc"
        ]

    def partition_of(self, number: int) -> int:
        """A family's merges keep their order."""
        return number // len(FAMILY) % 2

    def event(self, number: int) -> bytes:
        from_account, to_account = FAMILY[number % len(FAMILY)]
        family = number // len(FAMILY)
        edata = {
            "action": "merge-user-courses-and-cert",
            "iteration": 1,
            "fromAccountId": self._account(family, from_account),
            "toAccountId": self._account(family, to_account),
        }
        return json.dumps({"eid": "BE_JOB_REQUEST", "edata": edata}).encode()

    def given_rows(self, write_time_us: int) -> Iterator[RowWrites]:
        enrolments = RowWrites(
            f"{KEYSPACE}.user_enrolments", ("userid", "courseid", "batchid"), ("status", "active"), rows=[]
        )
        consumption = RowWrites(
            f"{KEYSPACE}.user_content_consumption",
            ("userid", "courseid", "batchid", "contentid"),
            ("status", "viewcount", "completedcount", "datetime"),
            rows=[],
        )
        aggregates = RowWrites(
            f"{KEYSPACE}.user_activity_agg",
            ("activity_type", "activity_id", "user_id", "context_id"),
            ("agg_details",),
            ("aggregates", "agg_last_updated"),
            rows=[],
        )
        for number, account in enumerate(self._accounts):
            for course in self._courses_of(account):
                batch = f"batch-{course}"
                scores = {"completedCount": float(number % 4), "score:x": float(number % 3), "max_score:x": 3.0}
                changed = dict.fromkeys(scores, WRITTEN_MS)
                key = ("Course", course, account, f"cb:{batch}")
                enrolments.rows.append([account, course, batch, number % 3, True, write_time_us])
                aggregates.rows.append([*key, [f"attempt {account}"], scores, changed, write_time_us])
                for content in range(2):
                    counts = (number % 3, number % 5 + content, number % 2, WRITTEN_MS + number)
                    consumption.rows.append([account, course, batch, f"{course}_c{content}", *counts, write_time_us])
        yield from (enrolments, consumption, aggregates)

    def selections(self) -> Iterator[Selection]:
        for account in self._accounts:
            for table in ("user_content_consumption", "user_enrolments"):
                yield f"{KEYSPACE}.{table}", {"userid": account}
            for course in {course for other in self._accounts for course in self._courses_of(other)}:
                key = {"activity_type": "Course", "activity_id": course, "user_id": account}
                yield f"{KEYSPACE}.user_activity_agg", key
            yield "lern_pipeline.merged_accounts", {"from_account": account}

    def _account(self, family: int, member: str) -> str:
        return f"user-{self.token}-{family}{member}"

    def _courses_of(self, account: str) -> tuple[str, str]:
        return f"do_{self.token}_shared", f"do_{self.token}_{account[-1]}"
