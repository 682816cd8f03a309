"""Stanza's pipeline for a language, by its code: `stanza:en`."""

from collections.abc import Iterator
from typing import Any

from router.signals.sensitivity.models.model import Marked, ModelDetector, not_installed, not_there

TYPES = {
    "PERSON": "PERSON",
    "PER": "PERSON",
    "GPE": "LOCATION",
    "LOC": "LOCATION",
    "FAC": "LOCATION",
    "ORG": "ORGANIZATION",
}
SCORE = 0.8
"""Stanza gives no score."""


def open_model(model: str) -> ModelDetector:
    """Load it. Raises InvalidSettings that names the command to get it."""
    setting = f"stanza:{model}"
    try:
        import stanza  # type: ignore[import-not-found]  # noqa: PLC0415
    except ImportError:
        raise not_installed("stanza", setting) from None
    try:
        nlp: Any = stanza.Pipeline(model, processors="tokenize,ner", download_method=None, verbose=False)
    except Exception as exc:  # noqa: BLE001 - its errors have no common class
        how = f"python -c \"import stanza; stanza.download('{model}', processors='tokenize,ner')\""
        raise not_there(setting, how, exc) from None

    def mark(text: str) -> Iterator[Marked]:
        return (Marked(entity.type, SCORE, entity.start_char, entity.end_char) for entity in nlp(text).ents)

    return ModelDetector(setting, mark, TYPES)
