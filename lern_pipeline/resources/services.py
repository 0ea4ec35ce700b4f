"""All clients of one job, made from its settings; each connects on first use."""

from __future__ import annotations

from collections import Counter

from lern_pipeline.microbatch.batch_ownership import CourseBatchServices
from lern_pipeline.microbatch.certificate_services import CertificateServices, OldRegistryServices
from lern_pipeline.microbatch.channels import Channels
from lern_pipeline.microbatch.services import Services
from lern_pipeline.resources.account_reads import HttpAccountReads
from lern_pipeline.resources.cassandra import ROWS_PER_BATCH, Cassandra
from lern_pipeline.resources.certificate_registry import SunbirdRc
from lern_pipeline.resources.content_service import ContentService
from lern_pipeline.resources.course_batch_index import CourseBatchDocuments
from lern_pipeline.resources.course_batch_search import LmsBatchSearch
from lern_pipeline.resources.document_index import SearchClusterDocuments
from lern_pipeline.resources.documents_when_used import DocumentsWhenUsed
from lern_pipeline.resources.effect_ledger import CassandraEffectLedger
from lern_pipeline.resources.encryption_service import EncryptionService
from lern_pipeline.resources.fcm import Fcm
from lern_pipeline.resources.kafka import Kafka
from lern_pipeline.resources.keycloak import Keycloak
from lern_pipeline.resources.legacy_registry import CertRegistryService
from lern_pipeline.resources.msg91 import Msg91
from lern_pipeline.resources.notification_api import NotificationApi
from lern_pipeline.resources.object_storage import ObjectStorage
from lern_pipeline.resources.organisation_members import UserOrganisationMembers
from lern_pipeline.resources.qr_code import QrCodeImages
from lern_pipeline.resources.redis import RedisServers
from lern_pipeline.resources.search_service import SearchService
from lern_pipeline.resources.smtp import Smtp
from lern_pipeline.resources.svg_downloads import SvgDownloads
from lern_pipeline.resources.user_directory import HttpUserDirectory
from lern_pipeline.resources.user_feed import UserFeedApi
from lern_pipeline.resources.user_service import UserService
from lern_pipeline.settings import JobSettings


def indexing_services(settings: JobSettings) -> Services:
    """Those of user-cache-indexer, which names the users' cluster and how it is read itself (its contract, 11)."""
    counts: Counter[str] = Counter()
    users = settings.with_values(
        {
            "lms-cassandra.host": settings.text("sunbird.user.cluster.host"),
            "cassandra.request.timeout.seconds": settings.integer("cassandra.read.timeoutMS") / 1000,
        }
    )
    consistency = settings.text("cassandra.input.consistency.level")
    headers = {"user-id": settings.text("framework_read_user_id")}
    services = services_for(settings)
    services.rows = Cassandra(users, counts=counts, read_consistency=consistency)
    services.directory = HttpUserDirectory(settings, counts, framework_headers=headers)
    return services


def services_for(settings: JobSettings, cassandra_prefix: str = "lms-cassandra") -> Services:
    """Clients that count into one counter; ``cassandra_prefix`` is that of the cluster's settings."""
    counts: Counter[str] = Counter()
    try:
        rows_per_batch = settings.integer("threshold.batch.write.size")
    except KeyError:
        # A job without the setting writes no rows, or groups them as it likes.
        rows_per_batch = ROWS_PER_BATCH
    cassandra = Cassandra(settings, cassandra_prefix, counts, rows_per_batch=rows_per_batch)
    return Services(
        rows=cassandra,
        caches=RedisServers(settings, counts=counts),
        collections=SearchService(settings, counts=counts),
        contents=ContentService(settings, counts=counts),
        users=UserService(settings, counts=counts),
        directory=HttpUserDirectory(settings, counts=counts),
        broker=Kafka(settings, counts=counts),
        ledger=CassandraEffectLedger(settings, cassandra),
        documents=DocumentsWhenUsed(settings, counts),
        accounts=HttpAccountReads(settings, counts=counts),
        logins=Keycloak(settings, counts=counts),
        channels=Channels(Msg91(settings, counts), Smtp(settings, counts), Fcm(settings, counts)),
        certificates=CertificateServices(
            registry=SunbirdRc(settings, counts),
            notifications=NotificationApi(settings, counts),
            feed=UserFeedApi(settings, counts),
            documents=SearchClusterDocuments(settings, counts),
            old=OldRegistryServices(
                registry=CertRegistryService(settings, counts),
                signing=EncryptionService(settings, counts),
                templates=SvgDownloads(settings, counts),
                qr_codes=QrCodeImages(),
                storage=ObjectStorage(settings),
            ),
        ),
        course_batches=CourseBatchServices(
            members=UserOrganisationMembers(settings, counts),
            search=LmsBatchSearch(settings, counts),
            index=CourseBatchDocuments(settings, counts),
        ),
        counts=counts,
    )
