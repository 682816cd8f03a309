"""Schemas as grammars, held against llama.cpp itself: what it accepts byte by byte, and what is refused by name."""

import ctypes
import json
import math
import re
from collections.abc import Callable, Iterator
from typing import Any

import jsonschema
import llama_cpp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.settings import load
from workers.local.failing import Failing
from workers.local.grammar import numbers, schema
from workers.local.protocol import Failure
from workers.models import catalogue

CANARY = "Erika Mustermann"
Accepts = Callable[[dict[str, Any], str], bool]


@pytest.fixture(scope="module")
def accepts() -> Iterator[Accepts]:
    """Whether llama.cpp lets a text pass under the grammar of a schema, to its end."""
    path = next(model for model in catalogue.known(load()) if model.origin == "shipped").path
    params = llama_cpp.llama_model_default_params()
    params.vocab_only = True
    quiet = llama_cpp.llama_log_callback(lambda *_: None)
    llama_cpp.llama_log_set(quiet, ctypes.c_void_p(0))
    model = llama_cpp.llama_model_load_from_file(str(path).encode(), params)
    vocab = llama_cpp.llama_model_get_vocab(model)
    by_byte = {_piece(vocab, token): token for token in range(llama_cpp.llama_vocab_n_tokens(vocab))}
    eos = llama_cpp.llama_vocab_eos(vocab)

    def check(wanted: dict[str, Any], text: str) -> bool:
        sampler = llama_cpp.llama_sampler_init_grammar(vocab, schema.gbnf(wanted).encode(), b"root")
        assert sampler, "llama.cpp cannot read the grammar"
        try:
            for byte in text.encode():
                token = by_byte[bytes([byte])]
                if not _allowed(sampler, token):
                    return False
                llama_cpp.llama_sampler_accept(sampler, token)
            return _allowed(sampler, eos)
        finally:
            llama_cpp.llama_sampler_free(sampler)

    yield check
    llama_cpp.llama_model_free(model)


def _piece(vocab: Any, token: int) -> bytes:
    buffer = ctypes.create_string_buffer(64)
    length = llama_cpp.llama_token_to_piece(vocab, token, buffer, 64, 0, False)
    return buffer.raw[: max(0, length)]


def _allowed(sampler: Any, token: int) -> bool:
    one = (llama_cpp.llama_token_data * 1)(llama_cpp.llama_token_data(token, 0.0, 0.0))
    array = llama_cpp.llama_token_data_array(data=one, size=1, selected=-1, sorted=False)
    llama_cpp.llama_sampler_apply(sampler, ctypes.byref(array))
    return math.isfinite(one[0].logit)


PERSON = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "minLength": 1, "maxLength": 20},
        "age": {"type": "integer", "minimum": 0, "maximum": 130},
        "mail": {"type": "string", "pattern": r"^[a-z.]+@[a-z]+\.(de|org)$"},
    },
    "required": ["name", "age"],
    "additionalProperties": False,
}
TREE = {
    "$defs": {"node": {"type": "object", "properties": {"of": {"type": "array", "items": {"$ref": "#/$defs/node"}}}}},
    "$ref": "#/$defs/node",
}
EITHER = {
    "type": "object",
    "properties": {"kind": {"enum": ["a", "b"]}},
    "required": ["kind"],
    "oneOf": [
        {"properties": {"x": {"type": "integer"}}, "required": ["x"]},
        {"properties": {"y": {"type": "null"}}, "required": ["y"]},
    ],
}


