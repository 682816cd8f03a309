"""OpenAI's embeddings: a run as the request's body, and the answer read strictly."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, ValidationError

from tidegate.errors import MalformedAnswer
from tidegate.result import Answer
from workers.backend import Run
from workers.managed import chat
from workers.managed.usage import usage

Body = dict[str, Any]


class _Part(BaseModel):
    """What we read of an answer; a server may say more."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)


class _Vector(_Part):
    index: Annotated[int, Field(ge=0)]
    embedding: Annotated[list[FiniteFloat], Field(min_length=1)]


class _Vectors(_Part):
    data: list[_Vector]
    model: str | None = None
    usage: Any = None


def body(run: Run, *, model: str) -> Body:
    """The request."""
    return {"model": model, "input": list(run.input), "encoding_format": "float"}


def read(content: bytes, *, model: str, count: int) -> Answer:
    """The vectors in a body that came with status 200, one for each text in their order. Raises a RunError."""
    try:
        said = _Vectors.model_validate_json(content)
    except ValidationError:
        said = None
    if said is None:  # outside the handler, so that no exception of ours drags the body along as its context
        chat.raise_told_error(content)
        raise MalformedAnswer("status 200, but the body is no list of embeddings")
    vectors = sorted(said.data, key=lambda vector: vector.index)
    if [vector.index for vector in vectors] != list(range(count)):
        raise MalformedAnswer(f"status 200, but not one embedding for each of {count} texts")
    if len({len(vector.embedding) for vector in vectors}) != 1:
        raise MalformedAnswer("status 200, but the embeddings are not of one length")
    return Answer(
        text="",
        usage=usage(said.usage),
        model=said.model or model,
        embeddings=tuple(tuple(vector.embedding) for vector in vectors),
    )
