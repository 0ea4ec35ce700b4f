"""A learner leaves: two jobs delete what there is of them, what is kept of batches is shredded, and the proof says what
is left and why."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import zip_longest

from dagster import DagsterInstance

from lern_pipeline.jobs.all_jobs import ALL_JOBS
from lern_pipeline.jobs.deletion_proof.proof import Proof
from lern_pipeline.jobs.deletion_proof.trace import Trace
from lern_pipeline.jobs.ml_user_delete.job import ML_USER_DELETE
from lern_pipeline.jobs.user_cache_updater.job import USER_CACHE_UPDATER
from lern_pipeline.jobs.user_cache_updater.state import registered_producers
from lern_pipeline.jobs.user_deletion_cleanup.job import USER_DELETION_CLEANUP
from lern_pipeline.local.demo.failure import DemoFailed
from lern_pipeline.local.demo.learners import SampleEvent
from lern_pipeline.local.demo.stage import Stage
from lern_pipeline.local.demo.user_side import UserSide
from lern_pipeline.local.demo.users import FIRST_HOME, ORGANISATION, signed_up
from lern_pipeline.orchestration.deletion_check import CHECK, ProofConfig, proof
from lern_pipeline.orchestration.installation import Installation
from lern_pipeline.orchestration.shredding import shred_deleted_users

GONE = "–"


class DeletionChapter:
    """Of one learner."""

    def __init__(self, stage: Stage, users: UserSide, instance: DagsterInstance, user_id: str) -> None:
        self._stage = stage
        self._users = users
        self._instance = instance
        self._user_id = user_id
        self._installation = Installation()

    def sign_up(self) -> Callable[[], bool]:
        """Sends the learner's first events; returns the question whether they are done."""
        watch = self._stage.watch(USER_CACHE_UPDATER)
        self._users.lives_in(self._user_id, FIRST_HOME)
        self._users.has_account(self._user_id)
        return self._stage.send(watch, signed_up(self._user_id, min(registered_producers(watch.settings))))

    def close(self) -> None:
        """Close what the proof has opened."""
        for job in ALL_JOBS:
            self._installation.services(job).close()

    def leave(self) -> None:
        """Tells it.

        Raises:
            DemoFailed: something is left that should be gone, or nothing was there before.
        """
        stage, user_id = self._stage, self._user_id
        screen = stage.screen
        screen.heading(f"{user_id} leaves, and is deleted")
        before = self._look()
        if not before.left:
            raise DemoFailed(f"nothing of {user_id} is there that a deletion would remove")
        watches = tuple(stage.watch(job) for job in (USER_DELETION_CLEANUP, ML_USER_DELETE))
        is_done = stage.send(watches[0], [deletion(user_id)])
        # Both jobs read the topic, each for itself.
        stage.published[ML_USER_DELETE.name]["processed"] += 1
        stage.until(
            lambda: is_done() and not any(watch.waiting() for watch in watches), "waiting for the deletion", watches
        )
        stage.look()
        shredded = sorted(
            {
                observation.asset_key.to_user_string()
                for observation in shred_deleted_users(
                    self._instance, self._installation, ALL_JOBS, datetime.now(UTC).date()
                )
            }
        )
        screen.line(f"shredded what was kept of batches of {', '.join(shredded)}")
        after = self._look()
        if not after.holds:
            left = [f"{trace.where}: {trace.what}" for trace in after.left]
            raise DemoFailed(f"of {user_id} there is left: {', '.join([*left, *after.not_asked.values()])}")
        self._show(before, after)

    def _look(self) -> Proof:
        return proof(self._instance, self._installation, ALL_JOBS, ProofConfig(users=[self._user_id]))

    def _show(self, before: Proof, after: Proof) -> None:
        rows = []
        for where in sorted({trace.where for trace in (*before.traces, *after.traces)}):
            pairs = zip_longest(_in(before, where), _in(after, where))
            rows += [
                (
                    "" if number else where,
                    was.what if was else GONE,
                    now.what if now else GONE,
                    _short(now.may_stay) if now else "",
                )
                for number, (was, now) in enumerate(pairs)
            ]
        self._stage.screen.columns([(CHECK, "before", "after", "why it may stay"), *rows])


def _in(proof: Proof, where: str) -> list[Trace]:
    return [trace for trace in proof.traces if trace.where == where]


def deletion(user_id: str) -> SampleEvent:
    """The user service asks for it."""
    event = {
        "eid": "BE_JOB_REQUEST",
        "mid": f"LP.{user_id}",
        "object": {"id": user_id, "type": "User"},
        "edata": {"action": "delete-user", "userId": user_id, "organisationId": ORGANISATION, "iteration": 1},
    }
    return SampleEvent(None, json.dumps(event).encode())


def _short(reason: str) -> str:
    """Without the contract's section."""
    return reason.partition(" (")[0].partition(";")[0]