@pytest.mark.parametrize(
    ("wanted", "yes", "no"),
    [
        (
            PERSON,
            ['{"name": "A", "age": 7}', '{"name":"é","age":130,"mail":"a.b@c.de"}'],
            ["{}", '{"name": "A", "age": 131}'],
        ),
        (
            PERSON,
            [],
            ['{"name": "", "age": 7}', '{"name": "A", "age": 7, "mail": "a@b"}', '{"name": "A", "age": 7, "x": 1}'],
        ),
        (TREE, ["{}", '{"of": [{}, {"of": []}]}'], ['{"of": [1]}', "[]"]),
        (EITHER, ['{"kind": "a", "x": 3}', '{"kind": "b", "y": null}'], ['{"kind": "c", "x": 3}', '{"kind": "a"}']),
        (
            {"enum": ['a"b', "c\\d", 3, None, {"k": [1]}]},
            ['"a\\"b"', '"c\\\\d"', "3", "null", '{"k": [1]}'],
            ['"a"', "4"],
        ),
        ({"const": {"a": "ü"}}, ['{"a": "ü"}'], ["{}"]),
        ({"type": "string", "enum": ["a", 1]}, ['"a"'], ["1"]),
        (
            {"enum": [1, 12, 123, "a", "ab", "b", ""]},
            ["1", "12", "123", '"a"', '"ab"', '"b"', '""'],
            ["13", "1234", '"aa"', '"abc"', "a"],
        ),
        ({"type": ["string", "null"]}, ['"x"', "null"], ["1", "true"]),
        (
            {"type": "array", "items": {"type": "boolean"}, "minItems": 1, "maxItems": 2},
            ["[true]", "[true, false]"],
            ["[]"],
        ),
        ({"type": "array", "items": {"type": "boolean"}, "maxItems": 2}, ["[]"], ["[true, true, true]", "[1]"]),
        (
            {"type": "array", "items": {"type": "null"}, "minItems": 3, "maxItems": 3},
            ["[null, null, null]"],
            ["[null]"],
        ),
        (
            {"prefixItems": [{"type": "null"}, {"type": "integer"}], "items": False},
            ["[null, 3]"],
            ["[null]", "[3, null]"],
        ),
        ({"type": "string", "format": "date"}, ['"2024-12-31"'], ['"2024-13-01"', '"today"']),
        ({"type": "string", "format": "date-time"}, ['"2024-12-31T23:59:59Z"'], ['"2024-12-31"']),
        ({"type": "string", "pattern": "b+"}, ['"abc"', '"b"'], ['"ac"']),
        ({"type": "string", "pattern": r'^["\\]{2}\d\W$'}, [r'"\"\\3!"'], [r'"\"\\3a"', '"x"']),
        ({"type": "string", "pattern": r"^(?:a|b[^c])*?$"}, ['""', '"abd"'], ['"bc"', r'"b\""']),
        ({"type": "number", "minimum": 0, "maximum": 1}, ["0", "0.5", "1", "1.0"], ["1.1", "-0.1", "2"]),
        ({"minLength": 2}, ['"ab"', r'"\u00e9\n"'], ['"a"', "3"]),
        ({"type": "object", "additionalProperties": {"type": "integer"}}, ["{}", '{"a": 1, "b": 2}'], ['{"a": "b"}']),
        (
            {"properties": {"a": {"type": "null"}}, "additionalProperties": {"type": "integer"}},
            ['{"a": null, "b": 2}'],
            [],
        ),
        ({"type": "object", "required": ["a"]}, ['{"a": [1]}'], ["{}"]),
        ({"type": ["string", "null"], "allOf": [{"type": "string"}, {"maxLength": 2}]}, ['"ab"'], ['"abc"', "1"]),
        ({}, ['{"a": [1.5e3, {"b": null}]}', "[]", "-3", '"\\ud83d"'][:3], ["nul", "{a: 1}", '"\\ud83d"', '"\n"']),
        ({"type": "object"}, ['{"a": {}}'], ["[]", "3"]),
    ],
)
def test_the_grammar_is_the_schema(accepts: Accepts, wanted: dict[str, Any], yes: list[str], no: list[str]) -> None:
    """What the schema allows passes, what it does not is stopped; and the library that checks answers agrees."""
    for text in yes:
        jsonschema.validate(json.loads(text), wanted)
        assert accepts(wanted, text), text
    for text in no:
        assert not accepts(wanted, text), text


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ({"not": {"type": "string"}}, "not"),
        ({"if": {"type": "string"}, "then": {"maxLength": 3}}, "if"),
        ({"type": "object", "dependentSchemas": {CANARY: {}}}, "dependentSchemas"),
        ({"type": "object", "patternProperties": {CANARY: {}}}, "patternProperties"),
        ({"type": "object", "propertyNames": {"pattern": CANARY}}, "propertyNames"),
        ({"type": "object", "minProperties": 2}, "minProperties"),
        ({"type": "array", "uniqueItems": True}, "uniqueItems"),
        ({"type": "array", "contains": {"const": CANARY}}, "contains"),
        ({"type": "integer", "multipleOf": 3}, "multipleOf"),
        ({"type": "number", "exclusiveMinimum": 0, "maximum": 0}, "minimum and maximum"),
        ({"type": "number", "minimum": 0.2, "maximum": 0.8}, "minimum and maximum"),
        ({"type": "integer", "minimum": 3, "maximum": 2}, "minimum and maximum"),
        ({"type": "integer", "minimum": 10**40}, "digits"),
        ({"type": "string", "format": "email"}, "format"),
        ({"type": "string", "format": CANARY}, "format other than date"),
        ({"type": "string", "pattern": f"(?={CANARY})x"}, "pattern that looks around"),
        ({"type": "string", "pattern": r"(a)\1"}, "pattern that looks around"),
        ({"type": "string", "pattern": f"(?i){CANARY}"}, "pattern with flags"),
        ({"type": "string", "pattern": f"({CANARY}"}, "pattern"),
        ({"type": "string", "pattern": "^a$", "maxLength": 3}, "pattern"),
        ({"type": "string", "maxLength": 100_000}, "repetitions"),
        ({"type": "array", "items": {"enum": []}}, "."),
        ({"type": "string", "enum": [1]}, "enum or const"),
        ({"type": "object", "required": [CANARY], "additionalProperties": False}, "required"),
        ({"$ref": f"https://example.invalid/{CANARY}"}, "another document"),
        ({"$ref": f"#/nowhere/{CANARY}"}, "nowhere"),
        ({"allOf": [{"type": "string"}, {"type": "null"}]}, "combination"),
        ({"type": "string", "enum": [CANARY + f"{n:x}" * 10 for n in range(20_000)]}, "so large"),
        ({"type": "string", "pattern": "^(a?){2000}$"}, "repeats what may be empty"),
        ({"type": "string", "pattern": "^(a*)*$"}, "repeats what may be empty"),
        ({"type": "string", "pattern": "^(a{1,200}){1,200}$"}, "repetitions within repetitions"),
        ({"type": "string", "pattern": "^" + ".*" * 40 + "$"}, "parts in a row"),
    ],
)
def test_what_cannot_be_expressed_is_refused_by_name(wanted: dict[str, Any], words: str) -> None:
    """Before any token, in words of ours."""
    with pytest.raises(Failing, match=words) as caught:
        schema.gbnf(wanted)
    assert caught.value.failure is Failure.BAD_REQUEST
    assert CANARY not in str(caught.value)


