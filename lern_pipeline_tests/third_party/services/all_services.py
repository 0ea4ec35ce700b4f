"""All services there are."""

from __future__ import annotations

from lern_pipeline_tests.third_party.services import Service
from lern_pipeline_tests.third_party.services.batch_search import BatchSearch
from lern_pipeline_tests.third_party.services.certificate_registry import CertificateRegistry
from lern_pipeline_tests.third_party.services.content_read import ContentRead
from lern_pipeline_tests.third_party.services.documents import Documents
from lern_pipeline_tests.third_party.services.fcm import Fcm
from lern_pipeline_tests.third_party.services.keycloak import Keycloak
from lern_pipeline_tests.third_party.services.msg91 import Msg91
from lern_pipeline_tests.third_party.services.old_certificate_registry import OldCertificateRegistry
from lern_pipeline_tests.third_party.services.search import Search
from lern_pipeline_tests.third_party.services.user_organisation import UserOrganisation


def all_services() -> list[Service]:
    """One of each, empty."""
    return [
        *(Search(), ContentRead(), Documents(), UserOrganisation(), BatchSearch()),
        # Before the one that answers whatever ends in /token.
        *(Keycloak(), CertificateRegistry(), OldCertificateRegistry(), Msg91(), Fcm()),
    ]
