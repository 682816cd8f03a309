"""Languages: whether a text is in one whose names nobody can see. It finds nothing, it gives up where it must.

English costs a gate's look and no more. Only where a foreign letter or a foreign small word stands are clauses read one
by one: other scripts speak for themselves, in Latin script small words are counted and a model has the last word. A
word, a title, a name, code, a list of numbers or a smiley is no evidence; a sentence inside an English prompt is.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import re2
from py3langid.langid import MODEL_FILE, LanguageIdentifier

from router.signals.sensitivity.detector import GaveUpError, Span
from router.signals.sensitivity.language.scripts import NON_LATIN, clauses
from router.signals.sensitivity.language.words import ENGLISH, FOREIGN, SHARED
from router.signals.sensitivity.views import is_guess
from router.signals.sensitivity.views.view import View

WITH_TAGGER = frozenset({"en"})

HINT_LETTERS = "language_letters"
HINT_WORDS = "language_words"
HINTS = {
    HINT_LETTERS: (r"[^\x00-\x7f]",),
    HINT_WORDS: (rf"(?i)\b(?:{'|'.join(sorted(word for word in FOREIGN if word.isascii()))})\b",),
}
LETTERS = re2.compile("[\u00c0-\u024f\u1e00-\u1eff]")
WORDS = re2.compile(HINTS[HINT_WORDS][0])

CLAUSE_END = re.compile(
    r"[.!?:;]+(?=[\s\"')\]]|$)|[\n|()\[\]{}<>\"“”„«»…\u2014]+|(?<!\w)['\u2018\u2019]|['\u2019](?!\w)"
)
AROUND_WORDS = ",.;:!?¿¡*_-'\u2019\u2018"
INSIDE_WORDS = str.maketrans("", "", "'\u2019-")

NEAR_CHARS, MAX_CHARS = 200, 2000
"""How much is read around a foreign word: to the next end of a line after so much, and at most so much."""
WHOLE_WORDS = 8
"""Shorter clauses without an English word are read together with the next."""
MAX_ENGLISH = 0.2
"""Of the words of a clause: a foreign one holds less that is English too."""
CLEAR = 2
"""What a word that is not English weighs; one that may be, weighs one."""
ENOUGH = ((6, 3), (4, 4))
ALONE = ((3, 2),)
"""So many different words that weigh so much are worth a question to the model; fewer are in a text of one clause."""
MAX_DOUBT = 0.1
"""How likely a clause may be English or nothing, and still count as foreign."""
NOTHING = NON_LATIN | {"zxx", "la", "eo", "vo", "pcm"}
"""In Latin letters: what the model calls code and lists, what it takes `lorem ipsum` and invented words for, and a
cousin of English."""


class Languages:
    """Gives up on a text of which a clause or more is in a language without a tagger."""

    name = "language"
    hints = HINTS

    def __init__(self, *, with_tagger: frozenset[str] = WITH_TAGGER) -> None:
        """The languages, by their ISO 639-1 codes, whose names somebody sees. English is always one."""
        self._with_tagger = with_tagger | WITH_TAGGER
        self._model = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)

    def find(self, view: View, *, every: bool = False) -> Iterable[Span]:  # noqa: ARG002 - nothing is found
        """Nothing. Raises GaveUpError with the language's code, or its script's name."""
        # English backwards, or with digits for letters, is no language at all.
        if not is_guess(view) and (view.may_hold(HINT_LETTERS) or view.may_hold(HINT_WORDS)):
            for language in self._foreign(view.text):
                raise GaveUpError(f"names in {language}: no tagger")
        return ()

    def _foreign(self, text: str) -> Iterator[str]:
        for script, written in clauses(text):
            language, _ = self._model.classify(written)
            if language not in self._with_tagger & script.languages:
                yield script.name
        for start, end in _paragraphs(text):
            piece = unicodedata.normalize("NFC", text[start:end])
            read = [clause for clause in _clauses(piece) if clause.words]
            for clause in read:
                language = self._language(clause, alone=len(read) == 1 and end - start == len(text))
                if language not in self._with_tagger:
                    yield language

    def _language(self, clause: "Clause", *, alone: bool) -> str:
        """The language of a clause in Latin script; where there is doubt, English."""
        if not clause.may_be_foreign(alone=alone):
            return "en"
        ranked = self._model.rank(clause.text)
        doubt = sum(share for language, share in ranked if language in NOTHING or language == "en")
        return "en" if doubt > MAX_DOUBT or ranked[0][0] in NOTHING else ranked[0][0]


class Clause(NamedTuple):
    """A clause, or short ones together, and its words."""

    text: str
    words: tuple[str, ...]

    def may_be_foreign(self, *, alone: bool) -> bool:
        """Whether it is worth asking the model. A capital may begin a name: its letters are no evidence."""
        lowered = {word.lower() for word in self.words}
        if len(lowered & ENGLISH) > MAX_ENGLISH * len(lowered):
            return False
        shouted = self.text.isupper()
        clear = (lowered & FOREIGN) | {
            word for word in self.words if not word.isascii() and (shouted or word.islower())
        }
        evidence = CLEAR * len(clear) + len(lowered & SHARED)
        return clear != set() and any(
            len(lowered) >= words and evidence >= least for words, least in ENOUGH + ALONE * alone
        )


def _paragraphs(text: str) -> Iterator[tuple[int, int]]:
    """The lines around each foreign word and letter, so that the rest of a long text costs nothing."""
    start, end = 0, -1
    for place in _places(text):
        if place < end:
            continue
        first = text.rfind("\n", max(0, place - MAX_CHARS), max(0, place - NEAR_CHARS)) + 1 or max(0, place - MAX_CHARS)
        last = text.find("\n", place + NEAR_CHARS, place + MAX_CHARS)
        last = min(len(text), place + MAX_CHARS) if last < 0 else last
        if first > end >= 0:
            yield start, end
            start = first
        elif end < 0:
            start = first
        end = last
    if end >= 0:
        yield start, end


def _places(text: str) -> list[int]:
    words = [match.start() for match in WORDS.finditer(text)]
    letters = [] if text.isascii() else [match.start() for match in LETTERS.finditer(text)]
    return sorted(words + letters)


def _clauses(text: str) -> Iterator[Clause]:
    words, start, end = list[str](), 0, 0
    for match in _spans(text):
        more = _words(text[slice(*match)])
        if words and any(word.lower() in ENGLISH for word in more):
            yield Clause(text[start:end], tuple(words))
            words = []
        if not words:
            start = match[0]
        words, end = words + more, match[1]
        if len(words) >= WHOLE_WORDS or any(word.lower() in ENGLISH for word in more):
            yield Clause(text[start:end], tuple(words))
            words = []
    yield Clause(text[start:end], tuple(words))


def _words(clause: str) -> list[str]:
    """Words and no addresses, numbers or names of programs."""
    bare = (word.strip(AROUND_WORDS) for word in clause.split())
    return [word for word in bare if word.translate(INSIDE_WORDS).isalpha()]


def _spans(text: str) -> Iterator[tuple[int, int]]:
    start = 0
    for gap in CLAUSE_END.finditer(text):
        if gap.start() > start:
            yield start, gap.start()
        start = gap.end()
    yield start, len(text)
