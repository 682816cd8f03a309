"""How a conversation becomes text: the control tokens and the chat template that the model file carries."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

Role: TypeAlias = Literal["system", "user", "assistant"]

END = "<|end|>"
PAD = "<|pad|>"
ROLE_TOKENS: dict[Role, str] = {"system": "<|system|>", "user": "<|user|>", "assistant": "<|assistant|>"}
CONTROL_TOKENS = (PAD, END, *ROLE_TOKENS.values())

# Goes into the file as `tokenizer.chat_template`; `prompt` below must render the same text.
TEMPLATE = (
    "{% for message in messages %}{{ '<|' + message['role'] + '|>' + message['content'] + '<|end|>' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)


@dataclass(frozen=True)
class Message:
    """One turn."""

    role: Role
    content: str


def prompt(messages: tuple[Message, ...]) -> str:
    """The text that the model continues."""
    turns = "".join(f"{ROLE_TOKENS[message.role]}{message.content}{END}" for message in messages)
    return turns + ROLE_TOKENS["assistant"]
