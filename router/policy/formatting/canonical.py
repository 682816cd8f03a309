"""The canonical form of a file of ours: the same content and the same comments, in the one way to write them.

What comes out is read again before anybody sees it: had it another meaning, or lost a comment, the file stays as it is.
"""

from collections import Counter
from pathlib import Path

from router.policy.cases.model import CasesFile
from router.policy.cases.trial import SUFFIX
from router.policy.formatting.layout import Unformattable, lines_of
from router.policy.formatting.order import Kinds
from router.policy.formatting.source import Source, source
from router.policy.model import PolicyFile
from router.prompts import PromptFile
from tidegate.documents import parse
from tidegate.errors import InvalidDocument

_ROUNDS = 3
"""Of writing until nothing changes any more; one is the rule."""


def canonical(text: str, *, name: str) -> str:
    """The canonical form. Raises InvalidDocument where the file cannot be read, or not be written again as it is."""
    text = text.removeprefix("\ufeff").replace("\r\n", "\n")
    document = parse(text, name=name)
    if document.flaws:
        raise InvalidDocument(document.flaws)
    written = text
    for _ in range(_ROUNDS):
        again = _written(written, name)
        if again == written:
            break
        written = again
    else:
        raise InvalidDocument((f"{name}:1:1: has no form that lasts; it stays as it is",))
    if parse(written, name=name).tree != document.tree or _comments(source(written)) != _comments(source(text)):
        raise InvalidDocument((f"{name}:1:1: cannot be written another way without a loss; it stays as it is",))
    return written


def _written(text: str, name: str) -> str:
    try:
        return "\n".join(lines_of(source(text), _kinds(name))).rstrip("\n") + "\n"
    except Unformattable as exc:
        raise InvalidDocument((f"{name}:1:1: {exc} has no canonical form; the file stays as it is",)) from None


def _kinds(name: str) -> Kinds:
    """What the file is, by its name."""
    if name.endswith(SUFFIX):
        return (CasesFile,)
    return (PromptFile,) if Path(name).name == "prompts.yaml" else (PolicyFile,)


def _comments(read: Source) -> Counter[str]:
    return Counter(note for note in (*read.header, *read.top.commented, *read.top.tail) if note)
