"""Presidio's model-free recognisers, gated and failing closed. The only file that imports Presidio.

What is different from Presidio's own engine:
- recognisers run behind gates, and stop at the first finding that counts: one is enough to keep a job inside;
- a failed checksum weakens a finding instead of deleting it: a mistyped card is still somebody's card;
- an e-mail's domain is not looked up in a list of public suffixes: `alice@hospital.local` is a person too, and the
  list would be fetched over the network;
- a pattern that runs out of time stops the detector; Presidio skips the pattern and carries on.
"""

import bisect
import ipaddress
import logging
import re
import time
from collections.abc import Iterator, Sequence
from typing import Any

import spacy
from presidio_analyzer import EntityRecognizer, PatternRecognizer, RecognizerResult, pattern_recognizer
from presidio_analyzer.context_aware_enhancers import LemmaContextAwareEnhancer
from presidio_analyzer.nlp_engine import NlpArtifacts, SpacyNlpEngine
from presidio_analyzer.predefined_recognizers import (
    CreditCardRecognizer,
    CryptoRecognizer,
    EmailRecognizer,
    IbanRecognizer,
    IpRecognizer,
    MacAddressRecognizer,
    MedicalLicenseRecognizer,
    NhsRecognizer,
    PhoneRecognizer,
    UsBankRecognizer,
    UsItinRecognizer,
    UsLicenseRecognizer,
    UsPassportRecognizer,
    UsSsnRecognizer,
)
from presidio_analyzer.predefined_recognizers.generic import iban_recognizer
from presidio_analyzer.predefined_recognizers.generic.iban_patterns import regex_per_country

from router.signals.sensitivity.detector import GaveUpError
from router.signals.sensitivity.gate import may_hold
from router.signals.sensitivity.levels import LEVELS
from tidegate.signals import Finding

REGEX_TIMEOUT_S = 1
"""For one pattern on one text: a thousand times what the slowest needs for 20,000 characters."""

LANGUAGE = "en"


class Presidio:
    """Fourteen of Presidio's English recognisers.

    Not asked: URL, DATE_TIME and UUID, since nothing follows from them and they cost a quarter of the time, and the
    recogniser that only passes on a model's entities.
    """

    name = "presidio"

    def __init__(self) -> None:
        _limit_patterns()
        self.recognizers: Sequence[EntityRecognizer] = (
            EmailRecognizerAnyDomain(),
            CreditCardRecognizerAnyChecksum(),
            IbanRecognizerAnyChecksum(regex_flags=re.DOTALL | re.MULTILINE | re.IGNORECASE),
            UsSsnRecognizerAnyNumber(),
            NhsRecognizer(),
            UsItinRecognizer(),
            MedicalLicenseRecognizer(),
            IpRecognizerOfHosts(),
            MacAddressRecognizer(),
            CryptoRecognizer(),
            UsBankRecognizer(),
            UsLicenseRecognizer(),
            UsPassportRecognizer(),
            *(PhoneRecognizer(supported_regions=(region,)) for region in PhoneRecognizer.DEFAULT_SUPPORTED_REGIONS),
        )
        self._context = _Context()
        self._warm_up()

    def find(self, text: str) -> Iterator[Finding]:
        """The first finding that counts of each type, else its strongest. Raises GaveUpError on a pattern's timeout."""
        lowered, seen = text.lower(), set[str]()
        for recognizer in self.recognizers:
            entity = recognizer.supported_entities[0]
            if entity in seen or not may_hold(entity, text) or not _can_count(recognizer, entity, lowered):
                continue
            score = self._score(recognizer, entity, text)
            if score:
                seen.add(entity)
                yield Finding(type=entity, score=score, detector=self.name)

    def _warm_up(self) -> None:
        """Compile every pattern and load the regions now: on the first job it would look like a pattern's timeout."""
        for recognizer in self.recognizers:
            recognizer.analyze(_WARM_UP, recognizer.supported_entities, None)  # type: ignore[arg-type]
        list(self.find(_WARM_UP))

    def _score(self, recognizer: EntityRecognizer, entity: str, text: str) -> float:
        """The score of the strongest result; words around it are only asked where they can matter."""
        least = LEVELS[entity].least
        results = _analyze(recognizer, entity, _without_times(text) if entity == "PHONE_NUMBER" else text)
        best = max((result.score for result in results), default=0.0)
        if best >= least or not results or not recognizer.context:
            return best
        return max(result.score for result in self._context.enhance(text, results, recognizer))


class EmailRecognizerAnyDomain(EmailRecognizer):
    """E-mail addresses, whatever follows the @."""

    def validate_result(self, pattern_text: str) -> None:
        """No opinion: the pattern's score stands."""


