"""Presidio's model-free recognisers, behind the gate and failing closed. Nothing outside this folder imports Presidio.

What is different from Presidio's own engine:
- recognisers run where the gate saw what they cannot do without, and one finding of a type is enough;
- a failed checksum weakens a finding instead of deleting it: a mistyped card is still somebody's card;
- an e-mail's domain is not looked up in a list of public suffixes: `alice@hospital.local` is a person too, and the
  list would be fetched over the network;
- phone numbers and telling words are looked for around digits, not in all of the text;
- a pattern that runs out of time stops the detector; Presidio skips the pattern and carries on.
"""

import logging
import re
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence

from presidio_analyzer import EntityRecognizer, Pattern, PatternRecognizer, RecognizerResult, pattern_recognizer
from presidio_analyzer.predefined_recognizers import PhoneRecognizer
from presidio_analyzer.predefined_recognizers.generic import iban_recognizer

from router.signals.sensitivity.detector import GaveUpError, Span
from router.signals.sensitivity.levels import LEVELS
from router.signals.sensitivity.presidio.context import LANGUAGE, Context, Words, whole_words
from router.signals.sensitivity.presidio.phones import NOT_PHONES, PHONE, Phones
from router.signals.sensitivity.presidio.recognizers import pattern_recognizers
from router.signals.sensitivity.views import is_guess
from router.signals.sensitivity.views.view import View

__all__ = ["LANGUAGE", "NOT_PHONES", "Presidio", "Words"]

REGEX_TIMEOUT_S = 2
"""For one pattern on one text: a thousand times what the slowest needs for 20,000 characters."""


REACH_CHARS = 200
"""More than any number has, and an address with all that a pattern asks of it."""

WINDOW_CHARS = 4000
"""A text that is full of something shows it in its first window."""

NUMBERS = frozenset(("CREDIT_CARD", "IBAN_CODE", PHONE))
"""In a reading that nobody may have meant, any digits make one of these."""

NOT_GUESSED = frozenset(("IP_ADDRESS", "MAC_ADDRESS", "US_BANK_NUMBER", "US_DRIVER_LICENSE", "US_PASSPORT"))
"""And these are not looked for there at all."""

CERTAIN = 1.0
"""The score of a number with the right check digits."""


class Presidio:
    """Fourteen of Presidio's English recognisers.

    Not asked: URL, DATE_TIME and UUID, since nothing follows from them and they cost a quarter of the time, and the
    recogniser that only passes on a model's entities.
    """

    name = "presidio"

    def __init__(self) -> None:
        _limit_patterns()
        phones = PhoneRecognizer()
        self._patterns: Sequence[PatternRecognizer] = pattern_recognizers()
        self._phones = Phones(phones.supported_regions, leniency=phones.leniency or 0, score=phones.SCORE)
        self._context = Context()
        self.recognizers: Sequence[EntityRecognizer] = (*self._patterns, phones)
        self.hints: Mapping[str, tuple[str, ...]] = dict(_hints(self._patterns))
        self._warm_up()

    def wakes(self, hints: frozenset[str]) -> bool:
        """Whether some pattern may match, and count: a word of its context alone is nothing."""
        return _hint(PHONE) in hints or any(_can_match(recognizer, hints) for recognizer in self._patterns)

    def find(self, view: View, *, every: bool = False) -> Iterator[Span]:
        """The strongest place of each type, by the first recogniser that sees it. Raises GaveUpError on a timeout."""
        guess = is_guess(view)
        for recognizer in self._patterns:
            if _can_count(recognizer, view) and not (guess and recognizer.supported_entities[0] in NOT_GUESSED):
                spans = self._spans(recognizer, view, every=every or guess)
                if guess:
                    spans = (span for span in spans if self._is_sure(span, recognizer.context, view.text))
                yield from spans if every else sorted(spans, key=_score)[-1:]
        if view.may_hold(_hint(PHONE)):
            for span in self._phones.find(view.text, _windows(view, PHONE)):
                if not guess or self._is_sure(span, PhoneRecognizer.CONTEXT, view.text):
                    yield span
                    if not every:
                        break

    def _is_sure(self, span: Span, words: Sequence[str], text: str) -> bool:
        """Whether a number that somebody may have hidden is one: its check digits are right, or words speak for it."""
        if span.type not in NUMBERS or span.score >= CERTAIN or text[span.start] == "+":
            return True
        return self._context.speaks(words, text, span.start)

    def _warm_up(self) -> None:
        """Compile every pattern and load the regions now: on the first job it would look like a pattern's timeout."""
        for recognizer in self._patterns:
            recognizer.analyze(_WARM_UP, recognizer.supported_entities, None)
        list(self.find(View(_WARM_UP), every=True))

    def _spans(self, recognizer: PatternRecognizer, view: View, *, every: bool) -> Iterator[Span]:
        """What one recogniser sees: the first that counts, or every one. Words around are asked where they matter."""
        least, weak = LEVELS[recognizer.supported_entities[0]].least, []
        for span in _found(recognizer, view):
            if span.score < least:
                weak.append(span)
                continue
            yield span
            if not every:
                return
        for span in weak:
            speaks = self._context.speaks(recognizer.context, view.text, span.start)
            yield span._replace(score=self._context.raised(span.score)) if speaks else span
            if speaks and not every:
                return


