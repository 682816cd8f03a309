"""Tools: the functions that a model may ask its caller to run, in OpenAI's words. What it asks for is a `ToolCall`."""

from typing import Annotated, Literal

from pydantic import Field, JsonValue

from tidegate.value import Value

FunctionName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
"""As OpenAI has it."""


class Function(Value):
    """A function: what it is called, what it is for, and a JSON schema of its arguments."""

    name: FunctionName
    description: str | None = None
    parameters: dict[str, JsonValue] | None = None
    """None is a function without arguments."""
    strict: bool | None = None
    """Taken for OpenAI's sake: arguments are held to the schema in any case."""


class Tool(Value):
    """One tool. There are only functions."""

    type: Literal["function"] = "function"
    function: Function


class ChosenFunction(Value):
    """The name of a function that must be called."""

    name: FunctionName


class ChosenTool(Value):
    """The tool that must be called."""

    type: Literal["function"] = "function"
    function: ChosenFunction


ToolChoice = Literal["none", "auto", "required"] | ChosenTool
"""Whether the model calls no tool, may call some, must call one, or must call this one."""
