"""Certificates of the old registry (contract collection-certificate-generator 13)."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from PIL import Image

from lern_pipeline.jobs.collection_certificate_generator.old_certificate_json import ALPHABET, access_code
from lern_pipeline.jobs.collection_certificate_generator.svg import encoded_template, filled_in
from lern_pipeline.microbatch.certificate_services import CallFailed
from lern_pipeline.resources.object_storage import ObjectStorage
from lern_pipeline.resources.qr_code import QrCodeImages
from lern_pipeline.settings import load_configuration
from lern_pipeline_tests.jobs.certificates.learners import EDATA, Platform

pytestmark = pytest.mark.rules

OLD_MODE = {
    "LERN_PIPELINE_JOBS_COLLECTION_CERTIFICATE_GENERATOR__ENABLE_RC_CERTIFICATE": "false",
    "LERN_PIPELINE_CERT_DOMAIN_URL": "https://lms.example.org",
}


@pytest.fixture
def platform(tmp_path: Path) -> Platform:
    platform = Platform(tmp_path, **OLD_MODE)
    platform.enrol()
    platform.enrol("u502")
    return platform


def test_the_certificate_is_stored_registered_and_entered(platform: Platform) -> None:
    platform.ask()
    platform.ask("u502")
    assert platform.run().account.processed == 2
    old = platform.certificates.old
    assert not platform.registry.created
    assert platform.world.journal.count(f"download {EDATA['svgTemplate']}") == 1
    for request, user in zip(sorted(old.added, key=lambda one: one["recipientId"]), ("u501", "u502"), strict=True):
        (entry,) = platform.held(user)
        assert (entry["identifier"], entry["token"]) == (request["id"], request["accessCode"])
        assert entry.keys() == {"name", "identifier", "token", "lastIssuedOn"}
        assert request["jsonUrl"] == f"https://lms.example.org/certs/0140077/{request['id']}.json"
        assert json.loads(old.objects[f"0140077/{request['id']}.json"]) == request["jsonData"]
        assert request["jsonData"]["badge"]["id"] == "https://lms.example.org/certs/0140077/0140077/Badge.json"
        assert "oldId" not in request
    assert len({request["accessCode"] for request in old.added}) == 2


def test_a_re_issue_tells_the_registry_and_deletes_nothing(platform: Platform) -> None:
    platform.enrol(held=[{"name": "Merit Certificate", "identifier": "old"}])
    platform.ask(oldId="old")
    platform.run()
    assert platform.certificates.old.added[0]["oldId"] == "old"
    assert "delete old" not in platform.world.journal


def test_what_the_registry_says_is_told_in_the_failed_record_alone(platform: Platform) -> None:
    platform.certificates.old.refused = CallFailed(400, '{"name": "Asha"}')
    platform.ask()
    result = platform.run()
    assert result.account.failed == {"Something Went Wrong While Making API Call | Status is: 400": 1}
    (failed,) = platform.failed
    assert failed["failInfo"]["error"].endswith('Status is: 400 :: {"name": "Asha"}')
    assert platform.held() == []


def test_a_signature_is_of_the_certificate_without_its_picture(platform: Platform) -> None:
    platform.ask(keys={"id": "7"})
    platform.run()
    signature = platform.certificates.old.added[0]["jsonData"]["signature"]
    assert signature == {
        "type": "LinkedDataSignature2015",
        "creator": "https://lms.example.org/certs/0140077/7_publicKey.json",
        "created": "2024-03-06T07:15:30.042Z",
        "signatureValue": "signed with 7",
    }


def test_variables_of_a_template() -> None:
    template = encoded_template('<a b="#1">\n\t${name} 100% ${unknown}</a>')
    assert filled_in(template, {"name": "A%20B"}) == (
        "data:image/svg+xml,%3Ca b='%231'%3EA%20B 100%25 ${unknown}%3C/a%3E"
    )


@pytest.mark.parametrize("clock", [0, 1, 1_709_709_330_042, 1_709_709_330_043])
def test_access_codes_have_letters_and_digits_in_turn(clock: int) -> None:
    code = access_code(clock)
    assert len(code) == 6
    assert set(code) <= set(ALPHABET)
    assert [character.isdigit() for character in code] == [False, True] * 3


def test_the_qr_code_is_a_grey_picture_with_room_for_the_caption() -> None:
    png = QrCodeImages().png("https://lms.example.org/certs/6f2f6a0e-6d0a-5d6c-9d4e-0c2f3f1b7a51", "Q6F7D4")
    image = Image.open(io.BytesIO(png))
    assert (image.format, image.mode) == ("PNG", "L")
    assert image.height > image.width
    assert {level for _, level in image.getcolors() or ()} == {0, 255}


def test_objects_in_a_local_directory(tmp_path: Path) -> None:
    settings = load_configuration(
        None,
        {
            "LERN_PIPELINE_CERT_CONTAINER_NAME": "certs",
            "LERN_PIPELINE_CERT_CLOUD_STORAGE_TYPE": "local",
            "LERN_PIPELINE_CERT_CLOUD_STORAGE_ENDPOINT": str(tmp_path),
        },
    ).for_job("collection-certificate-generator")
    ObjectStorage(settings).put("0140077/a.json", b"{}")
    ObjectStorage(settings).put("/b.json", b"{}")
    assert (tmp_path / "certs" / "0140077" / "a.json").read_bytes() == b"{}"
    assert (tmp_path / "certs" / "b.json").read_bytes() == b"{}"
