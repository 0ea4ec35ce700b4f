"""The effects that send one notification (contract notification-job 5, 8). Pure."""

from __future__ import annotations

import msgspec

from lern_pipeline.jobs.notification_job.ledger_key import token_key
from lern_pipeline.jobs.notification_job.masked import masked_addresses, masked_devices, masked_numbers
from lern_pipeline.jobs.notification_job.wanted_send import KnownResult, Wanted, WantedMail, WantedPush, WantedSms
from lern_pipeline.microbatch.channels import Mail, Push, Sms
from lern_pipeline.microbatch.plan import Effect

SMS, MAIL, PUSH = "sms", "mail", "push"
KNOWN = "known"
"""Of a notification whose end is known without a call: it stands in the ledger like the others."""


def sends(wanted: Wanted, key: str, mid: str, message_id: str, token_by_token: bool) -> list[Effect]:
    """The effects of one notification; at least one.

    Args:
        mid: as it may be shown.
        message_id: of a mail; the same whenever it is made again.
        token_by_token: a push is one effect per token (HTTP v1), so that a rerun goes on with those without a result.
    """

    def effect(kind: str, what: str, to_whom: str, message: Sms | Mail | Push, key: str = key) -> Effect:
        return Effect(key, kind, msgspec.to_builtins(message), what=f"{what} {mid}", to_whom=to_whom)

    match wanted:
        case WantedSms(text, to):
            return [effect(SMS, "SMS", masked_numbers(to), Sms(text, to))]
        case WantedMail(subject, html, to):
            return [effect(MAIL, "mail", masked_addresses(to), Mail(message_id, subject, html, to))]
        case WantedPush(data, tokens, topic) if tokens and token_by_token:
            return [
                effect(PUSH, "push", masked_devices([token]), Push(data, [token]), token_key(key, token))
                for token in dict.fromkeys(tokens)
            ]
        case WantedPush(data, tokens, topic):
            to_whom = masked_devices(tokens) if tokens else "subscribers of a topic"
            return [effect(PUSH, "push", to_whom, Push(data, tokens, topic))]
        case KnownResult(sent, reason):
            return [Effect(key, KNOWN, {"sent": sent, "reason": reason}, what=f"notification {mid}")]
