"""The few errors that mean something to an operator."""

from __future__ import annotations


class LernPipelineError(Exception):
    """Base of every error raised on purpose; its text is one line an operator can act on."""


class ConfigurationError(LernPipelineError):
    """A setting is missing, unknown or has a value that cannot be used. Commands exit with code 2."""


class AccessRefused(ConfigurationError):
    """A service answered 401 or 403 (``status``); names the setting to check."""

    def __init__(self, text: str, status: int) -> None:
        self.status = status
        super().__init__(text)


class ServiceUnavailable(LernPipelineError):
    """A store, the broker or a service did not answer in time, or answered that it cannot (``status``: HTTP's).

    The micro-batch fails with nothing half-known and is tried again (platform contract 15.2).
    """

    def __init__(self, service: str, address: str, reason: str, status: int | None = None) -> None:
        self.service = service
        self.address = address
        self.reason = reason
        self.status = status
        super().__init__(f"{service} at {address} is not available: {reason}")


class LaneStopped(LernPipelineError):
    """A lane cannot go on without an operator, for example because its topic was made anew."""


class BatchShredded(LernPipelineError):
    """A micro-batch cannot be run again: what was kept of it held a deleted user's data."""
