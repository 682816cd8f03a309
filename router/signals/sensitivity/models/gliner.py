"""A GLiNER model, by its repository's name or its folder: `gliner:urchade/gliner_multi_pii-v1`."""

from collections.abc import Iterator
from typing import Any

from router.signals.sensitivity.models.model import Marked, ModelDetector, not_installed, not_there

TYPES = {
    "PERSON": "PERSON",
    "ADDRESS": "ADDRESS",
    "LOCATION": "LOCATION",
    "ORGANIZATION": "ORGANIZATION",
    "DATE OF BIRTH": "DATE_OF_BIRTH",
    "MEDICAL CONDITION": "HEALTH",
    "MEDICATION": "HEALTH",
}
"""Its labels are what it is asked for."""

MOST_WORDS = 300
"""It reads 384 words and drops the others."""


def open_model(model: str) -> ModelDetector:
    """Load it. Raises InvalidSettings that names the command to get it."""
    setting = f"gliner:{model}"
    try:
        from gliner import GLiNER  # type: ignore[import-not-found]  # noqa: PLC0415
    except ImportError:
        raise not_installed("gliner", setting) from None
    try:
        gliner: Any = GLiNER.from_pretrained(model, local_files_only=True)
    except Exception as exc:  # noqa: BLE001 - its errors have no common class
        raise not_there(setting, f"hf download {model}", exc) from None
    asked = [label.lower() for label in TYPES]

    def mark(text: str) -> Iterator[Marked]:
        for entity in gliner.predict_entities(text, asked, threshold=0.5):
            yield Marked(entity["label"], entity["score"], entity["start"], entity["end"])

    return ModelDetector(setting, mark, TYPES, most_words=MOST_WORDS)
