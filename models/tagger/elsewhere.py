"""Real text without labels, for what no recipe can imagine: questions that people ask, and code with its comments.

Nobody has marked persons in it, so whatever might be one is left out of the lesson (`UNSAID`), and the rest teaches
what is no person.
"""

import json
import random
import re
import sysconfig
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from models.tagger.corpus import UNSAID

_CAPITALISED = re.compile(r"[A-ZÀ-ÖØ-Þ][\w'\u2019]*(?:[ -]+(?:[A-ZÀ-ÖØ-Þ][\w'\u2019.]*|of|the|de|van|von|and))*")
_WORD = re.compile(r"[^\W\d_]+")
_SENTENCE_START = re.compile(r"(?:^|[.!?:\n\"'(*#-])\s*$")
_CODE_PIECE_LINES = 30


@dataclass(frozen=True)
class Unlabelled:
    """A text of which only some places may be names."""

    text: str
    spans: tuple[tuple[int, int, str], ...]
    source: str
    template: str


def questions(file: Path, names: frozenset[str], *, without: frozenset[str]) -> Iterator[Unlabelled]:
    """Questions of public benchmarks, but those that tests use (`without`: how they begin)."""
    for line in file.read_text(encoding="utf-8").strip().split("\n"):
        text = json.loads(line)["question"]
        if beginning(text) not in without:
            yield Unlabelled(text, tuple(_possible_names(text, names)), "questions", "questions:" + beginning(text))


def code(names: frozenset[str], *, pieces: int, seed: int) -> Iterator[Unlabelled]:
    """Pieces of Python's own library."""
    rng = random.Random(seed)
    folder = Path(sysconfig.get_paths()["stdlib"])
    files = sorted(path for path in folder.rglob("*.py") if "site-packages" not in path.parts)
    for _ in range(pieces):
        path = rng.choice(files)
        lines = path.read_text(encoding="utf-8", errors="replace").split("\n")
        start = rng.randrange(max(1, len(lines) - _CODE_PIECE_LINES))
        text = "\n".join(lines[start : start + rng.randint(3, _CODE_PIECE_LINES)])
        if text.strip():
            yield Unlabelled(text, tuple(_possible_names(text, names)), "stdlib", f"stdlib:{path.name}")


def beginning(text: str) -> str:
    """What tells a text from others, whatever its layout."""
    return "".join(_WORD.findall(text.lower()))[:80]


def beginnings(files: Iterable[Path]) -> frozenset[str]:
    """Of every text of some JSONL files."""
    return frozenset(
        beginning(json.loads(line)["text"])
        for file in files
        for line in file.read_text(encoding="utf-8").strip().split("\n")
    )


def _possible_names(text: str, names: frozenset[str]) -> Iterator[tuple[int, int, str]]:
    """Capitalised words inside a sentence, and anywhere those that lists know as names."""
    for match in _CAPITALISED.finditer(text):
        opens = bool(_SENTENCE_START.search(text[max(0, match.start() - 4) : match.start()]))
        words = _WORD.findall(match[0])
        several = len(words) > 1
        if several or not opens or words[0].lower() in names:
            yield match.start(), match.end(), UNSAID
    for match in _WORD.finditer(text):
        if match[0].islower() and match[0] in names:
            yield match.start(), match.end(), UNSAID
