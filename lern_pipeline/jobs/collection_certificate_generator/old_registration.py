"""Certificates of the old registry are signed, drawn, stored and registered (contract collection-certificate-generator
13).

The id is the rules' and the same in every attempt, so that all of it may be repeated.
"""

from __future__ import annotations

import base64
import threading
from collections import OrderedDict
from typing import Any

import msgspec

from lern_pipeline.conversion import converted
from lern_pipeline.errors import ConfigurationError
from lern_pipeline.jobs.certificates.api_errors import API_CALL
from lern_pipeline.jobs.collection_certificate_generator.svg import QR_CODE, encoded_template, filled_in
from lern_pipeline.microbatch.certificate_services import CallFailed, OldRegistryServices
from lern_pipeline.microbatch.effects import Outcome
from lern_pipeline.microbatch.plan import Effect

OLD_REGISTRATION = "old registration"
TEMPLATES_KEPT = 15


class OldRegistration(msgspec.Struct):
    """Payload of the effect. ``certificate`` has neither signature nor picture yet; ``signature``: all of it but its
    value, with ``key_id``; ``request``: of the registry, without the certificate."""

    certificate: dict[str, Any]
    request: dict[str, Any]
    object_key: str
    svg_address: str
    variables: dict[str, str]
    qr_content: str
    key_id: str = ""
    signature: dict[str, str] = {}


class OldRegistrar:
    """See the module. A template is downloaded once per micro-batch."""

    def __init__(self, services: OldRegistryServices) -> None:
        self._services = services
        self._templates: OrderedDict[str, str] = OrderedDict()
        self._lock = threading.Lock()

    def perform(self, effect: Effect) -> Outcome:
        """See :class:`lern_pipeline.microbatch.effects.Performer`."""
        registration = converted(effect.payload, OldRegistration)
        certificate = dict(registration.certificate)
        try:
            if registration.key_id:
                value = self._services.signing.sign(registration.key_id, registration.certificate)
                certificate["signature"] = registration.signature | {"signatureValue": value}
            template = self._template(registration.svg_address)
            png = self._services.qr_codes.png(registration.qr_content, registration.request["accessCode"])
            picture = f"data:image/png;base64,{base64.b64encode(png).decode()}"
            certificate["printUri"] = filled_in(template, registration.variables | {QR_CODE: picture})
            self._services.storage.put(registration.object_key, msgspec.json.encode(certificate))
            self._services.registry.add(registration.request | {"jsonData": certificate})
        except CallFailed as failed:
            status = "no answer" if failed.status is None else failed.status
            reason = f"Something Went Wrong While Making API Call | Status is: {status}"
            # What the service says may be personal: it is for the failed record alone.
            return Outcome("failed", {"error": f"{reason} :: {failed.reason}"}, reason, API_CALL)
        return Outcome("done")

    def look_up(self, effect: Effect) -> Outcome | None:
        """Never needed: it is done again."""
        return None

    def _template(self, address: str) -> str:
        with self._lock:
            if address not in self._templates:
                try:
                    self._templates[address] = encoded_template(self._services.templates.download(address))
                except ConfigurationError as error:
                    # It is the event's address, not a setting.
                    raise CallFailed(None, "svgTemplate is no address that can be asked") from error
                if len(self._templates) > TEMPLATES_KEPT:
                    self._templates.popitem(last=False)
            self._templates.move_to_end(address)
            return self._templates[address]
