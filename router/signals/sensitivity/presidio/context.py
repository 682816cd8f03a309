"""Telling words: Presidio's search for words before a match that make it more likely, in a window instead of the text.

Presidio reads the whole text with a language model for it. Here only what stands around a match is cut into words, by
spaCy's tokenizer without a model, and only where one of the words stands there at all.
"""

import bisect
import re
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any

import spacy
from presidio_analyzer.context_aware_enhancers import LemmaContextAwareEnhancer
from presidio_analyzer.nlp_engine import NlpArtifacts, SpacyNlpEngine
from spacy.lang.en.stop_words import STOP_WORDS

LANGUAGE = "en"

WINDOW_CHARS = (120, 480, 1920, 3840)
"""How far words are looked for: further where there are not enough of them, as in a text of dashes."""


class Context:
    """Tells whether a word of a recogniser's context is among the six before a match, or the one after its start."""

    def __init__(self) -> None:
        self._presidio = LemmaContextAwareEnhancer()
        self._words = Words()

    def speaks(self, words: Sequence[str] | None, text: str, start: int) -> bool:
        """Whether the words around a match speak for it."""
        telling = tuple(map(str.lower, words or ()))
        for reach in WINDOW_CHARS:
            first, last = _inwards(text, start, reach)
            window = text[first:last]
            if _any_in(telling, window.lower()):
                near, enough = self._near(window, start - first)
                if any(_any_in(telling, word) for word in near):
                    return True
            else:
                enough = self._has_keys(window[: start - first], window[start - first :])
            if enough or (first, last) == (0, len(text)):
                return False
        return False

    def raised(self, score: float) -> float:
        """The score of a match that words speak for."""
        raised = max(score + self._presidio.context_similarity_factor, self._presidio.min_score_with_context_similarity)
        return float(min(raised, self._presidio.MAX_SCORE))

    def _has_keys(self, before: str, after: str) -> bool:
        """Whether there are certainly as many key words as Presidio would look at, without cutting a text into them."""
        wanted = self._presidio.context_prefix_count + 1, self._presidio.context_suffix_count + 1
        return all(
            sum(word.lower() not in STOP_WORDS for word in _PLAIN_WORD.findall(part)) > count + SPARE_WORDS
            for part, count in zip((before, after), wanted, strict=True)
        )

    def _near(self, window: str, start: int) -> tuple[list[str], bool]:
        """The key words nearest to a place, and whether there are as many as Presidio would look at."""
        artifacts = self._words.process_text(window, LANGUAGE)
        lemmas, keys = artifacts.lemmas, artifacts.keywords
        here = max(0, bisect.bisect_right(artifacts.tokens_indices, start) - 1)
        count_before, count_after = self._presidio.context_prefix_count + 1, self._presidio.context_suffix_count + 1
        before = list(islice((word for word in reversed(lemmas[: here + 1]) if word in keys), count_before))
        after = list(islice((word for word in lemmas[here:] if word in keys), count_after))
        return before + after, len(before) == count_before and len(after) == count_after


class Words(SpacyNlpEngine):
    """spaCy's tokenizer without a model: a word's lemma is the word in lower case."""

    def __init__(self) -> None:
        super().__init__()
        self.nlp: dict[str, Any] = {LANGUAGE: spacy.blank(LANGUAGE)}  # type: ignore[assignment]

    def _doc_to_nlp_artifact(self, doc: Any, language: str) -> NlpArtifacts:
        artifacts = NlpArtifacts(
            entities=[],
            tokens=doc,
            tokens_indices=[token.idx for token in doc],
            lemmas=[token.lower_ for token in doc],
            nlp_engine=self,
            language=language,
        )
        artifacts.keywords = frozenset(artifacts.keywords)  # type: ignore[assignment] # asked word by word
        return artifacts


_PLAIN_WORD = re.compile(r"(?<!\S)[A-Za-z]{4,}(?!\S)")
SPARE_WORDS = 2
"""The tokenizer takes some words apart, `cannot` into two that are no key words."""

WORD_CHARS = 200
"""No word is longer."""


def whole_words(text: str, start: int, end: int) -> tuple[int, int]:
    """A part of a text and the rest of the words at its ends."""
    for _ in range(WORD_CHARS):
        if start == 0 or text[start - 1].isspace():
            break
        start -= 1
    for _ in range(WORD_CHARS):
        if end >= len(text) or text[end].isspace():
            break
        end += 1
    return start, end


def _inwards(text: str, start: int, reach: int) -> tuple[int, int]:
    """So much before a place and after it, in whole words: half a word is another word."""
    first, last = max(0, start - reach), min(len(text), start + reach)
    while 0 < first < start and not text[first - 1].isspace():
        first += 1
    while start < last < len(text) and not text[last].isspace():
        last -= 1
    return first, max(last, start + 1)


def _any_in(words: Iterable[str], text: str) -> bool:
    return any(word in text for word in words)
