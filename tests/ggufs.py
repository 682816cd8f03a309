"""Copies of the shipped model with something about them changed: what no model of a test's size says of itself."""

import struct
from pathlib import Path

from tidegate.settings import load
from workers.models import catalogue
from workers.models.catalogue import ModelFile

ALIGNMENT_BYTES = 32
"""Where the weights begin: what is put in before them must be so many bytes, or twice, and so on."""

TURNS = (
    "{% for message in messages %}{{ '<|' + message['role'] + '|>' + message['content'] + '<|end|>' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)
"""How the shipped model was taught to read a conversation."""

HERMES = (
    "{% if tools %}<|system|>Tools: {% for tool in tools %}{{ tool.function | tojson }}{% endfor %}"
    "Call one so: <tool_call>{}</tool_call><|end|>{% endif %}"
    "{% for message in messages %}{{ '<|' + message['role'] + '|>' + message['content'] }}"
    "{% if message.name is defined %}{{ message.name }}{% endif %}"
    "{% if message.tool_calls %}{% for call in message.tool_calls %}"
    '<tool_call>{"name": "{{ call.function.name }}", "arguments": {{ call.function.arguments | tojson }}}</tool_call>'
    "{% endfor %}{% endif %}<|end|>{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)
"""The same, with tools in Hermes' way."""


def shipped() -> ModelFile:
    """The model that comes with the checkout."""
    return next(model for model in catalogue.known(load()) if model.origin == "shipped")


def with_template(template: str, path: Path) -> Path:
    """A copy that reads conversations by another chat template."""
    content = shipped().path.read_bytes()
    old = TURNS.encode()
    blanks = -(len(template.encode()) - len(old)) % ALIGNMENT_BYTES
    new = (template + "{#" + " " * (blanks + ALIGNMENT_BYTES - 4) + "#}").encode()
    written = content.replace(_string(old), _string(new))
    assert len(written) == len(content) + len(new) - len(old)
    path.write_bytes(written)
    return path


def with_architecture(name: str, path: Path) -> Path:
    """A copy that says it is of another architecture, with a name of five letters."""
    old, new = _string(b"llama"), _string(name.encode())
    path.write_bytes(shipped().path.read_bytes().replace(old, new, 1))
    return path


def _string(text: bytes) -> bytes:
    return struct.pack("<Q", len(text)) + text
