"""The worked examples on real servers; SMS, mail and push go over the wire (contract notification-job 13)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from lern_pipeline.jobs.notification_job.job import NOTIFICATION_JOB as JOB
from lern_pipeline.microbatch.key import MicroBatchKey, OffsetRange
from lern_pipeline.microbatch.run import BatchResult, MicroBatchRun
from lern_pipeline.microbatch.store import BatchStore
from lern_pipeline.resources.services import services_for
from lern_pipeline_tests.jobs.notification_job.post_office import MAIL, PUSH, SMS, changed, envelope, metrics
from lern_pipeline_tests.stack.servers import Servers, key
from lern_pipeline_tests.stack.test_fcm import account
from lern_pipeline_tests.third_party.mail_server import MailServer
from lern_pipeline_tests.third_party.server import ThirdParty
from lern_pipeline_tests.third_party.services.fcm import Fcm
from lern_pipeline_tests.third_party.services.msg91 import Msg91

pytestmark = pytest.mark.stack


class Office:
    """The topic, the providers, and batches of what is published. Message ids hold the environment's name."""

    def __init__(self, servers: Servers, store: BatchStore, web: ThirdParty, mail: MailServer) -> None:
        self.servers, self.web, self.mail = servers, web, mail
        own = {
            "kafka.input.topic": f"{servers.env}.lms.notification",
            "sms_auth_key": "K1",
            "sms_default_sender": "LRNSBD",
            "sunbird_msg_91_baseurl": f"{web.address}/msg91/",
            "mail_server_host": mail.host,
            "mail_server_port": mail.port,
            "mail_server_from_email": "noreply@lern.test",
            "fcm_service_account_json": account(web.address),
            "fcm_v1_base_url": f"{web.address}/fcm",
        }
        settings = servers.settings(JOB.name, own)
        self.services = services_for(settings)
        self._run = MicroBatchRun(JOB, settings, self.services, store)
        self.topic = servers.topic("lms.notification")
        self.position = 0

    def notify(self, notification: Any, mid: str, iteration: int = 1) -> None:
        event = envelope(notification, f"{self.servers.env}.{mid}", iteration)
        self.servers.send(self.topic, [json.dumps(event).encode()])

    def run(self) -> BatchResult:
        start, self.position = self.position, len(self.servers.records(self.topic))
        return self.execute(key(str(OffsetRange(0, start, self.position))))

    def execute(self, micro_batch: MicroBatchKey, rerun: bool = False) -> BatchResult:
        return self._run.execute(micro_batch, 1, rerun)


@pytest.fixture(scope="module")
def office(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    store = BatchStore(str(tmp_path_factory.mktemp("batches")), JOB.name)
    with ThirdParty([Msg91(), Fcm()]) as web, MailServer() as mail:
        office = Office(servers, store, web, mail)
        yield office
        office.services.close()


def test_e1_e6_an_sms_goes_out_once(office: Office) -> None:
    office.notify(changed(SMS, ids=["9000000001", "12345", "+919000000002"]), "e1")
    result = office.run()
    assert metrics(result) == {"total": 1, "success": 1}
    sent = [{"message": "Done%3A+100%25+%26+more", "to": ["9000000001", "+919000000002"]}]
    assert office.web.services["msg91"].state() == sent
    office.notify(changed(SMS, ids=["9000000001", "12345", "+919000000002"]), "e1")
    assert metrics(office.run()) == {"total": 1, "skipped": 1}
    assert metrics(office.execute(MicroBatchKey.parse(result.plan.key), rerun=True)) == {"total": 1, "success": 1}
    assert office.web.services["msg91"].state() == sent


def test_e2_an_sms_that_fails_comes_back_once(office: Office) -> None:
    office.web.add([{"service": "msg91", "status": 500, "answer": {}, "times": 2}])
    before = len(office.web.requests)
    office.notify(SMS, "e2")
    assert metrics(office.run()) == {"total": 1, "failed": 1}
    retry = office.servers.records(office.topic)[-1]
    assert retry.key is None
    assert json.loads(retry.value)["edata"]["iteration"] == 2
    assert metrics(office.run()) == {"total": 1, "skipped": 1}
    bodies = [request.body for request in office.web.requests[before:]]
    assert len(bodies) == 2
    assert bodies[0] == bodies[1]
    assert len(office.servers.records(office.topic)) == office.position


def test_e3_a_mail_goes_out(office: Office) -> None:
    office.notify(changed(MAIL, ids=["a@lern.test", "b@lern.test"]), "e3")
    assert metrics(office.run()) == {"total": 1, "success": 1}
    (mail,) = office.mail.mails
    assert mail.recipients == ["a@lern.test", "b@lern.test"]
    assert mail.message["Subject"] == "Grüße"


def test_e4_a_push_goes_to_each_token_and_what_is_gone_does_not_matter(office: Office) -> None:
    office.web.services["fcm"].add({"unregistered": ["t2"]})
    office.notify(PUSH, "e4")
    result = office.run()
    assert metrics(result) == {"total": 1, "success": 1}
    assert [message["token"] for message in office.web.services["fcm"].state()["messages"]] == ["t1"]
    office.execute(MicroBatchKey.parse(result.plan.key), rerun=True)
    sends = [request for request in office.web.requests if request.path.endswith("messages:send")]
    assert sorted(request.body["message"]["token"] for request in sends) == ["t1", "t2"]


def test_a_batch_of_many_shares_connections_and_the_access_token(office: Office) -> None:
    before = len(office.web.requests)
    for number in range(20):
        office.notify(changed(PUSH, ids=None, config={"topic": "all"}), f"many{number}")
    assert metrics(office.run()) == {"total": 20, "success": 20}
    requests = office.web.requests[before:]
    assert len([request for request in requests if request.path.endswith("messages:send")]) == 20
    assert not [request for request in requests if request.path.endswith("/token")]
