"""Runs: races with events, attempts, modes, keys of nobody."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from lern_pipeline.errors import ConfigurationError, ServiceUnavailable
from lern_pipeline.jobs.user_cache_indexer import indexer, lookups
from lern_pipeline.jobs.user_cache_indexer.buckets import Bucket, all_buckets
from lern_pipeline.microbatch.user_directory import NoAnswer
from lern_pipeline_tests.jobs.user_cache_indexer.cassandra_users import U1, U1_HASH, Indexing, give_membership, settings

pytestmark = pytest.mark.rules


def someone(indexing: Indexing, count: int = 20) -> list[str]:
    ids = [f"u{number:02d}" for number in range(count)]
    for id_ in ids:
        indexing.user(id_, firstname=f"Name {id_}", rootorgid="org-kar")
    return ids


def test_every_user_is_indexed_once_and_twice_is_the_same(indexing: Indexing) -> None:
    ids = someone(indexing)
    first = indexing.run()
    assert (first.selected, first.written, first.unchanged) == (20, 20, 0)
    before = {key: dict(fields) for key, fields in indexing.hashes().items()}
    assert before.keys() == {f"user:{id_}" for id_ in ids}
    second = indexing.run(attempts_of="run-2")
    assert (second.written, second.unchanged) == (0, 20)
    assert indexing.hashes() == before


def test_a_bucket_indexes_its_own_users_alone(indexing: Indexing) -> None:
    someone(indexing)
    counts = [indexing.run(buckets=[bucket]).written for bucket in all_buckets(4)]
    assert sum(counts) == 20
    assert max(counts) < 20


def test_several_buckets_at_a_time_come_to_the_same(indexing: Indexing) -> None:
    ids = someone(indexing)
    indexing.settings = settings(user_index_buckets_at_a_time="4")
    assert indexing.run("refresh").written == 20
    assert indexing.hashes().keys() == {f"user:{id_}" for id_ in ids}


def test_an_update_leaves_other_fields_alone_and_clears_what_moved(indexing: Indexing) -> None:
    indexing.user("u1", ("org-cust", "org-s1"), **U1)
    indexing.give_hash("u1", {"userlogintype": "teacher", "language": "", "block": "Old", "framework_old": "[]"})
    tally = indexing.run()
    assert indexing.hash_of("u1") == U1_HASH | {"userlogintype": "teacher", "language": ""}
    assert tally.fields_removed == 2


def test_a_row_without_userid_is_skipped_and_a_key_of_another_type_fails_alone(indexing: Indexing) -> None:
    indexing.user("u1", userid=None)
    indexing.user("u2", firstname="B")
    indexing.user("u3", firstname="C")
    indexing.hashes()["user:u2"] = "text"
    tally = indexing.run()
    assert (tally.without_userid, tally.selected, tally.failed, tally.written) == (1, 2, 1, 1)
    assert indexing.hashes().keys() == {"user:u2", "user:u3"}
    assert indexing.hash_of("u2") == "text"


def test_what_an_event_wrote_after_the_user_was_found_is_not_overwritten(indexing: Indexing) -> None:
    """The user changes, and the updater writes it, between the scan and the look at the hash."""
    indexing.user("u1", firstname="Old", rootorgid="org-kar")
    rows, caches = indexing.world.rows, indexing.world.caches
    read = caches.hashes

    def meanwhile(*arguments: Any) -> Any:
        rows.give("sunbird.user", {"id": "u1"}, {"firstname": "New"})
        indexing.give_hash("u1", {"firstname": "New"})
        return read(*arguments)

    caches.hashes = meanwhile  # type: ignore[method-assign]
    indexing.run()
    assert indexing.hash_of("u1")["firstname"] == "New"


def test_what_an_event_writes_between_read_and_write_makes_it_look_again(indexing: Indexing) -> None:
    indexing.user("u1", firstname="Old", rootorgid="org-kar")
    rows, found = indexing.world.rows, []
    scan = rows.scan

    def meanwhile(table: str, columns: Any, *arguments: Any) -> Any:
        yield from list(scan(table, columns, *arguments))
        if table == "sunbird.user" and "firstname" in columns and not found:
            found.append(table)
            rows.give("sunbird.user", {"id": "u1"}, {"firstname": "New"})
            indexing.give_hash("u1", {"firstname": "New", "userlogintype": "teacher"})

    rows.scan = meanwhile  # type: ignore[method-assign]
    tally = indexing.run()
    assert found
    assert indexing.hash_of("u1")["firstname"] == "New"
    assert indexing.hash_of("u1")["userlogintype"] == "teacher"
    assert (tally.selected, tally.written) == (1, 1)


def test_a_user_who_is_gone_meanwhile_gets_no_hash(indexing: Indexing) -> None:
    indexing.user("u1", firstname="A")
    rows = indexing.world.rows
    scan = rows.scan

    def without_u1(table: str, columns: Any, *arguments: Any) -> Any:
        return iter(()) if "firstname" in columns else scan(table, columns, *arguments)

    rows.scan = without_u1  # type: ignore[method-assign]
    tally = indexing.run()
    assert (tally.gone, tally.written) == (1, 0)
    assert indexing.hashes() == {}


def counted(scan: Any, scanned: Counter[Bucket]) -> Any:
    """Counts the buckets that a scan is of."""

    def counting(table: str, columns: Any, partition: str, equal: Any, tokens: tuple[int, int]) -> Any:
        scanned[Bucket.of(tokens[0], 4)] += 1
        return scan(table, columns, partition, equal, tokens)

    return counting


def test_another_attempt_goes_on_behind_the_finished_buckets(indexing: Indexing) -> None:
    someone(indexing)
    scan, scans = indexing.world.rows.scan, 0

    def dies_in_the_third(table: str, columns: Any, *arguments: Any) -> Any:
        nonlocal scans
        scans += "firstname" not in columns and table == "sunbird.user"
        if scans == 3:
            raise ServiceUnavailable("Cassandra", "c:9042", "down")
        return scan(table, columns, *arguments)

    indexing.world.rows.scan = dies_in_the_third  # type: ignore[method-assign]
    with pytest.raises(ServiceUnavailable):
        indexing.run()
    before = len(indexing.hashes())
    assert 0 < before < 20
    indexing.world.rows.scan = scan  # type: ignore[method-assign]
    indexing.world.rows.scans.clear()
    scanned = Counter[Bucket]()
    indexing.world.rows.scan = counted(scan, scanned)  # type: ignore[method-assign]
    assert indexing.run().written == 20
    assert scanned.keys() == set(all_buckets(4)[2:])
    indexing.world.rows.scan = scan  # type: ignore[method-assign]
    # Somebody who asks anew, or for something else, gets it done anew.
    assert indexing.run(attempts_of="run-2").unchanged == 20
    assert indexing.run("refresh", attempts_of="run-2").unchanged == 20


def test_only_one_user_is_indexed_whatever_the_bucket(indexing: Indexing) -> None:
    someone(indexing)
    for bucket in all_buckets(4):
        indexing.hashes().clear()
        assert indexing.run(specific_user_id="u07", buckets=[bucket]).written == 1
        assert indexing.hashes().keys() == {"user:u07"}
    assert indexing.run(specific_user_id="u07", from_specific_date="2099-01-01").selected == 1
    assert indexing.run(specific_user_id="nobody").selected == 0


def test_one_user_refreshed(indexing: Indexing) -> None:
    indexing.user("u1", firstname="A")
    indexing.give_hash("u1", {"lastname": "old"})
    indexing.give_hash("u2", {"usersignintype": "Validated"})
    indexing.give_hash("u3", {"usersignintype": "Anonymous"})
    for id_ in ("u1", "u2", "u3"):
        indexing.run("refresh", specific_user_id=id_)
    assert indexing.hashes().keys() == {"user:u1", "user:u3"}
    assert "lastname" not in indexing.hash_of("u1")


def test_a_refresh_never_shows_an_empty_cache(indexing: Indexing) -> None:
    ids = someone(indexing)
    indexing.run()
    indexing.give_hash("gone", {"usersignintype": "Validated"})
    caches = indexing.world.caches
    apply, least = caches.apply, [len(ids)]

    def watched(writes: Any) -> None:
        apply(writes)
        least.append(sum(f"user:{id_}" in indexing.hashes() for id_ in ids))

    caches.apply = watched  # type: ignore[method-assign]
    indexing.run("refresh", attempts_of="run-2")
    assert len(least) > 1
    assert min(least) == len(ids)
    assert indexing.hash_of("gone") is None


def test_a_refresh_deletes_nobody_who_came_after_the_scan(indexing: Indexing) -> None:
    someone(indexing, 3)
    rows, scan = indexing.world.rows, indexing.world.rows.scan

    def and_then_somebody_comes(table: str, columns: Any, *arguments: Any) -> Any:
        yield from list(scan(table, columns, *arguments))
        if table == "sunbird.user":
            indexing.user("new", firstname="N")
            indexing.give_hash("new", {"firstname": "N", "usersignintype": "Validated"})

    rows.scan = and_then_somebody_comes  # type: ignore[method-assign]
    indexing.run("refresh", buckets=[Bucket(0, 1)])
    assert indexing.hash_of("new") is not None


def test_a_refresh_of_some_buckets_deletes_in_these_alone(indexing: Indexing) -> None:
    for number in range(20):
        indexing.give_hash(f"gone{number}", {"usersignintype": "Validated"})
    deleted = [indexing.run("refresh", buckets=[bucket]).keys_deleted for bucket in all_buckets(4)]
    assert sum(deleted) == 20
    assert max(deleted) < 20
    assert indexing.hashes() == {}


def test_a_refresh_of_recent_users_deletes_none_of_the_others(indexing: Indexing) -> None:
    indexing.user("u1", updateddate="2020-01-01 10:00:00:000+0000")
    indexing.give_hash("u1", {"usersignintype": "Validated"})
    assert indexing.run("refresh", from_specific_date="2024-01-01").selected == 0
    assert indexing.hash_of("u1") == {"usersignintype": "Validated"}


def test_anonymous_users_alone_are_copied(indexing: Indexing) -> None:
    someone(indexing, 2)
    indexing.give_hash("a1", {"usersignintype": "Anonymous", "userlogintype": "student", "state": "x"}, 4)
    indexing.give_hash("a2", {"userlogintype": "teacher"}, 4)
    indexing.give_hash("a3", {"state": "x"}, 4)
    indexing.give_hash("r1", {"usersignintype": "Validated"}, 4)
    indexing.hashes(4)["_spark:user:schema"] = "binary"
    assert indexing.run("anonymous").copied == 2
    assert indexing.hashes() == {
        "user:a1": {"usersignintype": "Anonymous", "userlogintype": "student"},
        "user:a2": {"userlogintype": "teacher"},
    }


@pytest.mark.parametrize("few", [True, False])
def test_a_user_whose_two_ids_differ_is_found_by_one_and_known_by_the_other(
    indexing: Indexing, monkeypatch: pytest.MonkeyPatch, few: bool
) -> None:
    monkeypatch.setattr(indexer, "FEW", 1.0 if few else 0.0)
    indexing.user("row-7", userid="u7", rootorgid="org-cust")
    give_membership(indexing.world.rows, "u7", "org-s1", False)
    assert indexing.run("refresh").keys_deleted == 0
    assert indexing.hash_of("u7")["schooludisecode"] == "2922"
    assert indexing.hashes().keys() == {"user:u7"}


def test_a_few_of_many_users_are_looked_for_one_by_one(indexing: Indexing) -> None:
    """Their part of the ring is not read for them."""
    columns: list[Any] = []
    scan = indexing.world.rows.scan

    def told(table: str, names: Any, *arguments: Any) -> Any:
        columns.append(names)
        # All in one page, as Cassandra does.
        yield [row for page in scan(table, names, *arguments) for row in page]

    indexing.world.rows.scan = told  # type: ignore[method-assign]
    for number in range(40):
        indexing.user(f"o{number}", updateddate="2020-01-01 10:00:00:000+0000")
    indexing.user("new", firstname="N", updateddate="2024-05-02 10:00:00:000+0000")
    assert indexing.run(from_specific_date="2024-01-01", buckets=[Bucket(0, 1)]).written == 1
    assert indexing.hash_of("new")["firstname"] == "N"
    assert columns == [("id", "userid", "updateddate")]


def test_a_framework_that_cannot_be_read_costs_its_lists_alone(indexing: Indexing) -> None:
    indexing.user("u1", ("org-cust", "org-s1"), **U1)
    indexing.give_hash("u1", {"framework_board": "stored"})
    indexing.world.directory.categories["kar"] = NoAnswer("framework-read: answered 500")
    indexing.run()
    assert indexing.hash_of("u1")["framework_board"] == "stored"
    assert indexing.hash_of("u1")["state"] == "Karnataka"
    assert indexing.indexer.lookups.framework_failures == {"kar": "framework-read: answered 500"}


def test_an_outage_of_the_framework_service_is_no_end(indexing: Indexing, monkeypatch: pytest.MonkeyPatch) -> None:
    indexing.user("u1", ("org-cust", "org-s1"), **U1)

    def down(ids: Any) -> Any:
        raise ServiceUnavailable("framework service", "http://f", "did not answer")

    monkeypatch.setattr(indexing.world.directory, "framework_categories", down)
    assert indexing.run().written == 1
    assert indexing.hash_of("u1")["framework_id"] == "kar"


def test_a_framework_is_read_once_a_run(indexing: Indexing) -> None:
    for number in range(20):
        indexing.user(f"u{number}", framework={"id": ["kar"]})
    indexing.run()
    assert indexing.world.directory.asked == ["kar"]
    assert indexing.indexer.lookups.framework_reads == 1


def test_what_is_remembered_is_bounded(indexing: Indexing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lookups, "MOST_REMEMBERED", 3)
    for number in range(9):
        organisation = f"s{number}"
        columns = {"orgname": organisation, "organisationtype": 2, "externalid": None}
        indexing.world.rows.give("sunbird.organisation", {"id": organisation}, columns)
        indexing.user(f"u{number}", (organisation,), rootorgid="org-kar")
    indexing.run()
    assert [indexing.hash_of(f"u{number}")["schoolname"] for number in range(9)] == [f"s{n}" for n in range(9)]


def test_without_a_custodian_organisation_nothing_is_written(indexing: Indexing) -> None:
    indexing.user("u1", firstname="A")
    indexing.world.rows.give("sunbird.system_settings", {"id": "custodianOrgId"}, {"value": None})
    with pytest.raises(ConfigurationError, match="custodianOrgId"):
        indexing.run()
    assert indexing.hashes() == {}
