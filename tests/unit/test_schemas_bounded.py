"""Holding a value against a schema: as the library says what people write, and soon whatever strangers write."""

import json
import threading
import time
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.job import FunctionCall, Params, ToolCall
from workers import toolcalls
from workers.schemas import Unchecked, misfit, problem

EVIL = "(a+)+$"
SLOW = "a" * 64 + "!"

_SCALARS = (
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from([0.5, 1.0]) | st.sampled_from(["", "a", "ab"])
)
_VALUES = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", "xa"]), inner, max_size=3),
    max_leaves=8,
)
_FLAT = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(["object", "array", "string", "number", "integer", "boolean", "null"]),
        "pattern": st.sampled_from(["^a", "b$", "a+b?"]),
        "uniqueItems": st.booleans(),
        "enum": st.lists(_VALUES, min_size=1, max_size=2),
        "const": _SCALARS,
        "required": st.lists(st.sampled_from(["a", "b"]), max_size=2, unique=True),
        "additionalProperties": st.booleans(),
        "minLength": st.integers(0, 2),
        "maxItems": st.integers(0, 2),
    },
)
_SCHEMAS = st.recursive(
    _FLAT,
    lambda inner: st.builds(
        lambda flat, more: {**flat, **more},
        _FLAT,
        st.fixed_dictionaries(
            {},
            optional={
                "properties": st.dictionaries(st.sampled_from(["a", "b"]), inner, max_size=2),
                "patternProperties": st.dictionaries(st.sampled_from(["^x", "a"]), inner, max_size=2),
                "additionalProperties": inner,
                "items": inner,
                "anyOf": st.lists(inner, min_size=1, max_size=2),
                "allOf": st.lists(inner, min_size=1, max_size=2),
                "not": inner,
                "propertyNames": inner,
            },
        ),
    ),
    max_leaves=5,
)


@given(_SCHEMAS, _VALUES)
def test_it_says_what_the_library_says(schema: dict[str, Any], value: Any) -> None:
    """Our own keywords mean what the standard's mean."""
    assert (misfit(value, schema) is None) == jsonschema.Draft202012Validator(schema).is_valid(value)


@pytest.mark.parametrize("draft", ["draft-04/schema", "draft-06/schema", "draft-07/schema"])
def test_earlier_drafts_are_kept_to_as_well(draft: str) -> None:
    """By the name that a schema bears."""
    schema = {
        "$schema": f"http://json-schema.org/{draft}#",
        "pattern": "^a",
        "patternProperties": {"^n": {"minimum": 2}},
    }
    assert misfit("ab", schema) is None
    assert misfit("b", schema) is not None
    assert misfit({"n": 1}, schema) is not None


def test_it_says_where_and_what() -> None:
    """A path, the keyword, and what that wants."""
    schema = {"properties": {"items": {"items": {"properties": {"price": {"type": "number"}}}}}}
    found = misfit({"items": [{"price": 1}, {"price": "2"}]}, schema)
    assert found is not None
    assert (found.path, found.keyword, found.wanted) == ("$.items[1].price", "type", "number")


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"pattern": EVIL}, SLOW),
        ({"patternProperties": {EVIL: True}, "additionalProperties": False}, {SLOW: 1}),
        ({"propertyNames": {"pattern": EVIL}}, {SLOW: 1}),
        ({"$ref": "#/$defs/a", "$defs": {"a": {"items": {"pattern": EVIL}}}}, [SLOW] * 100),
        ({"uniqueItems": True}, [{} if n % 2 else [n] for n in range(100_000)]),
        ({"enum": [[n] for n in range(1000)]}, [1000]),
    ],
    ids=["pattern", "patternProperties", "propertyNames", "behind a reference", "uniqueItems", "enum"],
)
def test_what_keeps_others_busy_is_told_soon(schema: dict[str, Any], value: Any) -> None:
    """A pattern that backtracks for years elsewhere, a hundred thousand items that are compared."""
    begun = time.monotonic()
    misfit(value, schema)
    assert time.monotonic() - begun < 30


def test_a_schema_that_doubles_is_given_up() -> None:
    """Thirty references, each to two of the next: a billion looks at one value."""
    defs: dict[str, Any] = {f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(30)}
    schema = {"$ref": "#/$defs/d0", "$defs": {**defs, "d30": {"type": "string"}}}
    ticks, stop = [], threading.Event()
    ticking = threading.Thread(target=lambda: [ticks.append(1) for _ in iter(lambda: stop.wait(0.01), True)])
    ticking.start()
    begun = time.monotonic()
    with pytest.raises(Unchecked, match="takes too long"):
        misfit("x", schema, within_s=0.5)
    took_s = time.monotonic() - begun
    stop.set()
    ticking.join()
    assert took_s < 30
    assert len(ticks) > 3, "other threads stood still meanwhile"


@pytest.mark.parametrize(
    "schema",
    [
        {"pattern": "(?=x)x"},
        {"patternProperties": {r"(a)\1": {}}},
        {"properties": {"a": {"pattern": "("}}},
        {"properties": {"a": {"$schema": "http://json-schema.org/draft-07/schema#", "pattern": EVIL}}},
        {"unevaluatedProperties": False, "allOf": [{"patternProperties": {"x": {}}}]},
        {"$ref": "https://example.com/schema.json"},
        {"type": "oops"},
        json.loads('{"not":' * 70 + "{}" + "}" * 70),
    ],
    ids=["looking ahead", "back to a group", "no pattern", "a draft within", "unevaluated", "away", "no type", "deep"],
)
def test_what_cannot_be_checked_is_said_to_be_so(schema: dict[str, Any]) -> None:
    """Never passed, never an error of somebody else's."""
    with pytest.raises(Unchecked):
        misfit("x", schema)


def test_what_shows_before_there_is_an_answer_is_told_then() -> None:
    """So that nobody is paid for an answer that could not be checked; not a word of the schema is quoted."""
    told = problem({"properties": {"Mrs Quillfeather": {"pattern": "(?!Quillfeather)"}}})
    assert told == "the schema has a pattern that cannot be checked in bounded time"
    assert problem({"pattern": EVIL, "properties": {"pattern": {"type": "string"}}}) is None
    assert problem({"properties": {"$schema": {"type": "string"}, "patternProperties": {"type": "object"}}}) is None


def test_half_a_character_is_no_hang_and_no_crash() -> None:
    """JSON may spell what no text has."""
    with pytest.raises(Unchecked):
        misfit("\ud800", {"pattern": "x"})


def test_a_call_s_arguments_are_bounded_too() -> None:
    """A tool's schema is a stranger's like any other."""
    tool = {"type": "function", "function": {"name": "f", "parameters": {"properties": {"a": {"pattern": EVIL}}}}}
    params = Params.model_validate({"tools": [tool]})
    call = ToolCall(id="1", function=FunctionCall(name="f", arguments=json.dumps({"a": SLOW})))
    assert toolcalls.problem([call], params) == "a call's arguments break the tool's schema: pattern"
