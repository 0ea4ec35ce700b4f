"""The users of the contract's examples in a real Cassandra, and the indexer at work on them."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from lern_pipeline.jobs.user_cache_indexer.buckets import all_buckets
from lern_pipeline.jobs.user_cache_indexer.indexer import Indexer, Request
from lern_pipeline.jobs.user_cache_indexer.kept import KeptBuckets
from lern_pipeline.jobs.user_cache_indexer.selection import Selection
from lern_pipeline.microbatch.plan import RowWrites
from lern_pipeline.microbatch.services import Services
from lern_pipeline.microbatch.store import BatchStore
from lern_pipeline.resources.cassandra import Cassandra
from lern_pipeline.resources.services import indexing_services
from lern_pipeline.settings import JobSettings
from lern_pipeline_tests.jobs.user_cache_indexer.cassandra_users import U1, total
from lern_pipeline_tests.stack.servers import Servers
from lern_pipeline_tests.third_party.server import ThirdParty

DATABASE, INPUT = 13, 15
USERS = 1500
TABLES = (
    "user",
    "user_organisation",
    "organisation",
    "location",
    "system_settings",
    "usr_external_identity",
    "user_declarations",
)
NAMES = {"userid": "", "firstname": "Name", "rootorgid": "org-kar", "status": 1}


class UserTables:
    """The examples' data in Cassandra, and many users; their hashes in databases that no default names."""

    def __init__(self, servers: Servers, third_party: ThirdParty, store: Path, **changed: Any) -> None:
        own = {
            "redis.user.database.index": DATABASE,
            "redis.user.input.index": INPUT,
            "taxonomy.basePath": third_party.address,
            "redis.scan.count": 100,
        }
        self.settings: JobSettings = servers.settings("user-cache-indexer", own | changed)
        self.services: Services = indexing_services(self.settings)
        self.store = store
        self.indexer: Indexer | None = None

    def write(self, table: str, key: tuple[str, ...], rows: list[dict[str, Any]]) -> None:
        """Rows that have the same columns."""
        columns = tuple(name for name in rows[0] if name not in key)
        values = [[*(row[name] for name in (*key, *columns)), 1] for row in rows]
        self.services.rows.apply(RowWrites(f"sunbird.{table}", key, columns, rows=values, insert=True))

    def truncate(self) -> None:
        """No users, and nothing that belongs to them."""
        cassandra = self.services.rows
        assert isinstance(cassandra, Cassandra)
        for table in TABLES:
            cassandra.session().execute(f"TRUNCATE sunbird.{table}", timeout=120)

    def give_common_data(self) -> None:
        """The examples' organisations and locations."""
        self.write(
            "system_settings", ("id",), [{"id": "custodianOrgId", "field": "custodianOrgId", "value": "org-cust"}]
        )
        organisations = (
            ("org-cust", "Custodian", 5, None),
            ("org-kar", "Kar Dept", 5, None),
            ("org-s1", "GHPS [Hebbal]", 2, "2922"),
        )
        names = ("id", "orgname", "organisationtype", "externalid")
        self.write("organisation", ("id",), [dict(zip(names, values, strict=True)) for values in organisations])
        locations = (("L1", "state", "Karnataka"), ("L2", "district", "Mysuru"), ("L3", "Block", "Nanjangud"))
        self.write(
            "location", ("id",), [dict(zip(("id", "type", "name"), values, strict=True)) for values in locations]
        )

    def give(self) -> None:
        """The first example's user, many more, and a row without `userid`."""
        self.give_common_data()
        self.write("user", ("id",), [{"id": "u1"} | U1])
        self.write("user", ("id",), [{"id": f"t{n}"} | NAMES | {"userid": f"t{n}"} for n in range(USERS)])
        self.write("user", ("id",), [{"id": "ghost", "email": "e"}])
        members = [("u1", "org-cust"), ("u1", "org-s1"), *((f"t{n}", "org-kar") for n in range(USERS))]
        self.write(
            "user_organisation",
            ("userid", "organisationid"),
            [{"userid": user, "organisationid": organisation, "isdeleted": False} for user, organisation in members],
        )

    def run(self, mode: Any = "update", specific: str | None = None, count: int = 8) -> Any:
        kept = KeptBuckets(BatchStore(str(self.store), "user-cache-indexer"))
        self.indexer = Indexer(self.settings, self.services, kept)
        request = Request(uuid.uuid4().hex, Selection(specific, None, ZoneInfo("UTC")), mode)
        return total(self.indexer.execute(all_buckets(count), request).values())
