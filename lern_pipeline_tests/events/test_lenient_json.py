"""The JSON reader: standard documents as Python reads them, the leniency of the existing jobs, and nothing else."""

from __future__ import annotations

import json
import threading
import time
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lern_pipeline.events.lenient_json import MAX_DEPTH, InvalidJson, compact_json, parse_lenient

pytestmark = pytest.mark.rules

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner, max_size=5)
    ),
)
broken_texts = st.text(alphabet="{}[]:,\"\\'/ \n\tubnrtx01.eE+-NaIfilsd8\ud800é😀\x01")


@given(json_values, st.booleans(), st.sampled_from([None, 0, 2]))
def test_standard_documents_read_as_python_reads_them(value: object, ascii_only: bool, indent: int | None) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only, indent=indent)
    assert parse_lenient(text) == json.loads(text) == value


@given(broken_texts)
@example('"\\')
@example("{")
@example("\\")
def test_only_invalid_json_is_raised(text: str) -> None:
    try:
        value = parse_lenient(text)
    except InvalidJson as error:
        assert len(str(error)) < 120
        return
    compact_json(value).encode()


@given(json_values, st.text())
def test_what_follows_an_object_is_ignored(value: object, rest: str) -> None:
    assert parse_lenient(json.dumps({"a": value}) + rest) == {"a": value}


@given(st.characters(exclude_categories=["Cs"]).filter(lambda character: character not in "bfnrtu"))
def test_a_backslash_before_any_other_character_is_that_character(character: str) -> None:
    assert parse_lenient(f'{{"a\\{character}": "\\{character}b\\\\"}}') == {f"a{character}": f"{character}b\\"}


def test_standard_escapes_keep_their_meaning_beside_others() -> None:
    assert parse_lenient(r'"\'\"\\\/\b\f\n\r\t\u0041\ud83d\ude00"') == "'\"\\/\b\f\n\r\tA😀"


def test_the_last_of_equal_keys_wins() -> None:
    assert parse_lenient('{"a": 1, "b": 2, "a": 3}') == {"a": 3, "b": 2}


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "zzz", "{x", "{'a': 1}", "{a: 1}", '{"a" 1}', '{"a":1,}', "[1,]", "[1 2]", '"a', "-", "+1", ".5",
        "01", "1.", "1.x", "nullx", "trueish", "// c\n{}", "\ufeff{}", "[\\1]", "\\{}", r'"\u12"', r'"\u00g0"',
        "NaN", "[Infinity]", "-Infinity", "[1e400]", "[-1e999]",
        '"\x00"', '"\n"', '"\t"', "\x00",
        r'"\ud800"', r'["\udc00\ud800"]', '"\ud800"', r'{"\uD800":1}', r'"\ud800\'"',
        "[" + "9" * 30_000 + "]",
    ],
    ids=lambda text: ascii(text)[:30],
)  # fmt: skip
def test_refused(text: str) -> None:
    with pytest.raises(InvalidJson):
        parse_lenient(text)


@pytest.mark.parametrize("text", ["1 2", "null ", "null,", "1]", "true}", '"a"b', "[]]", "{}{"])
def test_a_complete_value_before_other_text_is_accepted(text: str) -> None:
    parse_lenient(text)


def test_the_reason_does_not_quote_the_document() -> None:
    for text in ('{"secret": secret}', '{"secret\\q": secret}', '{"a": "secret\n"}', "secret"):
        with pytest.raises(InvalidJson) as raised:
            parse_lenient(text)
        assert "secret" not in str(raised.value)


def nested(depth: int, opening: str, closing: str) -> str:
    return opening * depth + "1" + closing * depth


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")], ids=["lists", "objects"])
def test_nesting_is_accepted_to_a_fixed_depth(opening: str, closing: str) -> None:
    parsed = parse_lenient(nested(MAX_DEPTH, opening, closing))
    assert compact_json(parsed) == nested(MAX_DEPTH, opening, closing)
    for depth in (MAX_DEPTH + 1, 5_000, 200_000):
        with pytest.raises(InvalidJson):
            parse_lenient(nested(depth, opening, closing))
        with pytest.raises(InvalidJson):
            parse_lenient(nested(depth, opening, closing).replace("1", r'"\q"'))


def test_no_recursion_error_escapes_from_deep_in_the_stack() -> None:
    outcomes: list[Any] = []

    def deeper(levels: int) -> None:
        if levels:
            deeper(levels - 1)
            return
        try:
            outcomes.append(parse_lenient(nested(MAX_DEPTH, "[", "]")))
        except InvalidJson as error:
            outcomes.append(str(error))

    thread = threading.Thread(target=deeper, args=(800,))
    thread.start()
    thread.join()
    assert outcomes == ["nested too deeply"]


def test_integers_are_kept_at_any_size() -> None:
    digits = "7" * 9_000
    text = f'{{"a":[{digits},-{digits},12345678901234567890123,0],"b":"x"}}'
    parsed = parse_lenient(text)
    assert isinstance(parsed, dict)
    assert parsed["a"][0] == -parsed["a"][1] == 7 * (10**9_000 - 1) // 9
    assert compact_json(parsed) == text


def test_compact_json_keeps_order_nulls_and_characters() -> None:
    text = '{"z":null,"a":{"ü":"గ/\\"\\\\\\n"},"n":[1,1.5,7399.0,true]}'
    assert compact_json(json.loads(text)) == text


@given(json_values)
def test_compact_json_reads_back(value: object) -> None:
    text = compact_json(value)
    assert parse_lenient(text) == value
    assert text == json.dumps(value, ensure_ascii=False, separators=(",", ":"))


@pytest.mark.parametrize(
    "value",
    [float("nan"), [float("inf")], "\ud800", {"\udc00": 10**5_000}, {1, 2}, {"a": object()}, [10**5_000, "\udc00"]],
    ids=lambda value: str(type(value)),
)  # fmt: skip
def test_compact_json_refuses_what_is_no_json(value: object) -> None:
    with pytest.raises(InvalidJson):
        compact_json(value)


@pytest.mark.parametrize(
    "text",
    ['"' + "\\q" * 200_000,
     '"' * 400_000, "\\" * 400_000, "[" * 400_000, "1" * 400_000, '{"a":' * 100_000, "[1e400," * 50_000],
    ids=lambda text: text[:8],
)  # fmt: skip
def test_hostile_texts_take_no_more_than_a_moment(text: str) -> None:
    started = time.process_time()
    with pytest.raises(InvalidJson):
        value = parse_lenient(text)
        if value == "":
            raise InvalidJson("an empty text before more quotes is a complete value")
    assert time.process_time() - started < 2
