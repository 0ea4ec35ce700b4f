"""A course is completed: each learner has one certificate, one feed entry and one mail; also after kills.

``LERN_PIPELINE_TEST_CHAIN_KILLS=all`` for all thirty scripted kills in one run; eight of them otherwise.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from lern_pipeline_tests.faults.certificate_chain import CertificateChain, Earned, certificate_chain

pytestmark = pytest.mark.faults

PROGRESS, PRE_PROCESSOR = "activity-aggregate-updater", "collection-cert-pre-processor"
GENERATOR, NOTIFICATIONS = "collection-certificate-generator", "notification-job"

#: In the order of the chain. Where a mail's claim is behind and its outcome is not, nobody can tell whether it went
#: out: such kills are in the tests of the notification job. Here every kill must leave no trace.
KILLS = (
    (PROGRESS, "after-plan"),
    (PROGRESS, "between-rows"),
    (PROGRESS, "before-publish"),
    (PROGRESS, "after-publish"),
    (PROGRESS, "after-applied"),
    (PRE_PROCESSOR, "after-archive"),
    (PRE_PROCESSOR, "after-plan"),
    (PRE_PROCESSOR, "between-publishes"),
    (PRE_PROCESSOR, "after-publish"),
    (PRE_PROCESSOR, "after-applied"),
    (GENERATOR, "after-state"),
    (GENERATOR, "after-plan"),
    # Claimed, not yet made; made, not yet known to be; known.
    (GENERATOR, "after-claim"),
    (GENERATOR, "after-effect"),
    (GENERATOR, "after-effect#2"),
    (GENERATOR, "after-outcome"),
    (GENERATOR, "between-stages"),
    (GENERATOR, "between-rows"),
    (GENERATOR, "after-rows#2"),
    (GENERATOR, "between-publishes"),
    (GENERATOR, "between-stages#2"),
    (GENERATOR, "after-conclusion"),
    (GENERATOR, "after-applied"),
    (GENERATOR, "after-commit"),
    (NOTIFICATIONS, "after-read"),
    (NOTIFICATIONS, "after-plan"),
    (NOTIFICATIONS, "after-outcome"),
    (NOTIFICATIONS, "after-outcome"),
    (NOTIFICATIONS, "between-stages"),
    (NOTIFICATIONS, "after-applied"),
)
FEW = (2, 8, 12, 13, 16, 17, 21, 26)


def kills() -> list[tuple[str, str]]:
    everything = os.environ.get("LERN_PIPELINE_TEST_CHAIN_KILLS") == "all"
    return [kill for number, kill in enumerate(KILLS) if everything or number in FEW]


def check(chain: CertificateChain) -> None:
    """Each exactly once, and the same certificate everywhere."""
    earned = chain.earned()
    for learner, found in earned.items():
        assert len(found.registered) == 1, learner
        assert found == Earned(found.registered, found.registered, feed=1, notifications=1, mails=1), learner
    assert chain.audits() == {certificate: 1 for found in earned.values() for certificate in found.registered}
    assert chain.unfinished == 0


def test_a_completed_course_ends_with_a_certificate_and_a_mail(local_stack: Any, tmp_path: Path) -> None:
    with certificate_chain(local_stack.addresses, tmp_path) as chain:
        chain.complete()
        chain.drained()
        chain.forward_notifications()
        chain.drained()
        check(chain)


def test_however_often_the_chain_is_killed_each_is_there_once(local_stack: Any, tmp_path: Path) -> None:
    assert len(KILLS) == 30
    with certificate_chain(local_stack.addresses, tmp_path) as chain:
        chain.complete()
        died = []
        for job in (PROGRESS, PRE_PROCESSOR, GENERATOR, NOTIFICATIONS):
            if job == NOTIFICATIONS:
                chain.forward_notifications()
            for number, (_, point) in enumerate(kill for kill in kills() if kill[0] == job):
                ended = chain.drain(job, crash_at=point)
                died.append((job, number, ended.exit_code < 0))
            chain.drained(job)
        check(chain)
        # Later kills of a job may come to nothing when the earlier ones have left too little; most must not.
        assert sum(is_dead for _, _, is_dead in died) > len(died) / 2, died


def test_a_registry_that_lies_makes_no_second_certificate(local_stack: Any, tmp_path: Path) -> None:
    with certificate_chain(local_stack.addresses, tmp_path) as chain:
        chain._third_party.services["registry"].add({"lies": ["drop", "500", "503"]})
        chain.complete()
        for _ in range(4):
            if chain.drain().exit_code == 0:
                break
        chain.forward_notifications()
        chain.drained()
        check(chain)
