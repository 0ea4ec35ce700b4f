"""What was expected against what was found; every function returns the differences, one line each."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from lern_pipeline_tests.golden.freedoms import Freedoms
from lern_pipeline_tests.golden.masks import RunWindow, has_mask, matches

#: The most that a remaining time to live may be below the expected one, seconds.
TTL_SLACK = 900
#: Databases where a recording leaves out the time to live of keys that have one; elsewhere such keys never expire.
EXPIRING_DATABASES = frozenset({"13"})

#: Headers of mails that a recording may have or not.
_SENDERS_CHOICE = ("Date", "Content-Transfer-Encoding")

_COUNTERS = ("viewcount", "completedcount")

#: State of a migration (legacy-certificate-migrator).
_BEGUN = "migration_started"

_CERTIFICATE_REQUESTS = "issue.certificate.request"
#: What the order of addition can make of a sum.
_LAST_BITS = 1e-12


class Comparison:
    """Compares with the masks of one run and the freedoms of one scenario."""

    def __init__(self, window: RunWindow, freedoms: Freedoms = Freedoms()) -> None:  # noqa: B008  frozen
        self.window = window
        self.freedoms = freedoms

    def values(self, expected: object, actual: object, path: str = "") -> list[str]:
        """Parsed JSON: lists in order, `failInfo` may have more members, integers and decimals by value."""
        if isinstance(expected, str) and has_mask(expected):
            if self.freedoms.failed_records and isinstance(actual, dict):
                actual = json.dumps(actual)
            matched = matches(expected, actual, self.window)
            return [] if matched else [f"{path}: expected {expected}, found {_short(actual)}"]
        if isinstance(expected, dict) and isinstance(actual, dict):
            return self._members(expected, actual, path)
        if isinstance(expected, list) and isinstance(actual, list):
            if self.freedoms.question_order and path.endswith(".question"):
                return _unordered(f"{path}: element", expected, actual, self.values)
            if len(expected) != len(actual):
                return [f"{path}: expected {_short(expected)}, found {_short(actual)}"]
            pairs = enumerate(zip(expected, actual, strict=True))
            return [line for index, (one, other) in pairs for line in self.values(one, other, f"{path}[{index}]")]
        if self.freedoms.sums and isinstance(expected, float) and isinstance(actual, float):
            close = math.isclose(expected, actual, rel_tol=_LAST_BITS, abs_tol=_LAST_BITS)
            return [] if close else [f"{path}: expected {expected}, found {actual}"]
        # True is 1 in Python, not in JSON.
        if isinstance(expected, bool) is isinstance(actual, bool) and expected == actual:
            return []
        return [f"{path}: expected {_short(expected)}, found {_short(actual)}"]

    def _members(self, expected: Mapping[str, Any], actual: Mapping[str, Any], path: str) -> list[str]:
        fail_info = path.endswith(".failInfo")
        lines = []
        for name, value in expected.items():
            if name not in actual:
                lines.append(f"{path}.{name}: expected {_short(value)}, missing")
            elif not (fail_info and name == "error" and self.freedoms.error_wording and isinstance(actual[name], str)):
                lines += self.values(value, actual[name], f"{path}.{name}")
        if not fail_info:
            lines += [f"{path}.{name}: unexpected {_short(actual[name])}" for name in actual if name not in expected]
        return lines

    def rows(self, table: str, expected: Sequence[Mapping[str, Any]], actual: Sequence[Mapping[str, Any]]) -> list[str]:
        """Rows of one table in any order; nulls count as absent."""

        def compare(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
            found = _without_nulls(other)
            if self.freedoms.null_counters:
                unset = [name for name in _COUNTERS if name not in one and found.get(name) == 0]
                found = {name: value for name, value in found.items() if name not in unset}
            if self.freedoms.state_not_begun and one.get("reason") == _BEGUN and "reason" not in found:
                found["reason"] = _BEGUN
            return self.values(_without_nulls(one), found)

        return _unordered(f"row of {table}", expected, actual, compare)

    def documents(
        self, collection: str, expected: Sequence[Mapping[str, Any]], actual: Sequence[Mapping[str, Any]]
    ) -> list[str]:
        """Documents of one collection in any order, their members too."""
        return _unordered(f"document of {collection}", expected, actual, self.values)

    def messages(
        self, topic: str, expected: Sequence[Mapping[str, Any]], actual: Sequence[Mapping[str, Any]]
    ) -> list[str]:
        """Messages of one topic in any order, each with `key` and `value`."""
        if self.freedoms.coalesced_certificates and topic == _CERTIFICATE_REQUESTS:
            expected, actual = _last_certificates(expected), _last_certificates(actual)
        if self.freedoms.more_failed_records:
            actual = [message for message in actual if "failInfo" not in message["value"]]
        if self.freedoms.unreadable_records:
            expected, actual = _readable(expected), _readable(actual)
        return _unordered(f"message of {topic}", expected, actual, self.values)

    def redis(self, db: str, expected: Mapping[str, Any], actual: Mapping[str, Any]) -> list[str]:
        """Keys of one database; an expected key may be `"absent"`."""
        lines = []
        for key, entry in expected.items():
            found = actual.get(key)
            if entry == "absent":
                lines += (
                    [f"redis {db} {key}: expected to be absent, found {_short(found)}"] if found is not None else []
                )
            elif found is None:
                lines.append(f"redis {db} {key}: missing, expected {_short(entry)}")
            else:
                lines += [f"redis {db} {key}{line}" for line in self._entry(db, entry, found)]
        lines += [f"redis {db} {key}: unexpected {_short(actual[key])}" for key in actual if key not in expected]
        return lines

    def _entry(self, db: str, expected: Mapping[str, Any], actual: Mapping[str, Any]) -> list[str]:
        if expected["type"] != actual["type"]:
            return [f": expected a {expected['type']}, found a {actual['type']}"]
        lines = []
        ttl, limit = actual.get("ttl"), expected.get("ttl")
        if limit is not None:
            if ttl is None or not limit - TTL_SLACK <= ttl <= limit:
                lines.append(f": expected to expire in at most {limit} s, found {ttl}")
        elif ttl is not None and db not in EXPIRING_DATABASES:
            lines.append(f": expected to stay, expires in {ttl} s")
        one, other = expected["value"], actual["value"]
        match expected["type"]:
            case "set":
                return lines + self.values(sorted(one), sorted(other), " value")
            case "string":
                document = _json_object(one)
                if document is not None:
                    return lines + self.values(document, _json_object(other), " value")
        return lines + self.values(one, other, " value")

    def requests(self, expected: Sequence[Mapping[str, Any]], actual: Sequence[Mapping[str, Any]]) -> list[str]:
        """Requests of one scenario in order; with the freedom for it, each any number of times and in any order."""

        def compare(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
            return self.values(one, {name: other.get(name) for name in ("service", "method", "path", "body")})

        if self.freedoms.look_ups:
            expected, actual = _without_look_ups(expected), _without_look_ups(actual)
        if self.freedoms.delete_query:
            actual = [_without_query(one) if one["method"] == "DELETE" else one for one in actual]
        if self.freedoms.deletes_anywhere:
            expected, actual = _deletes_last(expected), _deletes_last(actual)
        if self.freedoms.request_order:
            return _unordered("http", expected, actual, compare)
        if self.freedoms.repeated_requests:
            lines = [
                f"http: expected {_short(one)}" for one in expected if all(compare(one, other) for other in actual)
            ]
            if self.freedoms.unasked_requests:
                return lines
            return lines + [
                f"http: unexpected {_short(other)}" for other in actual if all(compare(one, other) for one in expected)
            ]
        lines = []
        for index in range(max(len(expected), len(actual))):
            one = expected[index] if index < len(expected) else None
            other = actual[index] if index < len(actual) else None
            if one is None or other is None:
                lines.append(f"http[{index}]: expected {_short(one)}, found {_short(other)}")
            else:
                lines += [f"http[{index}]{line}" for line in compare(one, other)]
        return lines

    def mails(self, expected: Sequence[Mapping[str, Any]], actual: Sequence[Mapping[str, Any]]) -> list[str]:
        """Mails in any order, without what the sender may choose: encoding, date, line ends."""
        plain = [[_plain_mail(mail) for mail in mails] for mails in (expected, actual)]
        return _unordered("mail", *plain, self.values)

    def headers(self, expected: Sequence[Mapping[str, Any]], actual: Sequence[Mapping[str, Any]]) -> list[str]:
        """Headers that the requests named must have, whatever else they have."""
        lines = []
        for wanted in expected:
            names = ("service", "method", "path")
            requests = [request for request in actual if all(request[name] == wanted[name] for name in names)]
            if not requests:
                lines.append(f"http headers: no request {_short({name: wanted[name] for name in names})}")
            for request in requests:
                found = {name.lower(): value for name, value in request["headers"].items()}
                for name, value in wanted["headers"].items():
                    lines += self.values(value, found.get(name.lower()), f"http header {name}")
        return lines


def _unordered(
    what: str,
    expected: Sequence[Mapping[str, Any]],
    actual: Sequence[Mapping[str, Any]],
    compare: Callable[[Mapping[str, Any], Mapping[str, Any]], list[str]],
) -> list[str]:
    """Pairs equal ones; of what is left over, those that differ least are shown beside each other."""
    table = [[compare(one, other) for other in actual] for one in expected]
    partners = _pair(table)
    left = [index for index in range(len(expected)) if index not in partners.values()]
    over = [index for index in range(len(actual)) if index not in partners]
    lines = []
    while left and over:
        one, other = min(
            ((one, other) for one in left for other in over), key=lambda pair: len(table[pair[0]][pair[1]])
        )
        left.remove(one)
        over.remove(other)
        lines += [f"{what} {_short(expected[one], 120)}: {line}" for line in table[one][other]]
    lines += [f"{what}: missing {_short(expected[index])}" for index in left]
    lines += [f"{what}: unexpected {_short(actual[index])}" for index in over]
    return lines


def _pair(table: Sequence[Sequence[list[str]]]) -> dict[int, int]:
    """Actual → expected, as many pairs without differences as there can be: a mask may fit several."""
    partners: dict[int, int] = {}

    def place(one: int, tried: set[int]) -> bool:
        for other, lines in enumerate(table[one]):
            if lines or other in tried:
                continue
            tried.add(other)
            if other not in partners or place(partners[other], tried):
                partners[other] = one
                return True
        return False

    for one in range(len(table)):
        place(one, set())
    return partners


def _last_certificates(messages: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Of each user, course and batch the last request, in the order of publication."""
    last = {}
    for message in messages:
        edata = message["value"]["edata"]
        last[edata["batchId"], edata["courseId"], *edata["userIds"]] = message
    return list(last.values())


