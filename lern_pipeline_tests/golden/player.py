"""Plays a group of recorded scenarios end to end: real servers, the product's own command, one drain per round."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lern_pipeline.local.addresses import StackAddresses
from lern_pipeline_tests.drain_process import DrainProcess
from lern_pipeline_tests.golden.comparing import Comparison
from lern_pipeline_tests.golden.freedoms import freedoms_of
from lern_pipeline_tests.golden.loading import CassandraRows, RedisKeys
from lern_pipeline_tests.golden.masks import RunWindow
from lern_pipeline_tests.golden.mongo import MongoDocuments
from lern_pipeline_tests.golden.scenarios import PLAY_CONF, Group, Scenario
from lern_pipeline_tests.golden.search import ScenarioDocuments
from lern_pipeline_tests.golden.topics import Topics
from lern_pipeline_tests.third_party.certificates import certificate_in
from lern_pipeline_tests.third_party.mail_server import MailServer, Refusal
from lern_pipeline_tests.third_party.server import ThirdParty

DRAIN_SECONDS = 600

#: The recordings load this keyspace, whatever the environment prefix.
HIERARCHY_KEYSPACE = 'jobs.relation-cache-updater.lms-cassandra.keyspace = "dev_hierarchy_store"'

#: Where certificates of the old registry are kept: storage is not part of the recordings.
STORAGE = "\n".join(
    (
        'jobs.collection-certificate-generator.cert_cloud_storage_type = "local"',
        'jobs.collection-certificate-generator.cert_cloud_storage_endpoint = "@HOME@/storage"',
    )
)


@dataclass(frozen=True)
class Found:
    """What one scenario left behind."""

    cassandra: Mapping[str, list[dict[str, Any]]]
    redis: Mapping[str, Mapping[str, dict[str, Any]]]
    documents: Mapping[str, list[dict[str, Any]]]
    search: Mapping[str, Mapping[str, Any]]
    messages: Mapping[str, list[dict[str, Any]]]
    requests: list[dict[str, Any]]
    mails: list[dict[str, Any]]


@dataclass(frozen=True)
class Outcome:
    """What one group left behind; `failure` is why its drain did not end well, and then the rest says little."""

    scenarios: Mapping[str, Scenario]
    found: Mapping[str, Found]
    batches: list[dict[str, Any]]
    waiting: int
    window: RunWindow
    failure: str | None

    def differences(self, name: str) -> list[str]:
        """What differs from the scenario's `expected`, apart from the account."""
        scenario = self.scenarios[name]
        found = self.found[name]
        expected = scenario.expected
        compare = Comparison(self.window, freedoms_of(scenario.free))
        lines = []
        for table, rows in expected.get("cassandra", {}).items():
            lines += compare.rows(table, rows, found.cassandra.get(table, []))
        for db, entries in expected.get("redis", {}).items():
            lines += compare.redis(db, entries, found.redis.get(db, {}))
        for index, documents in expected.get("search", {}).items():
            lines += compare.values(documents, found.search.get(index, {}), f"search {index}")
        for collection, documents in expected.get("mongo", {}).items():
            lines += compare.documents(collection, documents, found.documents.get(collection, []))
        for topic, messages in expected.get("messages", {}).items():
            lines += compare.messages(topic, messages, found.messages.get(topic, []))
        if "http" in expected:
            lines += compare.requests(expected["http"], found.requests)
        if "mail" in expected:
            lines += compare.mails(expected["mail"], found.mails)
        return lines + compare.headers(expected.get("headers") or [], found.requests)

    def account_differences(self) -> list[str]:
        """The group's account: drains report batches, and a batch holds events of several scenarios."""
        names = ("processed", "skipped", "failed")
        actual = {name: sum(batch[name] for batch in self.batches) for name in names}
        expected = {name: sum(one.account[name] for one in self.scenarios.values()) for name in names}
        # Events that may be either processed or skipped.
        either = sum(
            one.account["processed"] + one.account["skipped"]
            for one in self.scenarios.values()
            if freedoms_of(one.free).processed_or_skipped
        )
        again = sum(_requeued(one) for one in self.scenarios.values())
        lines = [
            f"{name}: expected {expected[name]}, found {actual[name]}"
            for name in names
            if not -either <= actual[name] - expected[name] <= either + again
            or (name == "failed" and actual[name] != expected[name])
        ]
        consumed = sum(batch["consumed"] for batch in self.batches)
        if consumed != sum(expected.values()) + again or consumed != sum(actual.values()):
            lines.append(
                f"consumed: expected {sum(expected.values()) + again}, found {consumed}, "
                f"accounted {sum(actual.values())}"
            )
        if self.waiting:
            lines.append(f"{self.waiting} records still wait")
        return lines