class CreditCardRecognizerAnyChecksum(CreditCardRecognizer):
    """Card numbers, also mistyped ones."""

    def validate_result(self, pattern_text: str) -> bool | None:  # type: ignore[override] # its parent allows None
        """Certain with the right check digit, else as weak as the pattern."""
        return super().validate_result(pattern_text) or None


class IbanRecognizerAnyChecksum(IbanRecognizer):
    """IBANs, also mistyped ones that have their country's form."""

    def validate_result(self, pattern_text: str) -> bool | None:
        """Certain with the right check digits; as weak as the pattern in a country's form; else nothing."""
        verdict = super().validate_result(pattern_text)
        compact = pattern_text.replace(" ", "").replace("-", "").upper()
        form = regex_per_country.get(compact[:2])
        return None if verdict is False and form and re.fullmatch(form, compact) else verdict


class UsSsnRecognizerAnyNumber(UsSsnRecognizer):
    """Numbers written like an SSN, also those that the agency never issued."""

    def invalidate_result(self, pattern_text: str) -> bool:
        """Only mixed separators disprove one: `123-45-6789` in a form stands for somebody's."""
        return len({char for char in pattern_text if char in " .-"}) > 1


class IpRecognizerOfHosts(IpRecognizer):
    """Addresses that some machine may have."""

    def invalidate_result(self, pattern_text: str) -> bool:
        """Loopback and `0.0.0.0` belong to nobody; `1::2` is a slice in Python, and in no network that is given out."""
        if super().invalidate_result(pattern_text):
            return True
        address = ipaddress.ip_interface(pattern_text).ip
        return address.is_loopback or address.is_unspecified or _SLICE.fullmatch(pattern_text) is not None


_WARM_UP = "account 12345678, +1 212 555 0199"

_SLICE = re.compile(r"[0-9A-Fa-f]{0,2}::[0-9A-Fa-f]{0,4}")

NOT_PHONES = re.compile(
    r"(?<!\d)\d{4}-[01]\d-[0-3]\d[T ][0-2]\d:[0-5]\d(?::[0-5]\d(?:\.\d{1,9})?)?(?:Z|[+-][01]\d:?[0-5]\d)?(?!\d)"
    r"|(?<!\d)(?:\d{1,2}([-/.])\d{1,2}\1(?:19|20)\d\d|(?:19|20)\d\d([-/.])\d{1,2}\2\d{1,2})(?!\d|[-/.]\d)"
    r"|(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?![\d.])"
)
"""Timestamps, dates and IPv4 addresses: they cost the phone recogniser most of its time and are no phone numbers."""


def _without_times(text: str) -> str:
    return NOT_PHONES.sub("\n", text)


def _can_count(recognizer: EntityRecognizer, entity: str, lowered: str) -> bool:
    """Whether some pattern counts by itself, or a word of its context stands anywhere in the text."""
    strongest = max((pattern.score for pattern in getattr(recognizer, "patterns", ())), default=1.0)
    return strongest >= LEVELS[entity].least or any(word.lower() in lowered for word in recognizer.context)


def _analyze(recognizer: EntityRecognizer, entity: str, text: str) -> list[RecognizerResult]:
    """Run one recogniser. It swallows the timeout of a pattern, but not the time that has passed."""
    started = time.monotonic()
    results: list[RecognizerResult] = recognizer.analyze(text, [entity], None)  # type: ignore[arg-type] # patterns need none
    if time.monotonic() - started >= REGEX_TIMEOUT_S and isinstance(recognizer, PatternRecognizer):
        raise GaveUpError("pattern timeout")
    return results


def _limit_patterns() -> None:
    """Presidio waits a minute for one pattern, and logs the IBANs that it cannot check."""
    pattern_recognizer.REGEX_TIMEOUT_SECONDS = REGEX_TIMEOUT_S
    iban_recognizer.REGEX_TIMEOUT_SECONDS = REGEX_TIMEOUT_S
    logging.getLogger("presidio-analyzer").addFilter(_silence)


def _silence(_record: logging.LogRecord) -> bool:
    return False


class _Context(LemmaContextAwareEnhancer):
    """Presidio's search for telling words before a match, in logarithmic time a match instead of linear."""

    def __init__(self) -> None:
        super().__init__()
        self._words = Words()

    def enhance(
        self, text: str, results: list[RecognizerResult], recognizer: EntityRecognizer
    ) -> list[RecognizerResult]:
        for result in results:
            result.recognition_metadata[RecognizerResult.RECOGNIZER_IDENTIFIER_KEY] = recognizer.id
        enhanced: list[RecognizerResult] = self.enhance_using_context(
            text, results, self._words.process_text(text, LANGUAGE), [recognizer]
        )
        return enhanced

    @staticmethod
    def _find_index_of_match_token(word: str, start: int, tokens: Any, tokens_indices: list[int]) -> int:  # noqa: ARG004
        return max(0, bisect.bisect_right(tokens_indices, start) - 1)


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
