"""Whether a text is one mail address that can stand in an envelope (contract notification-job 5.2). Pure."""

from __future__ import annotations

from email import policy


def envelope_address(text: str) -> str | None:
    """``a@b`` of ``a@b`` or ``Name <a@b>``; None for anything that is not exactly one address.

    A name may be of any letters, an address of ASCII alone: others need an extension that few servers have.
    """
    if not text.isprintable():
        return None
    try:
        header = policy.SMTP.header_factory("To", text)
    # The library's parser trips over some broken addresses.
    except Exception:
        return None
    if header.defects or len(header.addresses) != 1 or header.groups[0].display_name is not None:
        return None
    address = header.addresses[0].addr_spec
    return address if "@" in address and address.isascii() else None