def play(
    group: Group,
    addresses: StackAddresses,
    home: Path,
    mongo_url: str | None = None,
    search_cluster: str | None = None,
) -> Outcome:
    """Loads everything given, publishes and drains round by round, and reads back what is there.

    `home` is an empty directory for Dagster and the configuration; the environment prefix is new each time, so that
    topics and groups are too. `mongo_url`: for groups with documents. `search_cluster`: host and port, for those
    with search documents; the others get one that has none.
    """
    start = datetime.now(UTC)
    env = f"gold{uuid.uuid4().hex[:8]}"
    bootstrap = f"{addresses.kafka_host}:{addresses.kafka_port}"
    cassandra = CassandraRows(addresses.cassandra_host, addresses.cassandra_port)
    keys = RedisKeys(addresses.redis_host, addresses.redis_port)
    mongo = None if mongo_url is None else MongoDocuments(mongo_url)
    search = None if search_cluster is None else ScenarioDocuments(search_cluster)
    try:
        with (
            ThirdParty() as http,
            ThirdParty() as empty_cluster,
            _mail_server(group, home) as mail,
            Topics(bootstrap, env) as topics,
        ):
            masks = {
                "<http>": http.address,
                "<http-host>": http.host_and_port,
                "<env>": env,
                "<smtp-host>": mail.host,
                "<smtp-port>": str(mail.port),
            }
            scenarios = [scenario.filled_in(masks) for scenario in group.scenarios]
            for scenario in scenarios:
                http.add(scenario.given.get("http") or ())
                mail.refusals += [Refusal(**one) for one in scenario.given.get("mail", {}).get("refuse", ())]
            cassandra.prepare(scenarios)
            keys.prepare(scenarios)
            if mongo is not None:
                mongo.prepare(scenarios)
            if search is not None:
                search.prepare(scenarios)
            topics.make(scenarios)
            cluster = search_cluster or empty_cluster.host_and_port
            settings = _configuration(scenarios[0].settings, addresses, env, http, cluster, home, mongo_url)
            drain = Drain(group.job, home, settings)
            records = [record for scenario in scenarios for record in scenario.records()]
            for number in range(max(record.round for record in records) + 1):
                topics.publish([record for record in records if record.round == number])
                drain.run()
                if drain.failure is not None:
                    break
            requests = {one.tag: [asdict(request) for request in http.requests_of(one.tag)] for one in scenarios}
            rows, entries, messages = cassandra.read(scenarios), keys.read(scenarios), topics.messages(scenarios)
            mails = {one.tag: [taken.as_recorded() for taken in mail.mails_of(one.tag)] for one in scenarios}
            documents = {} if mongo is None else mongo.read(scenarios)
            indices = {} if search is None else search.read(scenarios)
            found = {
                one.name: Found(
                    rows[one.tag],
                    entries[one.tag],
                    documents.get(one.tag, {}),
                    indices.get(one.tag, {}),
                    messages[one.tag],
                    requests[one.tag],
                    mails[one.tag],
                )
                for one in scenarios
            }
    finally:
        cassandra.close()
        if mongo is not None:
            mongo.close()
        if search is not None:
            search.close()
    window = RunWindow(start, datetime.now(UTC))
    by_name = {scenario.name: scenario for scenario in scenarios}
    return Outcome(by_name, found, drain.batches, drain.waiting, window, drain.failure)


def _mail_server(group: Group, home: Path) -> MailServer:
    around = group.mail_server
    return MailServer(
        accounts=around.get("accounts"),
        offers=around.get("offers", ()),
        requires=around.get("requires", ()),
        tls=certificate_in(home).server_context(),
        down=bool(around.get("down")),
    )


def _requeued(scenario: Scenario) -> int:
    """How many events the scenario's job puts back into the topic that it reads."""
    if not freedoms_of(scenario.free).requeued:
        return 0
    read = {record.topic for record in scenario.records()}
    return sum(len(scenario.expected.get("messages", {}).get(topic, ())) for topic in read)


class Drain:
    """`lern-pipeline drain` of one job in its own Dagster home, as often as there are rounds."""

    def __init__(self, job: str, home: Path, configuration: str) -> None:
        self._job = job
        self._directory = home
        self.batches: list[dict[str, Any]] = []
        self.waiting = 0
        self.failure: str | None = None
        dagster_home = home / "dagster"
        dagster_home.mkdir()
        config = home / "play.conf"
        config.write_text(configuration, encoding="utf-8")
        self._environment = {"LERN_PIPELINE_CONFIG": str(config), "DAGSTER_HOME": str(dagster_home)}

    def run(self) -> None:
        """Drains what waits; `failure` tells when that did not work."""
        ended = DrainProcess(self._environment, self._directory, "--job", self._job).wait(DRAIN_SECONDS)
        try:
            report = json.loads(ended.output.strip().rpartition("\n")[2])
            self.batches += report["batches"]
            self.waiting = report["waiting"]
        except (ValueError, KeyError, TypeError):
            self.failure = f"drain ended with {ended.exit_code} and no report; {_tail(ended.errors or ended.output)}"
            return
        failed = [batch for batch in report["batches"] if batch["status"] != "materialised"]
        if ended.exit_code != 0 or failed:
            reasons = "; ".join(str(batch.get("reason")) for batch in failed)
            self.failure = f"drain ended with {ended.exit_code}: {reasons or _tail(ended.errors)}"


def _configuration(
    settings: Mapping[str, Any],
    addresses: StackAddresses,
    env: str,
    http: ThirdParty,
    search_cluster: str,
    home: Path,
    mongo_url: str | None,
) -> str:
    """play.conf with its places filled in and the group's settings on top."""
    places = {
        "@ENV@": env,
        "@KAFKA@": f"{addresses.kafka_host}:{addresses.kafka_port}",
        "@CASSANDRA_HOST@": addresses.cassandra_host,
        "@CASSANDRA_PORT@": str(addresses.cassandra_port),
        "@REDIS_HOST@": addresses.redis_host,
        "@REDIS_PORT@": str(addresses.redis_port),
        "@MONGO_HOST@": addresses.mongo_host,
        "@MONGO_PORT@": str(addresses.mongo_port),
        "@SEARCH@": search_cluster,
        "@HTTP@": http.address,
    }
    text = PLAY_CONF.read_text(encoding="utf-8")
    for place, value in places.items():
        text = text.replace(place, value)
    own = [f"{name} = {json.dumps(value)}" for name, value in settings.items()]
    if mongo_url is not None:
        own.append(f"ml-mongo.uri = {json.dumps(mongo_url)}")
    return "\n".join([text, HIERARCHY_KEYSPACE, STORAGE.replace("@HOME@", str(home)), *own, ""])


def _tail(text: str) -> str:
    return " | ".join(text.strip().splitlines()[-5:])
