"""What no job should say, said to the engine: each ends with our error and its reason, and the engine goes on."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from ggufs import HERMES, with_template
from pydantic import ValidationError

from tidegate.errors import BadRequest, ContextOverflow, Reason, RunError, SchemaInvalid
from tidegate.job import Job, JsonSchema, Message, Params, ResponseFormat
from tidegate.lane import Lane, Zone
from tidegate.settings import load
from tidegate.value import problems
from workers import failures
from workers.backend import Run, open_backend
from workers.local.backend import LocalBackend

CANARY = "Erika Mustermann"


def lane(model: str) -> Lane:
    """A lane with room for one short conversation."""
    return Lane(name="local", zone=Zone.INSIDE, backend="llama_cpp", model=model, context_tokens=1024, concurrency=2)


def run(*messages: Message, **params: Any) -> Run:
    """One attempt."""
    made = Params.model_validate({"max_tokens": 8} | params)
    return Run(job_id="job", attempt=1, messages=messages, params=made, timeout_s=60)


def said(text: str = "hello", **params: Any) -> Run:
    """One attempt at a user's text."""
    return run(Message(role="user", content=text), **params)


def form(**schema: Any) -> dict[str, Any]:
    """A promised form."""
    return {"response_format": ResponseFormat(type="json_schema", json_schema=JsonSchema(schema=schema))}


def tools(*functions: dict[str, Any], choice: Any = "required") -> dict[str, Any]:
    """Functions that are offered."""
    return {"tools": [{"function": {"name": "look", **function}} for function in functions], "tool_choice": choice}


def nested(levels: int) -> dict[str, Any]:
    """A schema in a schema in a schema."""
    found: dict[str, Any] = {"type": "string", "description": CANARY}
    for _ in range(levels):
        found = {"type": "object", "properties": {CANARY: found}}
    return found


@pytest.fixture(scope="module")
def backend(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalBackend]:
    """The engine with the shipped model, which knows tools here."""
    model = with_template(HERMES, tmp_path_factory.mktemp("models") / "tools.gguf")
    opened = open_backend(lane(str(model)), load())
    assert isinstance(opened, LocalBackend)
    yield opened
    opened.close()


def answer(backend: LocalBackend, job: Run) -> str:
    """The text of an answer."""
    return backend.answer(job, stop=threading.Event()).text


def reason(error: RunError) -> Reason:
    """With what reason a job ends that no other lane may have."""
    outcome = failures.decide(
        error, tries=9, lane_index=0, lanes=("local",), retry=lane("m").retry, random_unit=0.0, time_left_s=60
    )
    return outcome.reason


BAD: dict[str, tuple[Run, type[RunError], Reason, str]] = {
    "no messages": (run(), BadRequest, Reason.PROVIDER_4XX, "messages"),
    "ten megabytes": (said(CANARY * 625_000), ContextOverflow, Reason.CONTEXT_OVERFLOW, "characters"),
    "a million messages": (
        run(*(Message(role="user", content="a"),) * 20_000),
        ContextOverflow,
        Reason.CONTEXT_OVERFLOW,
        "messages",
    ),
    "ten megabytes of tools": (
        said(**tools({"description": CANARY * 625_000}, choice="auto")),
        ContextOverflow,
        Reason.CONTEXT_OVERFLOW,
        "characters",
    ),
    "a token that is none": (said(logit_bias={"9999999": 1.0}), BadRequest, Reason.PROVIDER_4XX, "params.logit_bias"),
    "a stop that is none": (said(stop_tokens=(9_999_999,)), BadRequest, Reason.PROVIDER_4XX, "params.stop_tokens"),
    "a long stop": (said(stop=(CANARY * 100,)), BadRequest, Reason.PROVIDER_4XX, "params.stop"),
    "a form that never ends": (
        said(max_tokens=8, **form(type="array", items={"type": "string", "minLength": 100})),
        SchemaInvalid,
        Reason.SCHEMA_INVALID,
        "max_tokens",
    ),
    "repetitions in repetitions": (
        said(**form(type="string", pattern=f"^(({CANARY}){{0,2000}}){{0,2000}}$")),
        BadRequest,
        Reason.PROVIDER_4XX,
        "may be empty",
    ),
    "deep repetitions": (
        said(**form(type="string", pattern="^" + "(" * 500 + "a" + "){2,3}" * 500 + "$")),
        BadRequest,
        Reason.PROVIDER_4XX,
        "json_schema",
    ),
    "a huge enum": (
        said(**form(enum=[f"{CANARY} {number}" for number in range(100_000)])),
        BadRequest,
        Reason.PROVIDER_4XX,
        "so large",
    ),
    "a huge object": (
        said(**form(properties={f"{CANARY} {number}": {} for number in range(100_000)})),
        BadRequest,
        Reason.PROVIDER_4XX,
        "so large",
    ),
    "deep nesting": (said(**form(**nested(60))), BadRequest, Reason.PROVIDER_4XX, "levels"),
    "a schema that is itself": (said(**form(**{"$ref": "#"})), BadRequest, Reason.PROVIDER_4XX, "json_schema"),
    "two that are each other": (
        said(**form(**{"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"})),
        BadRequest,
        Reason.PROVIDER_4XX,
        "json_schema",
    ),
    "three at each level": (
        said(
            **form(
                **{
                    "$defs": {
                        f"d{n}": {"allOf": [{"properties": {f"{k}": {"$ref": f"#/$defs/d{n + 1}"}}} for k in "abc"]}
                        for n in range(30)
                    }
                    | {"d30": {}},
                    "$ref": "#/$defs/d0",
                }
            )
        ),
        BadRequest,
        Reason.PROVIDER_4XX,
        "json_schema",
    ),
    "tools beside a form": (
        said(**tools({}), **form(type="object")),
        BadRequest,
        Reason.PROVIDER_4XX,
        "params.response_format",
    ),
    "a tool that cannot be held": (
        said(**tools({"parameters": {"properties": {CANARY: {"type": "array", "uniqueItems": True}}}})),
        BadRequest,
        Reason.PROVIDER_4XX,
        "params.tools.*uniqueItems",
    ),
    "a tool without a schema": (
        said(**tools({"parameters": {"type": CANARY}}, choice="auto")),
        BadRequest,
        Reason.PROVIDER_4XX,
        r"params.tools\[0\].function.parameters",
    ),
    "a tool of many parts": (
        said(**tools({"parameters": {"properties": {f"{CANARY}{n}": {} for n in range(2_000)}}})),
        BadRequest,
        Reason.PROVIDER_4XX,
        "so large",
    ),
}


