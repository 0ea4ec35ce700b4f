"""notification-job (its contract, section 9)."""

from __future__ import annotations

from lern_pipeline.settings.catalogue.jobs import NOTIFICATION_JOB
from lern_pipeline.settings.catalogue.platform import FLINK_PARALLELISM
from lern_pipeline.settings.variable import Area, area, integer, not_needed, number, port, text

_NO_OTP = "one-time passwords are not sent by this job"

AREA: Area = area(
    NOTIFICATION_JOB,
    "Contract: notification-job, section 9. A channel without its settings fails by itself and calls nobody. Setting "
    "names that begin with `sunbird_` stand in for those without, as in the existing job.",
    (
        text("kafka.input.topic", "{env}.lms.notification", "Input, and output of the one retry."),
        text("kafka.groupId", "{env}.lms.notification.group", "Consumer group."),
        integer(
            "microbatch.max.records",
            500,
            "Most notifications of one micro-batch: few enough for one run, even while a provider hangs.",
            minimum=1,
        ),
        integer(
            "task.checkpointing.timeout",
            1800000,
            "Milliseconds that one run may take; whether what is on its way then was sent, nobody can tell.",
            minimum=1,
        ),
        text(
            "kafka.output.deadletter.topic",
            "",
            "Where messages go that failed twice or can never be sent; empty: they are only counted and logged.",
        ),
        number(
            "notification.retry.delay.seconds",
            0,
            "How old a message for the retry must be before it is sent; its micro-batch waits as long.",
        ),
        text("mail_server_host", None, "SMTP host.", falls_back_to="sunbird_mail_server_host"),
        port(
            "mail_server_port",
            None,
            "SMTP port; else 25, with `ssl` 465.",
            falls_back_to="sunbird_mail_server_port",
        ),
        text("mail_server_username", None, "SMTP user.", falls_back_to="sunbird_mail_server_username"),
        text(
            "mail_server_password",
            None,
            "SMTP password.",
            secret=True,
            falls_back_to="sunbird_mail_server_password",
        ),
        text(
            "mail_server_from_email",
            None,
            "Sender of mails.",
            falls_back_to="sunbird_mail_server_from_email",
        ),
        text("mail_server_tls", "none", "How mail is secured.", choices=("none", "starttls", "ssl")),
        number("mail_server_timeout_seconds", 30, "How long the mail server may take to answer."),
        text("sms_auth_key", None, "MSG91 key.", secret=True, falls_back_to="sunbird_msg_91_auth"),
        text(
            "sms_default_sender",
            None,
            "Sender of SMS.",
            falls_back_to="sunbird_notification_msg_default_sender",
        ),
        text(
            "sunbird_msg_91_baseurl", "http://api.msg91.com/", "MSG91; prefer `https://`, the key travels in a header."
        ),
        text("sunbird_msg_91_post_url", "api/v2/sendsms", "Path at MSG91."),
        text("sunbird_msg_91_route", "4", "MSG91 route."),
        text("sunbird_notification_default_country_code", "91", "Country code of numbers without one."),
        text(
            "fcm_account_key",
            "",
            "`Authorization` of the legacy FCM, `key=` included.",
            secret=True,
        ),
        text("sunbird_fcm_url", "https://fcm.googleapis.com/fcm/send", "Legacy FCM."),
        text(
            "fcm_service_account_json",
            None,
            "Service account for FCM v1 (the JSON itself); where set, v1 is used.",
            secret=True,
        ),
        text("fcm_project_id", None, "Project of FCM v1; without it the service account's."),
        text("fcm_v1_base_url", "https://fcm.googleapis.com", "FCM v1."),
        text(
            "fcm_v1_token_uri",
            None,
            "Where FCM v1 gets its token; without it the service account's, else `https://oauth2.googleapis.com/token`.",
        ),
        text("sunbird_mail_server_host", None, "Stands in for `mail_server_host`."),
        port("sunbird_mail_server_port", None, "Stands in for `mail_server_port`."),
        text("sunbird_mail_server_username", None, "Stands in for `mail_server_username`."),
        text("sunbird_mail_server_password", None, "Stands in for `mail_server_password`.", secret=True),
        text(
            "sunbird_mail_server_from_email",
            "support@open-sunbird.org",
            "Stands in for `mail_server_from_email`.",
        ),
        text("sunbird_msg_91_auth", None, "Stands in for `sms_auth_key`.", secret=True),
        text("sunbird_notification_msg_default_sender", "TesSun", "Stands in for `sms_default_sender`."),
        not_needed("sunbird_msg_91_get_url", None, _NO_OTP),
        not_needed("sunbird_notification_otp_length", 4, _NO_OTP),
        not_needed("sunbird_notification_otp_default_message", "Your verification code is ##OTP##", _NO_OTP),
        not_needed("sunbird_notification_otp_expiry_in_minute", 30, _NO_OTP),
        not_needed("task.enrolment.complete.parallelism", 1, FLINK_PARALLELISM),
    ),
    jobs=(NOTIFICATION_JOB,),
)
