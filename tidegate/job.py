"""Job: what a producer wants done. Nothing here knows how or where it will run."""

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, ConfigDict, Discriminator, Field, JsonValue, Tag, model_validator

from tidegate.images import MAX_IMAGES, ImagePart
from tidegate.signals import Level
from tidegate.tools import ChosenTool, Tool, ToolChoice
from tidegate.value import Many, Name, Value

MAX_OUTPUT_TOKENS = 131_072
"""A bound on what one job may ask for: the largest output that a model of today writes."""

MAX_LOGPROBS = 100_000
"""How many log-probabilities one answer may carry, those of other tokens included: some megabytes."""

MAX_TOOLS = 128

DEFAULT_DEADLINE_S = 86_400.0
"""A job that named no deadline is worth nothing after a day; without one it could wait for ever."""

MAX_INPUTS = 256
"""Texts of one embeddings job: their vectors are one result."""

Latency = Literal["interactive", "batch"]


class TextPart(Value):
    """A piece of a message in OpenAI's list form."""

    type: Literal["text"] = "text"
    text: str


def _kind(part: object) -> object:
    """What a part says that it is: text where it says nothing."""
    return part.get("type", "text") if isinstance(part, dict) else getattr(part, "type", None)


Part = Annotated[
    Annotated[TextPart, Tag("text")] | Annotated[ImagePart, Tag("image_url")],
    Discriminator(
        _kind,
        custom_error_type="part_kind",
        custom_error_message="a part's type should be text or image_url",
    ),
]
"""A piece of a message: text, or an image."""


def _form(content: object) -> str:
    return "parts" if isinstance(content, list | tuple) else "text"


# Told apart by hand, so that what is wrong in a list is told of the list alone.
Content = Annotated[Annotated[str, Tag("text")] | Annotated[Many[Part], Tag("parts")], Discriminator(_form)]
"""What a message says: a text, or a list of parts."""


class FunctionCall(Value):
    """The function that a model asked for; its arguments are JSON in a string, as OpenAI sends them."""

    name: str
    arguments: str


class ToolCall(Value):
    """One call of a tool in an assistant's turn."""

    id: str
    type: Literal["function"] = "function"
    function: FunctionCall


class Message(Value):
    """One turn of a conversation, in OpenAI's words."""

    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: Content | None = None
    name: str | None = None
    tool_calls: Many[ToolCall] | None = None
    tool_call_id: str | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.content is None and not self.tool_calls:
            raise ValueError("a message needs content or tool_calls")
        if self.images and self.role != "user":
            raise ValueError("an image stands in a user's message")
        return self

    @property
    def text(self) -> str:
        """The content as one string."""
        if self.content is None or isinstance(self.content, str):
            return self.content or ""
        return "\n".join(part.text for part in self.content if isinstance(part, TextPart))

    @property
    def images(self) -> tuple[ImagePart, ...]:
        """The images in the content."""
        parts = () if self.content is None or isinstance(self.content, str) else self.content
        return tuple(part for part in parts if isinstance(part, ImagePart))


class PromptRef(Value):
    """A prompt kept by the operators, by name, and the values that fill its variables."""

    name: Name
    variables: dict[str, str] = {}


class JsonSchema(Value):
    """OpenAI's `json_schema` object."""

    model_config = ConfigDict(serialize_by_alias=True, validate_by_name=True)

    name: Name = "answer"
    schema_: dict[str, JsonValue] = Field(alias="schema")
    strict: bool = True
    description: str | None = None


class ResponseFormat(Value):
    """What the answer must look like: OpenAI's `response_format`."""

    type: Literal["text", "json_object", "json_schema"] = "text"
    json_schema: JsonSchema | None = None

    @model_validator(mode="after")
    def _schema_when_promised(self) -> Self:
        if (self.type == "json_schema") != (self.json_schema is not None):
            raise ValueError("json_schema goes with type json_schema, and only with it")
        return self


TokenId = Annotated[int, Field(ge=0, lt=10_000_000)]
"""A token's number in the vocabulary of the lane's model: another model means another token by it."""

TokenKey = Annotated[str, Field(pattern=r"^(0|[1-9][0-9]{0,6})$")]
"""The same as a key of JSON."""

Penalty = Annotated[float, Field(ge=-2, le=2)]