@pytest.mark.parametrize(("job", "kind", "why", "words"), BAD.values(), ids=BAD.keys())
def test_it_ends_that_job_alone(backend: LocalBackend, job: Run, kind: type[RunError], why: Reason, words: str) -> None:
    """A clear error without a word of the job, soon; the next job runs in the same process."""
    answer(backend, said())
    before = backend._engine
    with pytest.raises(kind, match=words) as caught:
        answer(backend, job)
    assert reason(caught.value) is why
    assert CANARY not in str(caught.value)
    assert answer(backend, said()) == answer(backend, said())
    assert backend._engine is before


@pytest.mark.parametrize(
    "text", ["", " ", "\0", "\x1b[2J\r\b", "\ufffd\ufdd0\U0010ffff", "e" + "\u0301" * 400, "🏴" * 50]
)
def test_any_characters_are_an_answerable_text(backend: LocalBackend, text: str) -> None:
    """Nothing, control characters, what is no character, and marks without end."""
    assert backend.answer(said(text), stop=threading.Event()).usage.prompt_tokens > 0


def test_a_stop_that_never_comes_ends_with_the_limit(backend: LocalBackend) -> None:
    """max_tokens bounds an answer whatever else it waits for."""
    done = backend.answer(
        said(stop=("never said",), stop_tokens=(1_800,), logit_bias={"300": 100.0}), stop=threading.Event()
    )
    assert (done.finish_reason, done.usage.completion_tokens) == ("length", 8)


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"max_tokens": 0}, "params.max_tokens"),
        ({"max_tokens": 10_000_000}, "params.max_tokens"),
        ({"temperature": float("nan")}, "params.temperature"),
        ({"top_p": 1.1}, "params.top_p"),
        ({"min_p": -0.1}, "params.min_p"),
        ({"repeat_penalty": 0.0}, "params.repeat_penalty"),
        ({"n": 2}, "params.n"),
        ({"logit_bias": {CANARY: 1.0}}, "params.logit_bias"),
        ({"logit_bias": {"1": 101.0}}, "params.logit_bias.1"),
        ({"top_logprobs": 2}, "params"),
        ({"logprobs": True, "top_logprobs": 20, "max_tokens": 100_000}, "params"),
        ({"tool_choice": "required"}, "params"),
        ({"tools": [{"function": {"name": "a b"}}]}, "params.tools[0].function.name"),
        ({"tools": [{"function": {"name": "a"}}] * 2}, "params"),
        ({"stop": ["\ud800"]}, "params.stop[0]"),
    ],
)
def test_what_is_out_of_bounds_never_reaches_an_engine(params: dict[str, Any], field: str) -> None:
    """The contract refuses it by its field, without the value."""
    with pytest.raises(ValidationError) as caught:
        Job.model_validate({"text": "hello", "params": params})
    assert any(problem.startswith(field) for problem in problems(caught.value))
    assert CANARY not in str(problems(caught.value)).replace(f"logit_bias.{CANARY}", "")


@pytest.mark.parametrize("text", ['{"text": "\\ud800"}', '{"text": "a", "params": {"stop": ["\\udfff"]}}'])
def test_half_a_character_is_no_text(text: str) -> None:
    """Lone surrogates stop at the contract."""
    with pytest.raises(ValidationError):
        Job.from_json(text)
