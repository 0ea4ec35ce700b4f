"""Reading a whole table of a real Cassandra: every row once, whatever is asked for, over pages."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import pytest
from cassandra import OperationTimedOut

from lern_pipeline.errors import ConfigurationError
from lern_pipeline.microbatch.own_table import OwnTable
from lern_pipeline.microbatch.plan import RowWrites
from lern_pipeline.resources import table_scan
from lern_pipeline.resources.cassandra import Cassandra
from lern_pipeline.resources.table_scan import scan_table, token_ranges
from lern_pipeline_tests.stack.servers import Servers

USERS = 900
COURSES = ("do_1", "do_2", "do_'3'")
BATCHES = ("B1", "B2")


@pytest.fixture(scope="module")
def cassandra(servers: Servers) -> Iterator[Cassandra]:
    cassandra = Cassandra(servers.settings(changed={"ledger.keyspace": servers.env}))
    yield cassandra
    cassandra.session().execute(f"DROP KEYSPACE IF EXISTS {servers.env}")
    cassandra.close()


@pytest.fixture(scope="module")
def table(cassandra: Cassandra, servers: Servers) -> str:
    """Enrolments of everybody in everything."""
    columns = dict.fromkeys(("userid", "courseid", "batchid"), "text")
    own = OwnTable(servers.env, "scanned", columns, ("userid",), ("courseid", "batchid"))
    cassandra.ensure_table(own)
    users = [str(uuid.uuid4()) for _ in range(USERS)]
    rows = [[user, course, batch, 1] for user in users for course in COURSES for batch in BATCHES]
    cassandra.apply(RowWrites(own.full_name, own.key, rows=rows, insert=True))
    return own.full_name


def scanned(cassandra: Cassandra, table: str, equal: Mapping[str, str]) -> Counter[tuple[str, ...]]:
    pages = cassandra.scan(table, ("courseid", "batchid", "userid"), "userid", equal)
    return Counter(row for page in pages for row in page)


@pytest.mark.stack
@pytest.mark.parametrize(
    ("equal", "courses", "batches"),
    [
        ({}, COURSES, BATCHES),
        ({"courseid": "do_'3'"}, COURSES[2:], BATCHES),
        ({"courseid": "do_2", "batchid": "B1"}, COURSES[1:2], BATCHES[:1]),
        ({"courseid": "do_none"}, (), BATCHES),
    ],
    ids=lambda value: str(value),
)
@pytest.mark.parametrize("rows_per_page", [1000, 3])
def test_every_wanted_row_is_found_once(
    cassandra: Cassandra,
    table: str,
    monkeypatch: pytest.MonkeyPatch,
    equal: Mapping[str, str],
    courses: Sequence[str],
    batches: Sequence[str],
    rows_per_page: int,
) -> None:
    monkeypatch.setattr(table_scan, "ROWS_PER_PAGE", rows_per_page)
    monkeypatch.setattr(table_scan, "RANGES", 16)
    found = scanned(cassandra, table, equal)
    assert set(found.values()) <= {1}
    assert {(course, batch) for course, batch, _ in found} == {(c, b) for c in courses for b in batches}
    assert len(found) == USERS * len(courses) * len(batches)


@pytest.mark.rules
@pytest.mark.parametrize("count", [1, 2, 7, 512])
def test_the_ranges_cover_every_token_once(count: int) -> None:
    ranges = token_ranges(count)
    assert len(ranges) == count
    assert ranges[0][0] == -(2**63)
    assert ranges[-1][1] == 2**63 - 1
    assert all(after[0] == before[1] + 1 for before, after in pairwise(ranges))


class UnsteadySession:
    """Three pages in each range; every third page does not arrive at the first asking."""

    address = "cassandra:9042"
    metadata = SimpleNamespace(partitioner="org.apache.cassandra.dht.Murmur3Partitioner")

    def __init__(self) -> None:
        self.asked: Counter[tuple[int, int]] = Counter()
        self.failed = 0

    def answered(self, ask: Any) -> Any:
        return ask(self)

    def prepare(self, query: str) -> Any:
        return SimpleNamespace(bind=lambda values: SimpleNamespace(start=values[0]))

    def execute(self, bound: Any, paging_state: int | None) -> Any:
        page = paging_state or 0
        self.asked[bound.start, page] += 1
        return SimpleNamespace(
            paging_state=page + 1 if page < 2 else None, current_rows=[(bound.start, page)], column_types=[]
        )

    def execute_async(self, bound: Any, paging_state: int | None) -> Any:
        return SimpleNamespace(result=lambda: self._perhaps(bound, paging_state))

    def _perhaps(self, bound: Any, paging_state: int | None) -> Any:
        self.failed += 1
        if self.failed % 3 == 0:
            raise OperationTimedOut()
        return self.execute(bound, paging_state)


@pytest.mark.stack
def test_maps_are_dictionaries(cassandra: Cassandra, servers: Servers) -> None:
    own = OwnTable(servers.env, "maps", {"id": "text", "lists": "map<text, frozen<list<text>>>"}, ("id",))
    cassandra.ensure_table(own)
    lists = {"board": ["State"], "medium": ["Kannada", "English"]}
    rows = [["a", lists, 1], ["b", None, 1]]
    cassandra.apply(RowWrites(own.full_name, ("id",), ("lists",), rows=rows, insert=True))
    found = {id_: value for page in cassandra.scan(own.full_name, ("id", "lists"), "id", {}) for id_, value in page}
    assert found == {"a": lists, "b": None}
    assert type(found["a"]) is dict


@pytest.mark.rules
def test_a_page_that_did_not_arrive_is_asked_for_again_and_its_rows_come_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_scan, "RANGES", 20)
    session: Any = UnsteadySession()
    found = Counter(row for page in scan_table(session, "k.t", ("a", "b"), "a", {}) for row in page)
    assert session.failed > 3
    assert found == Counter((start, page) for start, _ in token_ranges(20) for page in range(3))


@pytest.mark.rules
def test_tokens_of_another_kind_are_refused() -> None:
    session: Any = UnsteadySession()
    session.metadata = SimpleNamespace(partitioner="org.apache.cassandra.dht.RandomPartitioner")
    with pytest.raises(ConfigurationError, match="RandomPartitioner"):
        list(scan_table(session, "k.t", ("a",), "a", {}))
