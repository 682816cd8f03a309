"""A spaCy pipeline, by its package's name or its folder: `spacy:en_core_web_sm`."""

from collections.abc import Iterator
from typing import Any

from router.signals.sensitivity.models.model import Marked, ModelDetector, not_installed, not_there

TYPES = {
    "PERSON": "PERSON",
    "PER": "PERSON",
    "GPE": "LOCATION",
    "LOC": "LOCATION",
    "FAC": "LOCATION",
    "LOCATION": "LOCATION",
    "ADDRESS": "ADDRESS",
    "STREET_ADDRESS": "ADDRESS",
    "ORG": "ORGANIZATION",
    "ORGANIZATION": "ORGANIZATION",
    "DATE_OF_BIRTH": "DATE_OF_BIRTH",
}
SCORE = 0.8
"""spaCy gives no score."""


def open_model(model: str) -> ModelDetector:
    """Load it. Raises InvalidSettings that names the command to get it."""
    setting = f"spacy:{model}"
    try:
        import spacy  # noqa: PLC0415 - installed only where somebody wants it
    except ImportError:
        raise not_installed("spacy", setting) from None
    try:
        nlp: Any = spacy.load(model)
    except Exception as exc:  # noqa: BLE001 - its errors have no common class
        raise not_there(setting, f"python -m spacy download {model}", exc) from None

    def mark(text: str) -> Iterator[Marked]:
        return (Marked(entity.label_, SCORE, entity.start_char, entity.end_char) for entity in nlp(text).ents)

    return ModelDetector(setting, mark, TYPES)