def _plain_mail(mail: Mapping[str, Any]) -> dict[str, Any]:
    headers = {name: value for name, value in mail["headers"].items() if name not in _SENDERS_CHOICE}
    if "Content-Type" in headers:
        headers["Content-Type"] = headers["Content-Type"].replace('"', "")
    parts = [part | {"text": part["text"].replace("\r\n", "\n").rstrip("\n")} for part in mail["parts"]]
    return {**mail, "to": sorted(mail["to"]), "headers": headers, "parts": parts}


def _readable(messages: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Without failed records whose original could not be read."""
    values = [message["value"] for message in messages]
    unreadable = [
        # As it was expected: any text.
        isinstance(value, str) or (isinstance(value, dict) and not value.keys().isdisjoint(("raw", "raw_base64")))
        for value in values
    ]
    return [message for message, left_out in zip(messages, unreadable, strict=True) if not left_out]


def _without_look_ups(requests: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return [one for one in requests if not one["path"].endswith("/search") or "/PublicKey/" in one["path"]]


def _without_query(request: Mapping[str, Any]) -> dict[str, Any]:
    return {**request, "path": request["path"].partition("?")[0]}


def _deletes_last(requests: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return sorted(requests, key=lambda request: request["method"] == "DELETE")


def _without_nulls(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if value is not None}


def _json_object(text: object) -> dict[str, Any] | None:
    if not isinstance(text, str):
        return None
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _short(value: object, length: int = 300) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= length else text[:length] + "…"
