"""Streams of events of each job on stores in memory, for what must hold of any stream (see ``test_any_stream.py``).

What a contract excepts from an invariant stands with the job, in words and in what is compared.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

from hypothesis import strategies as st

from lern_pipeline.jobs.assessment_aggregator.job import ASSESSMENT_AGGREGATOR
from lern_pipeline.jobs.enrolment_reconciliation.job import ENROLMENT_RECONCILIATION
from lern_pipeline.jobs.merge_user_courses.job import MERGE_USER_COURSES
from lern_pipeline.jobs.relation_cache_updater.job import RELATION_CACHE_UPDATER
from lern_pipeline.jobs.user_deletion_cleanup.job import USER_DELETION_CLEANUP
from lern_pipeline.jobs.user_ownership_transfer.job import USER_OWNERSHIP_TRANSFER
from lern_pipeline.microbatch.service_readers import StatusFound
from lern_pipeline_tests.jobs.activity_aggregate_updater.learners import AUDIT, CERTIFICATES
from lern_pipeline_tests.jobs.assessment_aggregator.assessments import E1_MS, Assessments, assessed
from lern_pipeline_tests.jobs.assessment_aggregator.assessments import FAILED as FAILED_ASSESSMENTS
from lern_pipeline_tests.jobs.assessment_aggregator.test_properties import USERS, attempts, event_of, score_of
from lern_pipeline_tests.jobs.enrolment_reconciliation.conftest import FAILED as FAILED_SYNCS
from lern_pipeline_tests.jobs.enrolment_reconciliation.conftest import SyncingLearners, syncing_learners
from lern_pipeline_tests.jobs.merge_user_courses.accounts import FAILED as FAILED_MERGES
from lern_pipeline_tests.jobs.merge_user_courses.accounts import SYNC, Accounts
from lern_pipeline_tests.jobs.merge_user_courses.test_properties import NOW_COLUMNS, accounts_of, merges, worlds
from lern_pipeline_tests.jobs.relation_cache_updater.collections_in_memory import FAILED as FAILED_COLLECTIONS
from lern_pipeline_tests.jobs.relation_cache_updater.collections_in_memory import Collections, collections, named_in
from lern_pipeline_tests.jobs.relation_cache_updater.test_hierarchy_properties import trees
from lern_pipeline_tests.jobs.stream import Draw, Events, Stream, in_any_order, said, swapped
from lern_pipeline_tests.jobs.user_deletion_cleanup.users import AUDIT as DELETIONS
from lern_pipeline_tests.jobs.user_deletion_cleanup.users import FAILED as FAILED_DELETIONS
from lern_pipeline_tests.jobs.user_deletion_cleanup.users import Users
from lern_pipeline_tests.jobs.user_ownership_transfer.course_batches import FAILED as FAILED_TRANSFERS
from lern_pipeline_tests.jobs.user_ownership_transfer.course_batches import CourseBatches
from lern_pipeline_tests.jobs.user_ownership_transfer.test_properties import batches_of, owned, transfers
from lern_pipeline_tests.jobs.user_streams import PROGRAMS, USER_CACHE

# --- relation-cache-updater: nothing is excepted while the hierarchies stay as they are. Units have ids of their own in
# each collection: of units with one id the JSON written last stays (contract 4.4, 5).

ROOTS = ("do_A", "do_B")
BROKEN, UNKNOWN = "do_broken", "do_unknown"


def _published_before(base: str, given: dict[str, tuple[Any, Any]]) -> Collections:
    platform = collections(base)
    for root, (before, _) in given.items():
        platform.hierarchy(root, named_in(root, before))
        platform.published(root)
    platform.run()
    for root, (_, now) in given.items():
        platform.hierarchy(root, named_in(root, now))
    platform.hierarchy(BROKEN, "[")
    return platform


def _nothing(platform: Any) -> list[str]:
    """The job tells nobody."""
    return said(platform)


RELATIONS = Stream(
    job=RELATION_CACHE_UPDATER.name,
    given=st.fixed_dictionaries(dict.fromkeys(ROOTS, st.tuples(trees, trees))),
    events=st.lists(st.sampled_from([*ROOTS, BROKEN, UNKNOWN]), min_size=1, max_size=8),
    make=_published_before,
    send=Collections.published,
    state=Collections.keys_and_values,
    told=_nothing,
    told_in_any_cut=_nothing,
    told_once=_nothing,
    failed=FAILED_COLLECTIONS,
    repeated=in_any_order,
)

# --- enrolment-reconciliation: a course without leaf nodes fails once per batch that asks for it (contract 5 step 6),
# as often as it is asked for; for a retired one the record is made too.

SYNC_USERS = ("u-1", "u-2", "u-3")
SYNC_COURSES = {
    "do_9300": ("do_z1", "do_z2"),
    "do_9001": ("do_r1", "do_r2", "do_r3"),
    "do_retired": ("do_y",),
    "do_unknown": ("do_x",),
}


def _consumed(base: str, given: dict[tuple[str, str], tuple[int | None, dict[str, int | None]]]) -> SyncingLearners:
    learners = syncing_learners(base)
    learners.world.collections.answers["do_retired"] = StatusFound("Retired")
    for (user, course), (enrolment, contents) in given.items():
        if enrolment is not None:
            learners.enrolled(user, course, "B-800", status=enrolment)
        for content, status in contents.items():
            learners.consumed(user, content, status, course, "B-800")
    return learners


def _of_course(course: str) -> st.SearchStrategy[Any]:
    statuses = st.sampled_from([None, 1, 2, 2])
    return st.tuples(
        st.sampled_from([None, 0, 1, 2]),
        st.fixed_dictionaries({}, optional=dict.fromkeys(SYNC_COURSES[course], statuses)),
    )


_enrolments = [(user, course) for user in SYNC_USERS for course in SYNC_COURSES]


def _completions(learners: SyncingLearners) -> list[str]:
    return said(learners, CERTIFICATES, AUDIT)


RECONCILIATION = Stream(
    job=ENROLMENT_RECONCILIATION.name,
    given=st.fixed_dictionaries({key: _of_course(key[1]) for key in _enrolments}),
    events=st.lists(st.sampled_from(_enrolments), min_size=1, max_size=8),
    make=_consumed,
    send=lambda learners, event: learners.sync(*event),
    state=SyncingLearners.state,
    told=_completions,
    told_in_any_cut=_completions,
    told_once=_completions,
    failed=FAILED_SYNCS,
    repeated=in_any_order,
)

# --- assessment-aggregator: of two events of one attempt and time the first counts (contract 9), so here they have the
# same answers. A batch asks for one certificate per learner (9): how many, and for which attempt all but the last,
# depends on the cut. A request to compute again always runs again and asks again (10); here one learner makes them.

RECOMPUTED = "usr-again"


def _attempted_before(base: str, given: None) -> Assessments:
    assessments = Assessments(base)
    for user in (USERS[0], RECOMPUTED):
        assessments.stored("a1", user=user, last_attempted_on=E1_MS, total_score=score_of(0), total_max_score=1.0)
        # What an attempt leaves that was stored the usual way.
        assessments.publish(assessed([], userId=user))
    assessments.run()
    return assessments


def _attempt(assessments: Assessments, event: Any) -> None:
    assessments.publish(assessed([], userId=RECOMPUTED) if event == RECOMPUTED else event_of(event))


def _asked_for(assessments: Assessments, users: Iterable[str] = (*USERS, RECOMPUTED)) -> list[str]:
    return sorted(f"{user}: {attempt}" for user, attempt in assessments.certificates() if user in users)


def _asked_for_last(assessments: Assessments) -> list[str]:
    return sorted(f"{user}: {attempt}" for user, attempt in dict(assessments.certificates()).items())


ASSESSMENTS = Stream(
    job=ASSESSMENT_AGGREGATOR.name,
    given=st.none(),
    events=st.lists(attempts | st.just(RECOMPUTED), min_size=1, max_size=10),
    make=_attempted_before,
    send=_attempt,
    state=Assessments.state,
    told=_asked_for,
    told_in_any_cut=_asked_for_last,
    told_once=partial(_asked_for, users=USERS),
    failed=FAILED_ASSESSMENTS,
    repeated=in_any_order,
)

# --- merge-user-courses: merges that share an account are made in the order in which they come (contract 7): a → b,
# b → c gives c the rows of a, the other way round it does not. Repetitions may come anywhere after the first.


def _repeated_pairs(events: Events, draw: Draw) -> Events:
    pairs = list(events)
    for pair in draw(st.lists(st.sampled_from(events), max_size=4)):
        pairs.insert(draw(st.integers(pairs.index(pair) + 1, len(pairs))), pair)
    return swapped(pairs, draw, lambda one, other: not {*one} & {*other})


def _synced(accounts: Accounts) -> list[str]:
    return said(accounts, SYNC)


MERGES = Stream(
    job=MERGE_USER_COURSES.name,
    given=worlds,
    events=merges,
    make=lambda base, given: accounts_of(given, base),
    send=lambda accounts, pair: accounts.merge(*pair),
    state=lambda accounts: accounts.world.rows.state(NOW_COLUMNS),
    told=_synced,
    told_in_any_cut=_synced,
    told_once=_synced,
    failed=FAILED_MERGES,
    repeated=_repeated_pairs,
)

# --- user-ownership-transfer: transfers that share a user are made in the order in which they come (contract 5). Here
# nobody gets anything after having handed over: a transfer that comes again would hand that over too (8).

TRANSFERS = Stream(
    job=USER_OWNERSHIP_TRANSFER.name,
    given=owned,
    events=transfers,
    make=batches_of,
    send=lambda there, pair: there.transfer(*pair),
    state=CourseBatches.whole_state,
    told=_nothing,
    told_in_any_cut=_nothing,
    told_once=_nothing,
    failed=FAILED_TRANSFERS,
    repeated=_repeated_pairs,
)

# --- user-deletion-cleanup: the first date of a membership stays (contract 12), which depends on the cut. Whose account
# Keycloak keeps fails in each batch anew.

DELETED_USERS = ("u-1", "u-2", "u-3", "m-1")
KEPT_BY_KEYCLOAK = "u-3"


def _users_before(base: str, given: dict[str, str]) -> Users:
    users = Users(base)
    for user, kind in given.items():
        if kind != "unknown":
            users.whole(user)
        if kind == "blocked":
            users.blocked(user)
    users.row("m-1", firstname="Nila")
    users.cached("m-1")
    users.world.logins.trouble[KEPT_BY_KEYCLOAK] = "DELETE: answered 500; GET: answered 500"
    return users


def _deletion(users: Users, event: Any) -> None:
    user, organisation, mid, managed = event
    users.delete(user, organisation, mid, managed_users=list(managed))


def _told_of_deletions(users: Users) -> list[str]:
    return said(users, DELETIONS)


DELETIONS_OF_USERS = Stream(
    job=USER_DELETION_CLEANUP.name,
    given=st.fixed_dictionaries(dict.fromkeys(DELETED_USERS[:3], st.sampled_from(["whole", "blocked", "unknown"]))),
    events=st.lists(
        st.tuples(
            st.sampled_from(DELETED_USERS[:3]),
            st.sampled_from(["org-1", "org-1", "org-2"]),
            st.sampled_from(["a", "b"]),
            st.sampled_from([(), ("m-1",), ("m-1", "nobody")]),
        ),
        min_size=1,
        max_size=8,
    ),
    make=_users_before,
    send=_deletion,
    state=Users.state,
    told=_told_of_deletions,
    told_in_any_cut=_told_of_deletions,
    told_once=_told_of_deletions,
    failed=FAILED_DELETIONS,
    repeated=in_any_order,
)

STREAMS: Sequence[Stream] = (
    RELATIONS,
    RECONCILIATION,
    ASSESSMENTS,
    MERGES,
    TRANSFERS,
    DELETIONS_OF_USERS,
    USER_CACHE,
    PROGRAMS,
)
