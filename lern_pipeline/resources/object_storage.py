"""Certificates as objects: a local directory or any object storage (contract collection-certificate-generator 13
step 5)."""

from __future__ import annotations

from typing import Any

from upath import UPath

from lern_pipeline.errors import ConfigurationError
from lern_pipeline.microbatch.certificate_services import CallFailed
from lern_pipeline.resources.outage import one_line
from lern_pipeline.settings import JobSettings

TYPE = "cert_cloud_storage_type"


class ObjectStorage:
    """The container ``cert_container_name``. See
    :class:`lern_pipeline.microbatch.certificate_services.CertificateStorage`."""

    def __init__(self, settings: JobSettings) -> None:
        self._settings = settings

    def put(self, key: str, content: bytes) -> None:
        """See the protocol."""
        path = self._container().joinpath(*(part for part in key.split("/") if part))
        try:
            if path.protocol in ("", "file"):
                path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        except ImportError as error:
            raise ConfigurationError(f"{TYPE}: a package is missing ({one_line(error)})") from error
        # Each storage's client has errors of its own.
        except Exception as error:
            raise CallFailed(None, f"the storage did not take the certificate: {type(error).__name__}") from error

    def _container(self) -> Any:
        kind = (self._settings.optional_text(TYPE) or "").lower()
        container = self._settings.text("cert_container_name")
        key, secret = (self._settings.optional_text(f"cert_cloud_storage_{name}") for name in ("key", "secret"))
        endpoint = self._settings.optional_text("cert_cloud_storage_endpoint")
        match kind:
            case "local":
                return UPath(self._settings.text("cert_cloud_storage_endpoint")) / container
            case "azure":
                return UPath(f"az://{container}", account_name=key, account_key=secret)
            case "aws" | "s3" | "ceph" | "cephs3" | "oci":
                client = {"endpoint_url": endpoint} if endpoint else {}
                return UPath(f"s3://{container}", key=key, secret=secret, client_kwargs=client)
            case "gcloud" | "google" | "gcs":
                return UPath(f"gs://{container}", token=secret or None)
        raise ConfigurationError(f"{TYPE}: {kind!r} is not known; known are local, azure, aws, cephs3, oci, gcloud")
