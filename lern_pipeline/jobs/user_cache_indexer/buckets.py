"""Buckets of users: equal parts of the ring of tokens (contract 8).

Cassandra hashes a user's id into a token and stores users in the order of their tokens. So a part of the ring is a hash
bucket of the user id, and reading it reads nothing of any other.
"""

from __future__ import annotations

from dataclasses import dataclass

from lern_pipeline.errors import ConfigurationError

SMALLEST_TOKEN, LARGEST_TOKEN = -(2**63), 2**63 - 1


@dataclass(frozen=True, slots=True)
class Bucket:
    """One of ``count`` buckets, counted from 0."""

    number: int
    count: int

    @property
    def key(self) -> str:
        """``007-of-256``: with another count the same number is another bucket."""
        return f"{self.number:03d}-of-{self.count}"

    @property
    def tokens(self) -> tuple[int, int]:
        """Its first and its last token."""
        width = 2**64 // self.count
        first = SMALLEST_TOKEN + self.number * width
        return first, LARGEST_TOKEN if self.number == self.count - 1 else first + width - 1

    @classmethod
    def of(cls, token: int, count: int) -> Bucket:
        """The bucket of users with this token."""
        return cls(min((token - SMALLEST_TOKEN) // (2**64 // count), count - 1), count)

    @classmethod
    def parse(cls, key: str) -> Bucket:
        """The bucket of a key.

        Raises:
            ConfigurationError: it is none.
        """
        number, of, count = key.partition("-of-")
        if not of or not number.isdecimal() or not count.isdecimal() or int(number) >= int(count):
            raise ConfigurationError(f"{key!r} is not a bucket's key, such as {Bucket(7, 256).key}")
        return cls(int(number), int(count))


def all_buckets(count: int) -> list[Bucket]:
    """Every bucket, in the order of the ring."""
    return [Bucket(number, count) for number in range(count)]
