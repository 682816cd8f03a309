"""A token classifier for transformers, by its repository's name or its folder: `transformers:dslim/bert-base-NER`."""

from collections.abc import Iterator
from typing import Any

from router.signals.sensitivity.models.model import Marked, ModelDetector, not_installed, not_there

TYPES = {
    "PER": "PERSON",
    "PERSON": "PERSON",
    "NAME": "PERSON",
    "GIVENNAME": "PERSON",
    "SURNAME": "PERSON",
    "LOC": "LOCATION",
    "LOCATION": "LOCATION",
    "GPE": "LOCATION",
    "CITY": "LOCATION",
    "ORG": "ORGANIZATION",
    "ORGANIZATION": "ORGANIZATION",
    "ADDRESS": "ADDRESS",
    "STREET": "ADDRESS",
    "STREET_ADDRESS": "ADDRESS",
    "DATEOFBIRTH": "DATE_OF_BIRTH",
    "DATE_OF_BIRTH": "DATE_OF_BIRTH",
}
OVERLAP_TOKENS = 64


def open_model(model: str) -> ModelDetector:
    """Load it. Raises InvalidSettings that names the command to get it."""
    setting = f"transformers:{model}"
    try:
        import transformers  # type: ignore[import-not-found]  # noqa: PLC0415
    except ImportError:
        raise not_installed("transformers torch", setting) from None
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(model, local_files_only=True, use_fast=True)
        classifier = transformers.AutoModelForTokenClassification.from_pretrained(model, local_files_only=True)
        # With a stride it cuts long texts by its own tokens, instead of dropping their ends.
        marks: Any = transformers.pipeline(
            "token-classification",
            model=classifier,
            tokenizer=tokenizer,
            aggregation_strategy="simple",
            stride=OVERLAP_TOKENS,
        )
    except Exception as exc:  # noqa: BLE001 - its errors have no common class
        raise not_there(setting, f"hf download {model}", exc) from None

    def mark(text: str) -> Iterator[Marked]:
        for entity in marks(text):
            yield Marked(entity["entity_group"], entity["score"], entity["start"], entity["end"])

    return ModelDetector(setting, mark, TYPES)
