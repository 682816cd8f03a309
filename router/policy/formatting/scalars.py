"""Scalars in canonical form: plain where that reads the same everywhere, quoted where it would not."""

import json
import re
import textwrap
from functools import cache

from ruamel.yaml.nodes import ScalarNode

from tidegate.documents import parse
from tidegate.errors import InvalidDocument

WIDTH = 120

_STR = "tag:yaml.org,2002:str"
_PLAIN_WORDS = re.compile(r"[A-Za-z][A-Za-z0-9 _./()'-]*(?<! )")
_READ_OTHERWISE = re.compile(r"(y|n|yes|no|on|off|true|false|null)", re.IGNORECASE)
"""Words that older readers of YAML take for something else: their quotes stay."""


def inline(node: ScalarNode, raw: str, *, flow: bool) -> str:
    """A scalar on one line."""
    if node.tag != _STR:
        return raw
    value = str(node.value)
    quoted = raw[:1] in ("'", '"')
    harmless = _PLAIN_WORDS.fullmatch(value) and not _READ_OTHERWISE.fullmatch(value)
    if harmless or (not quoted and _reads_as(value, value, flow=flow)):
        return value
    if "\\" in value and value.isprintable():
        return "'" + value.replace("'", "''") + "'"  # a regular expression: its backslashes stay as they are
    return json.dumps(value, ensure_ascii=False)


def wrapped(text: str, *, first: int, indent: int) -> list[str] | None:
    """Plain text that is too long for a line, on several; None where it cannot stand so."""
    if "\n" in text or not _reads_as(text, text, flow=False):
        return None
    lines = textwrap.wrap(
        text,
        width=WIDTH - indent,
        initial_indent=" " * max(0, first - indent),
        break_long_words=False,
        break_on_hyphens=False,
    )
    if not lines or " ".join([lines[0].strip(), *lines[1:]]) != text:
        return None
    lines[0] = lines[0].lstrip()
    written = "\n".join([lines[0], *(f"  {line}" for line in lines[1:])])
    return lines if _reads_as(written, text, flow=False) else None


@cache
def _reads_as(written: str, value: str, *, flow: bool) -> bool:
    """Whether it reads back as this string, by the reader that the loader uses."""
    if not written or (flow and "\n" in written):
        return False
    try:
        tree = parse(f"k: {{k: {written}}}" if flow else f"k: {written}").tree
    except InvalidDocument:
        return False
    found = tree["k"]
    return (found == {"k": value}) if flow else (isinstance(found, str) and found == value)