def test_a_schema_may_not_nest_for_ever() -> None:
    """Neither when it is written out, nor when it refers to itself inside a combination."""
    deep: dict[str, Any] = {"type": "null"}
    for _ in range(100):
        deep = {"type": "array", "items": deep}
    for wanted in (deep, {"allOf": [{"$ref": "#"}, {"type": "object"}]}):
        with pytest.raises(Failing, match="levels"):
            schema.gbnf(wanted)


def test_parts_may_not_multiply() -> None:
    """A short schema whose parts each stand twice in the next would be written out for ever."""
    parts: dict[str, Any] = {"p0": {"type": "null"}}
    for number in range(1, 16):
        before = {"type": ["object", "null"], "$ref": f"#/$defs/p{number - 1}"}
        parts[f"p{number}"] = {"properties": {"a": before, "b": before}}
    with pytest.raises(Failing, match="so large"):
        schema.gbnf({"$defs": parts, "$ref": "#/$defs/p15"})


def test_a_reference_that_says_nothing_is_none_for_llama_cpp(accepts: Accepts) -> None:
    """`{"$ref": "#"}` would be a rule that begins with itself; it is caught, and nothing crashes."""
    for wanted in ({"$ref": "#"}, {"anyOf": [{"$ref": "#"}, {"type": "null"}]}, {"allOf": [{"$ref": "#"}]}):
        with pytest.raises(AssertionError, match="cannot read"):
            accepts(wanted, "1")


def as_regex(gbnf: str) -> "re.Pattern[str]":
    """A grammar of digits as a regular expression."""
    return re.compile(gbnf.replace('"."', r"\.").replace('"', "").replace(" ", ""))


BOUND = st.none() | st.integers(-1200, 1200)


def bounds(low: int | None, high: int | None, how: tuple[bool, bool]) -> dict[str, int]:
    """As a schema says them: each one closed or open."""
    names = ("exclusiveMinimum" if how[0] else "minimum", "exclusiveMaximum" if how[1] else "maximum")
    return {name: bound for name, bound in zip(names, (low, high), strict=True) if bound is not None}


def grammar_of(kind: Callable[[dict[str, int]], str], said: dict[str, int]) -> "re.Pattern[str] | None":
    """Its numbers, or None where it says that there are none."""
    try:
        return as_regex(kind(said))
    except Failing:
        return None


HOW = st.tuples(st.booleans(), st.booleans())


@given(low=BOUND, high=BOUND, how=HOW, value=st.integers(-2500, 2500))
def test_integers_keep_their_bounds(low: int | None, high: int | None, how: tuple[bool, bool], value: int) -> None:
    """Each number between the bounds is a text of the grammar, and no other is."""
    said = bounds(low, high, how)
    found = grammar_of(numbers.integer, said)
    fits = jsonschema.Draft202012Validator(said).is_valid(value)
    assert bool(found and found.fullmatch(str(value))) == fits


@given(
    low=st.none() | st.integers(-50, 50),
    high=st.none() | st.integers(-50, 50),
    how=HOW,
    value=st.decimals(-60, 60, places=2),
)
def test_numbers_keep_their_bounds(low: int | None, high: int | None, how: tuple[bool, bool], value: Any) -> None:
    """Fractions too, up to the bounds themselves or not quite."""
    said = bounds(low, high, how)
    found = grammar_of(numbers.number, said)
    fits = jsonschema.Draft202012Validator(said).is_valid(float(value))
    assert bool(found and found.fullmatch(f"{value:f}")) <= fits
    if fits and value != 0 and value % 1:  # a bound itself may be written in several ways
        assert found
        assert found.fullmatch(f"{value:f}".rstrip("0"))
