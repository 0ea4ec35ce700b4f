"""Rows with whatever columns they have, copied on a real Cassandra; tables of the pipeline's own."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest

from lern_pipeline.errors import ConfigurationError
from lern_pipeline.microbatch.own_table import OwnTable
from lern_pipeline.microbatch.plan import Account, Plan, RowWrites
from lern_pipeline.microbatch.plan_encoding import decode_plan, encode_plan
from lern_pipeline.resources.cassandra import Cassandra
from lern_pipeline_tests.stack.servers import Servers

pytestmark = pytest.mark.stack

NOW_US = 1_800_000_000_000_000
KEY = ("owner", "name")
TYPES = {
    "a_text": ("text", "'it''s'", "it's"),
    "a_number": ("int", "-7", -7),
    "a_bigint": ("bigint", "9007199254740993", 9007199254740993),
    "a_varint": ("varint", "12345678901234", 12345678901234),
    "a_float": ("float", "12.1", pytest.approx(12.1, rel=1e-6)),
    "a_double": ("double", "0.1", 0.1),
    "a_decimal": ("decimal", "12.340", "12.340"),
    "a_flag": ("boolean", "false", False),
    "a_time": ("timestamp", "'2024-02-03 04:05:06.007+0000'", 1706933106007),
    "far": ("timestamp", "1704448800000000", 1704448800000000),
    "a_day": ("date", "'2024-02-29'", "2024-02-29"),
    "hours": ("time", "'08:12:54.123456789'", "08:12:54.123456789"),
    "an_id": ("uuid", "6f2f6a0e-6d0a-5d6c-9d4e-0c2f3f1b7a51", "6f2f6a0e-6d0a-5d6c-9d4e-0c2f3f1b7a51"),
    "a_blob": ("blob", "0x00ff", b"\x00\xff"),
    "words": ("set<text>", "{'b', 'a'}", ["a", "b"]),
    "days": ("map<text, timestamp>", "{'x': 1}", {"x": 1}),
    "certificates": ("list<frozen<map<text, text>>>", "[{'a': 'b'}, {}]", [{"a": "b"}, {}]),
    '"Mixed Case"': ("text", "'kept'", "kept"),
    '"select"': ("int", "1", 1),
}


@pytest.fixture(scope="module")
def cassandra(servers: Servers) -> Iterator[Cassandra]:
    cassandra = Cassandra(servers.settings(changed={"ledger.keyspace": servers.env}))
    yield cassandra
    cassandra.session().execute(f"DROP KEYSPACE IF EXISTS {servers.env}")
    cassandra.close()


@pytest.fixture(scope="module")
def table(cassandra: Cassandra, servers: Servers) -> str:
    """One column of every type."""
    own = OwnTable(
        servers.env,
        "everything",
        {"owner": "text", "name": "text"} | {name: type_ for name, (type_, _, _) in TYPES.items()},
        ("owner",),
        ("name",),
    )
    cassandra.ensure_table(own)
    cassandra.ensure_table(own)
    return own.full_name


def rows_of(cassandra: Cassandra, table: str, owner: str) -> list[dict[str, Any]]:
    return cassandra.select_rows(table, (), "owner", [(owner,)])


def test_a_row_of_every_type_is_copied_through_a_stored_plan(cassandra: Cassandra, table: str) -> None:
    names, values = ", ".join(TYPES), ", ".join(value for _, value, _ in TYPES.values())
    cassandra.session().execute(f"INSERT INTO {table} (owner, name, {names}) VALUES ('old', 'n', {values})")
    (row,) = rows_of(cassandra, table, "old")
    plain = {name.strip('"'): value for name, (_, _, value) in TYPES.items()}
    assert row == {"owner": "old", "name": "n"} | plain

    columns = tuple(name for name in row if name not in KEY)
    copy = ["new", "n", *(row[name] for name in columns), NOW_US]
    plan = Plan("job", "key", 1, 0, Account(), rows=[RowWrites(table, KEY, columns, rows=[copy], insert=True)])
    for writes in decode_plan(b"".join(encode_plan(plan))).rows:
        cassandra.apply(writes)
    assert rows_of(cassandra, table, "new") == [row | {"owner": "new"}]
    stored = cassandra.session().execute(f"SELECT an_id FROM {table} WHERE owner = 'new'").one()
    assert stored[0] == UUID(row["an_id"])


def test_lists_written_again_are_not_doubled(cassandra: Cassandra, table: str) -> None:
    """Neither by the same process nor by one that carries out the stored plan later; and later progress wins."""
    planned = int(time.time() * 1e6) - 10**9
    writes = RowWrites(table, KEY, ("certificates", "a_number"), rows=[["lists", "n", [{"a": "b"}, {}], 1, planned]])
    for insert in (False, True):
        writes.insert = insert
        for _ in range(2):
            cassandra.apply(writes)
            assert rows_of(cassandra, table, "lists")[0]["certificates"] == [{"a": "b"}, {}]
            # No run is so quick.
            time.sleep(0.2)
    cassandra.apply(RowWrites(table, KEY, ("certificates",), rows=[["lists", "n", [{"later": "c"}], planned + 10**6]]))
    cassandra.apply(writes)
    assert rows_of(cassandra, table, "lists")[0]["certificates"] == [{"later": "c"}]


def test_an_inserted_row_is_there_without_any_column(cassandra: Cassandra, table: str) -> None:
    cassandra.apply(RowWrites(table, KEY, rows=[["bare", "n", NOW_US]], insert=True))
    assert rows_of(cassandra, table, "bare") == [{"owner": "bare", "name": "n"}]


def test_a_column_added_later_is_read(cassandra: Cassandra, table: str, servers: Servers) -> None:
    cassandra.apply(RowWrites(table, KEY, ("a_number",), rows=[["grown", "n", 1, NOW_US]]))
    assert rows_of(cassandra, table, "grown") == [{"owner": "grown", "name": "n", "a_number": 1}]
    cassandra.session().execute(f"ALTER TABLE {table} ADD later text")
    cassandra.apply(RowWrites(table, KEY, ("later",), rows=[["grown", "n", "x", NOW_US]]))
    assert rows_of(cassandra, table, "grown") == [{"owner": "grown", "name": "n", "a_number": 1, "later": "x"}]


def test_a_type_that_cannot_be_copied_is_named(cassandra: Cassandra, servers: Servers) -> None:
    own = OwnTable(servers.env, "durations", {"owner": "text", "lasts": "duration"}, ("owner",))
    cassandra.ensure_table(own)
    cassandra.session().execute(f"INSERT INTO {own.full_name} (owner, lasts) VALUES ('a', 1h)")
    with pytest.raises(ConfigurationError, match=r"durations\.lasts"):
        rows_of(cassandra, own.full_name, "a")


def test_a_missing_table_is_named(cassandra: Cassandra) -> None:
    with pytest.raises(ConfigurationError, match=r"no table sunbird_courses\.nothing"):
        rows_of(cassandra, "sunbird_courses.nothing", "a")


def test_the_keyspace_is_replicated_as_set(servers: Servers) -> None:
    replication = "{'class': 'NetworkTopologyStrategy', 'datacenter1': 1}"
    changed = {"ledger.keyspace": f"{servers.env}_nts", "ledger.replication": replication}
    cassandra = Cassandra(servers.settings(changed=changed))
    try:
        cassandra.ensure_table(OwnTable(f"{servers.env}_nts", "t", {"owner": "text"}, ("owner",)))
        row = cassandra.session().execute(
            f"SELECT replication FROM system_schema.keyspaces WHERE keyspace_name = '{servers.env}_nts'"
        )
        assert row.one()[0]["class"].endswith("NetworkTopologyStrategy")
        cassandra.session().execute(f"DROP KEYSPACE {servers.env}_nts")
    finally:
        cassandra.close()


def test_a_row_is_deleted_only_while_it_holds_what_is_said(cassandra: Cassandra, table: str) -> None:
    key = {"owner": "held", "name": "n"}
    cassandra.apply(RowWrites(table, KEY, ("a_number",), rows=[["held", "n", 1, 1_000_000]]))
    assert not cassandra.delete_if_holds(table, key, {"a_number": 2})
    assert rows_of(cassandra, table, "held") != []
    assert cassandra.delete_if_holds(table, key, {"a_number": 1})
    assert rows_of(cassandra, table, "held") == []
    assert not cassandra.delete_if_holds(table, key, {"a_number": 1})


def test_the_primary_key_has_the_partition_key_first(cassandra: Cassandra, table: str) -> None:
    assert cassandra.primary_key(table) == KEY
    assert cassandra.primary_key("sunbird.usr_external_identity") == ("provider", "idtype", "externalid")
