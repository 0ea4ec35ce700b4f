"""Requests become certificates in the registry, and the notification service has mails sent."""

from __future__ import annotations

import json
from typing import Any

from lern_pipeline.jobs.collection_cert_pre_processor.job import COLLECTION_CERT_PRE_PROCESSOR
from lern_pipeline.jobs.collection_certificate_generator.job import COLLECTION_CERTIFICATE_GENERATOR
from lern_pipeline.jobs.notification_job.job import NOTIFICATION_JOB
from lern_pipeline.local.demo.cast import Cast
from lern_pipeline.local.demo.certificates import keep, notification_events
from lern_pipeline.local.demo.failure import DemoFailed
from lern_pipeline.local.demo.learners import second_account
from lern_pipeline.local.demo.screen import Screen
from lern_pipeline.local.demo.stage import Stage
from lern_pipeline.local.paths import default_directory


def show_request(screen: Screen, cast: Cast, requests: list[dict[str, Any]]) -> None:
    """That of the learner who is shown."""
    screen.heading("The certificate request that went out")
    mine = [request for request in requests if request["edata"].get("userIds") == [cast.hero]]
    for request in mine[:1]:
        members = [f"  {json.dumps(name)}: {json.dumps(value)}" for name, value in request.items()]
        screen.plain("\n".join(["{", ",\n".join(members), "}"]))


def award_certificates(stage: Stage, cast: Cast, now_ms: int) -> None:
    """Tells it.

    Raises:
        DemoFailed: somebody has not exactly one of each.
    """
    screen, platform, course = stage.screen, stage.platform, cast.course
    screen.heading("Certificates, and mails that tell of them")
    # In this order: what the first has finished is waiting for the second.
    behind = (stage.watch(COLLECTION_CERT_PRE_PROCESSOR), stage.watch(COLLECTION_CERTIFICATE_GENERATOR))
    stage.until(lambda: not any(watch.waiting() for watch in behind), "waiting for the certificates", behind)
    asked = platform.notifications_asked_for(course)
    mails = notification_events(asked, cast.run, now_ms)
    stage.publish(stage.watch(NOTIFICATION_JOB), mails, "waiting for the mails")
    stage.look()
    awarded = platform.awarded(course, [*cast.learners, second_account(cast.run)])
    wrong = awarded.wrong(cast.finishers)
    if wrong:
        raise DemoFailed("; ".join(wrong))
    (certificate,) = awarded.certificates[cast.hero]
    (mail,) = awarded.mails[cast.hero]
    picture = platform.certificate_picture(certificate["osid"])
    svg, html = keep(picture, mail, default_directory() / "demo" / "certificates")
    issuer, signatory = certificate["issuer"]["name"], certificate["signatory"][0]
    screen.columns(
        [
            ("", f"of {cast.hero}"),
            ("certificate in the registry", certificate["osid"]),
            ("certificate in user_enrolments", awarded.enrolled[cast.hero][0]),
            ("label", certificate["certificateLabel"]),
            ("recipient", certificate["recipient"]["name"]),
            ("course", certificate["training"]["name"]),
            ("issuer", issuer),
            ("signed by", f"{signatory['name']}, {signatory['designation']}"),
            ("mail to", ", ".join(mail["to"])),
            ("subject", mail["headers"]["Subject"]),
            ("entries in the feed", str(awarded.feed[cast.hero])),
        ]
    )
    screen.plain(f"  The certificate: {svg}")
    screen.plain(f"  The mail:        {html}")
