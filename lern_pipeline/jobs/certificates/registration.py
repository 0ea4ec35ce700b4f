"""Certificates are created in Sunbird RC, each once (contract collection-certificate-generator 7, 16; decisions 10).

RC knows no idempotence key, and what it answers may be lost. So whenever a certificate may be there already, RC is
asked for it first and what it has is adopted. Its index is asynchronous, so it is asked several times.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from lern_pipeline.conversion import converted
from lern_pipeline.errors import ServiceUnavailable
from lern_pipeline.jobs.certificates.api_errors import CREATE, SEARCH, api_failure
from lern_pipeline.microbatch.certificate_services import CallFailed, CertificateRegistry
from lern_pipeline.microbatch.effects import NOT_THERE, Outcome
from lern_pipeline.microbatch.plan import Effect
from lern_pipeline.settings import JobSettings

PUBLIC_KEY, REGISTRATION = "public key", "certificate"

Sleep = Callable[[float], None]

#: So many certificates in a row without an answer: RC is down, and the others of the batch are not waited for.
OUTAGES_IN_A_ROW = 16

INACTIVE = "INACTIVE"


class Sought(msgspec.Struct):
    """How RC is asked for a certificate that may be there.

    ``filters``, ``limit``, ``authorized``: of the search. ``matches``: what a hit has to have; ``old_id``: the
    certificate that is replaced, which is no hit.
    """

    filters: dict[str, Any]
    matches: dict[str, Any] = {}
    limit: int | None = None
    authorized: bool = False
    old_id: str = ""

    @property
    def search(self) -> dict[str, Any]:
        return {"filters": self.filters} | ({} if self.limit is None else {"limit": self.limit})

    def osid_among(self, hits: list[Mapping[str, Any]]) -> str | None:
        """The first hit's; one that was made for another re-issue is none."""
        for hit in hits:
            osid = hit.get("osid")
            fits = all(_at(hit, path) == value for path, value in self.matches.items())
            if isinstance(osid, str) and osid.strip() and osid != self.old_id and fits:
                return osid
        return None


class Registration(msgspec.Struct):
    """Payload of the effect: ``certificate`` is created unless the one ``sought`` is there; ``search_first``: it may
    be."""

    certificate: dict[str, Any]
    sought: Sought
    search_first: bool = False


class Registrar:
    """Carries out :class:`Registration`: the outcome's result has the ``osid``.

    Args:
        search_seconds: how long a certificate is looked for that may be there.
    """

    def __init__(
        self, registry: CertificateRegistry, attempts: int, search_seconds: float, sleep: Sleep = time.sleep
    ) -> None:
        self._registry = registry
        self._attempts = attempts
        self._pauses = _pauses(search_seconds)
        self._sleep = sleep
        self._outages = 0
        self._lock = threading.Lock()

    def perform(self, effect: Effect) -> Outcome:
        """See :class:`lern_pipeline.microbatch.effects.Performer`. Outages are outcomes: they fail the event."""
        registration = converted(effect.payload, Registration)
        try:
            if registration.search_first:
                osid = self._found(registration.sought)
                if osid is not None:
                    return _registered(osid)
        except CallFailed as failed:
            return api_failure(SEARCH, failed)
        return self._created(registration)

    def look_up(self, effect: Effect) -> Outcome | None:
        """See :class:`lern_pipeline.microbatch.effects.Performer`."""
        registration = converted(effect.payload, Registration)
        try:
            osid = self._found(registration.sought)
        except CallFailed as failed:
            if failed.is_outage:
                raise ServiceUnavailable("Sunbird RC", "service.rc.basePath", str(failed), failed.status) from failed
            return None
        return Outcome("failed", code=NOT_THERE) if osid is None else _registered(osid)

    def _created(self, registration: Registration) -> Outcome:
        last = CallFailed(None, "RC did not answer for others either", is_outage=True)
        attempts = self._attempts if self._outages < OUTAGES_IN_A_ROW else 0
        for attempt in range(attempts):
            if attempt:
                self._sleep(0.2 * 2**attempt * random.uniform(0.7, 1.3))
            try:
                osid = self._registry.create(registration.certificate)
                self._outages = 0
                if osid is not None:
                    return _registered(osid)
                last = CallFailed(200, "the answer has no osid, and the certificate is not found")
                osid = self._found(registration.sought)
                return api_failure(CREATE, last) if osid is None else _registered(osid)
            except CallFailed as failed:
                last = failed
                if not failed.is_outage:
                    return api_failure(CREATE, failed)
                if failed.certain:
                    continue
                try:
                    osid = self._found(registration.sought)
                except CallFailed:
                    # It may be there: not created again. The next request for it searches first.
                    break
                if osid is not None:
                    return _registered(osid)
        with self._lock:
            self._outages += 1
        return api_failure(CREATE, last)

    def _found(self, sought: Sought) -> str | None:
        """The ``osid`` of the certificate, asked for until it is there or the time is over."""
        for pause in self._pauses:
            self._sleep(pause)
            osid = sought.osid_among(self._registry.certificates(sought.search, sought.authorized))
            if osid is not None:
                return osid
        return None


class PublicKeys:
    """Asks for RC's public key: the outcome's result has the ``kid``, where the key has one (7.2, D9)."""

    def __init__(self, registry: CertificateRegistry, api: str, attempts: int, sleep: Sleep = time.sleep) -> None:
        self._registry = registry
        self._api = api
        self._attempts = attempts
        self._sleep = sleep

    def perform(self, effect: Effect) -> Outcome:
        """See :class:`lern_pipeline.microbatch.effects.Performer`."""
        for attempt in range(self._attempts):
            if attempt:
                self._sleep(0.2 * 2**attempt)
            try:
                keys = self._registry.public_keys()
            except CallFailed as failed:
                return api_failure(self._api, failed)
            usable = [key for key in keys if key.get("_status") != INACTIVE]
            if usable:
                kid = usable[0].get("osid")
                return Outcome("done", {"kid": kid} if isinstance(kid, str) else {})
        return api_failure(self._api, CallFailed(200, "there is no public key"))

    def look_up(self, effect: Effect) -> Outcome | None:
        """Never needed: the question is asked again."""
        return None


def registration_performers(
    registry: CertificateRegistry, key_search_api: str, settings: JobSettings
) -> dict[str, Registrar | PublicKeys]:
    """By kind of effect."""
    attempts = settings.integer("http.attempts")
    return {
        PUBLIC_KEY: PublicKeys(registry, key_search_api, attempts),
        REGISTRATION: Registrar(registry, attempts, settings.number("service.rc.search.wait.seconds")),
    }


def _registered(osid: str) -> Outcome:
    return Outcome("done", {"osid": osid})


def _at(hit: Mapping[str, Any], path: str) -> Any:
    value: Any = hit
    for name in path.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def _pauses(seconds: float) -> list[float]:
    """At once, and three times more, ever later."""
    return [0.0, *(seconds * part / 7 for part in (1, 2, 4))] if seconds > 0 else [0.0]
