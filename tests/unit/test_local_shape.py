"""The promised shape of an answer."""

from typing import Any

import pytest

from tidegate.job import JsonSchema, ResponseFormat
from workers.local import shape
from workers.local.failing import Failing
from workers.local.protocol import Failure

CANARY = "Erika Mustermann"
OBJECT = ResponseFormat(type="json_object")


def schema(**words: Any) -> ResponseFormat:
    """A response format with this schema."""
    return ResponseFormat(type="json_schema", json_schema=JsonSchema(schema=words))


PERSON = schema(type="object", properties={"age": {"type": "integer"}}, additionalProperties={"type": "string"})


@pytest.mark.parametrize("wanted", [None, ResponseFormat()])
def test_free_text_is_free(wanted: ResponseFormat | None) -> None:
    """Nothing holds an answer that nothing was promised about."""
    assert shape.gbnf(wanted) is None
    shape.check("anything", wanted, finish_reason="length")


@pytest.mark.parametrize(("text", "wanted"), [("{}", OBJECT), ('{"age": 3}', PERSON), ("3", schema(type="integer"))])
def test_a_kept_promise_passes(text: str, wanted: ResponseFormat) -> None:
    """The grammar exists and the check is content."""
    assert shape.gbnf(wanted) is not None
    shape.check(text, wanted, finish_reason="stop")


@pytest.mark.parametrize(
    ("text", "wanted", "words"),
    [
        (f'{{"{CANARY}', OBJECT, "no JSON"),
        (f'["{CANARY}"]', OBJECT, "no object"),
        ("[" * 100_000, OBJECT, "no JSON"),
        (f'{{"age": "{CANARY}"}}', PERSON, "breaks the schema: type"),
        (f'{{"{CANARY}": 1}}', PERSON, "breaks the schema: type"),
    ],
)
def test_a_broken_promise_is_told_without_the_answer(text: str, wanted: ResponseFormat, words: str) -> None:
    """The message names the keyword that was broken, and neither a value nor a key."""
    with pytest.raises(Failing, match=words) as caught:
        shape.check(text, wanted, finish_reason="stop")
    assert caught.value.failure is Failure.SCHEMA_INVALID
    assert CANARY not in str(caught.value)


def test_an_answer_that_was_cut_says_so() -> None:
    """The producer can mend this one: with more max_tokens."""
    with pytest.raises(Failing, match="cut by max_tokens"):
        shape.check('{"a": ', OBJECT, finish_reason="length")


@pytest.mark.parametrize(
    "wanted",
    [
        schema(type=CANARY),
        schema(**{"$ref": f"https://example.invalid/{CANARY}"}),
        schema(**{"$ref": f"#/nowhere/{CANARY}"}),
        schema(type="string", minLength=100_000),
        schema(type="string", pattern=f"({CANARY}"),
        schema(enum=[f"{CANARY}{number}" for number in range(20_000)]),
    ],
)
def test_a_schema_that_cannot_be_expressed_is_refused(wanted: ResponseFormat) -> None:
    """Before any token, in words of ours."""
    with pytest.raises(Failing) as caught:
        shape.gbnf(wanted)
    assert caught.value.failure is Failure.BAD_REQUEST
    assert CANARY not in str(caught.value)


def test_a_foreign_reference_is_never_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    """Jsonschema's own default would open the URL."""

    def opened(*args: object, **kwargs: object) -> None:
        raise AssertionError("the network was asked")

    monkeypatch.setattr("urllib.request.urlopen", opened)
    with pytest.raises(Failing, match="another document"):
        shape.check("3", schema(**{"$ref": "http://example.invalid/schema"}), finish_reason="stop")