_WARM_UP = "account 12345678, +1 212 555 0199"


def _hint(entity: str, *, words: bool = False) -> str:
    return f"presidio:{entity}:words" if words else f"presidio:{entity}"


def _hints(recognizers: Iterable[PatternRecognizer]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """What a text must hold for each recogniser: a match of a pattern, and for the weak ones a word of its context."""
    for recognizer in recognizers:
        entity, flags = recognizer.supported_entities[0], recognizer.global_regex_flags or 0
        inline = "".join(letter for letter, flag in _INLINE if flags & flag)
        yield _hint(entity), tuple(f"(?{inline}){pattern.regex}" for pattern in _patterns(recognizer))
        if _weak(recognizer):
            yield _hint(entity, words=True), tuple(f"(?i){re.escape(word)}" for word in recognizer.context)
    yield _hint(PHONE), (Phones.NUMBER.pattern,)


_INLINE = (("i", re.IGNORECASE), ("m", re.MULTILINE), ("s", re.DOTALL))


def _can_count(recognizer: PatternRecognizer, view: View) -> bool:
    """Whether a pattern may match, and counts by itself or with a word of its context that stands in the text."""
    if view.hints is not None:
        return _can_match(recognizer, view.hints)
    if not _weak(recognizer):
        return True
    lowered = view.text.lower()
    return any(word.lower() in lowered for word in recognizer.context)


def _can_match(recognizer: PatternRecognizer, hints: frozenset[str]) -> bool:
    entity = recognizer.supported_entities[0]
    return _hint(entity) in hints and (not _weak(recognizer) or _hint(entity, words=True) in hints)


def _weak(recognizer: PatternRecognizer) -> bool:
    """Whether none of its patterns counts by itself."""
    strongest: float = max(pattern.score for pattern in _patterns(recognizer))
    return strongest < LEVELS[recognizer.supported_entities[0]].least


def _patterns(recognizer: PatternRecognizer) -> list[Pattern]:
    found: list[Pattern] = recognizer.patterns  # type: ignore[has-type] # set in a constructor without types
    return found


def _score(span: Span) -> float:
    return span.score


def _found(recognizer: PatternRecognizer, view: View) -> Iterator[Span]:
    """What the patterns match and the recogniser does not disprove, in order."""
    entity = recognizer.supported_entities[0]
    for start, end in _windows(view, entity):
        for result in sorted(_analyze(recognizer, view.text[start:end]), key=_position):
            if result.score:
                yield Span(entity, result.score, start + result.start, start + result.end)


def _windows(view: View, entity: str) -> Iterator[tuple[int, int]]:
    """Where an entity may stand, in whole words, and no more at once than is looked at in a moment."""
    for first, last in view.windows(_hint(entity), before=REACH_CHARS, after=REACH_CHARS):
        for start in range(first, last, WINDOW_CHARS):
            yield whole_words(view.text, start, min(last, start + WINDOW_CHARS + REACH_CHARS))


def _position(result: RecognizerResult) -> int:
    position: int = result.start
    return position


def _analyze(recognizer: PatternRecognizer, text: str) -> list[RecognizerResult]:
    """Run one recogniser. It swallows the timeout of a pattern, but not the time that has passed."""
    started = time.monotonic()
    results: list[RecognizerResult] = recognizer.analyze(text, recognizer.supported_entities, None)
    if time.monotonic() - started >= REGEX_TIMEOUT_S:
        raise GaveUpError("pattern timeout")
    return results


def _limit_patterns() -> None:
    """Presidio waits a minute for one pattern, and logs the IBANs that it cannot check."""
    pattern_recognizer.REGEX_TIMEOUT_SECONDS = REGEX_TIMEOUT_S
    iban_recognizer.REGEX_TIMEOUT_SECONDS = REGEX_TIMEOUT_S
    logging.getLogger("presidio-analyzer").addFilter(_silence)


def _silence(_record: logging.LogRecord) -> bool:
    return False