class Params(Value):
    """How the model is asked. What is null is the lane's own: what its engine or its provider does unasked."""

    max_tokens: Annotated[int, Field(ge=1, le=MAX_OUTPUT_TOKENS)] = 256
    n: Literal[1] = 1
    temperature: Annotated[float, Field(ge=0, le=2)] = 0.0
    top_p: Annotated[float, Field(ge=0, le=1)] | None = None
    top_k: Annotated[int, Field(ge=0, le=100_000)] | None = None
    """0 is all of them."""
    min_p: Annotated[float, Field(ge=0, le=1)] | None = None
    frequency_penalty: Penalty | None = None
    presence_penalty: Penalty | None = None
    repeat_penalty: Annotated[float, Field(gt=0, le=2)] | None = None
    """1 is none."""
    logit_bias: Annotated[dict[TokenKey, Annotated[float, Field(ge=-100, le=100)]], Field(max_length=300)] | None = None
    seed: Annotated[int, Field(ge=0, lt=2**31)] | None = None
    stop: Annotated[Many[Annotated[str, Field(min_length=1)]], Field(max_length=4)] = ()
    stop_tokens: Annotated[Many[TokenId], Field(max_length=16)] = ()
    logprobs: bool = False
    """Whether the result tells each token's log-probability."""
    top_logprobs: Annotated[int, Field(ge=0, le=20)] | None = None
    """And those of so many of the likeliest tokens at each place."""
    response_format: ResponseFormat | None = None
    tools: Annotated[Many[Tool], Field(max_length=MAX_TOOLS)] = ()
    tool_choice: ToolChoice | None = None
    """None is `auto` where there are tools."""
    parallel_tool_calls: bool | None = None

    @model_validator(mode="after")
    def _logprobs_are_bounded(self) -> Self:
        if self.top_logprobs is not None and not self.logprobs:
            raise ValueError("top_logprobs goes with logprobs: true")
        if self.logprobs and self.max_tokens * (1 + (self.top_logprobs or 0)) > MAX_LOGPROBS:
            raise ValueError(f"max_tokens x (1 + top_logprobs) is beyond {MAX_LOGPROBS:,}: ask for less of either")
        return self

    @model_validator(mode="after")
    def _tools_are_told_apart(self) -> Self:
        names = [tool.function.name for tool in self.tools]
        if len(set(names)) < len(names):
            raise ValueError("two tools have the same name")
        if self.tool_choice not in (None, "none") and not self.tools:
            raise ValueError("tool_choice goes with tools")
        if isinstance(self.tool_choice, ChosenTool) and self.tool_choice.function.name not in names:
            raise ValueError("tool_choice names a function that is not among the tools")
        return self

    @property
    def offered(self) -> tuple[Tool, ...]:
        """The tools that the model may call."""
        if isinstance(self.tool_choice, ChosenTool):
            return tuple(tool for tool in self.tools if tool.function.name == self.tool_choice.function.name)
        return () if self.tool_choice == "none" else self.tools

    @property
    def must_call(self) -> bool:
        """Whether only a call is an answer."""
        return self.tool_choice == "required" or isinstance(self.tool_choice, ChosenTool)


class Hints(Value):
    """What the producer knows and the router may use. A hint can make a job more guarded, never less."""

    min_sensitivity: Level | None = None
    latency: Latency = "interactive"
    deadline_s: Annotated[float, Field(gt=0, le=30 * 86_400)] = DEFAULT_DEADLINE_S
    priority: Annotated[int, Field(ge=0, le=9)] = 5
    """0 is the most urgent."""
    task: Name | None = None
    """What kind of work it is, in the operators' words: `triage`, `code-review`."""


def _listed(given: object) -> object:
    """OpenAI's `input` may be one string."""
    return (given,) if isinstance(given, str) else given


class Job(Value):
    """One piece of work: messages, a text, a reference to a prompt, or texts to embed, and how to do it."""

    v: Literal[1] = 1
    messages: Annotated[Many[Message], Field(min_length=1)] | None = None
    text: Annotated[str, Field(min_length=1)] | None = None
    prompt: PromptRef | None = None
    input: (
        Annotated[
            Many[Annotated[str, Field(min_length=1)]],
            BeforeValidator(_listed),
            Field(min_length=1, max_length=MAX_INPUTS),
        ]
        | None
    ) = None
    """Texts to turn into vectors, as in OpenAI's embeddings: one text or a list."""
    params: Params = Params()
    hints: Hints = Hints()
    tenant: Name = "default"
    conversation_id: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    idempotency_key: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    callback_url: None = Field(default=None, description="Reserved for a later version; must be null.")

    @model_validator(mode="before")
    @classmethod
    def _exactly_one_body(cls, data: Any) -> Any:
        bodies = ("messages", "text", "prompt", "input")
        if isinstance(data, dict) and sum(data.get(body) is not None for body in bodies) != 1:
            raise ValueError(f"give exactly one of {', '.join(bodies)}")
        return data

    @model_validator(mode="after")
    def _images_are_bounded(self) -> Self:
        if sum(len(message.images) for message in self.messages or ()) > MAX_IMAGES:
            raise ValueError(f"a job has at most {MAX_IMAGES} images")
        return self

    def turns(self) -> tuple[Message, ...]:
        """The messages to send to a model. None of an `input`, nor of a prompt reference that is not resolved yet."""
        if self.text is not None:
            return (Message(role="user", content=self.text),)
        return self.messages or ()

    def resolved(self, messages: tuple[Message, ...]) -> "Job":
        """A copy that carries its messages instead of a prompt reference."""
        return self.model_copy(update={"messages": messages, "prompt": None, "text": None})

    def for_outside(self) -> "Job":
        """A copy without what a provider does not need to know: the producer's own names for things."""
        return self.model_copy(update={"idempotency_key": None, "conversation_id": None})
