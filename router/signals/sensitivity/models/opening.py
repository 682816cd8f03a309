"""The setting `TIDEGATE_DETECTORS_EXTRA` -> detectors: `spacy:en_core_web_sm,gliner:urchade/gliner_multi_pii-v1`."""

import importlib
from collections.abc import Iterator

from router.signals.sensitivity.models.model import ModelDetector
from tidegate.errors import InvalidSettings

FAMILIES = ("spacy", "gliner", "stanza", "transformers")


def open_models(setting: str) -> tuple[ModelDetector, ...]:
    """Load each model that the setting names. Raises InvalidSettings that says what to install or to mend."""
    return tuple(_open(entry) for entry in _entries(setting))


def _entries(setting: str) -> Iterator[str]:
    return (entry.strip() for entry in setting.split(",") if entry.strip())


def _open(entry: str) -> ModelDetector:
    family, _, model = entry.partition(":")
    if family not in FAMILIES or not model:
        raise InvalidSettings(
            f"TIDEGATE_DETECTORS_EXTRA: {entry!r} is no FAMILY:MODEL with a family of {', '.join(FAMILIES)}"
        )
    module = importlib.import_module(f"{__package__}.{family}")
    opened: ModelDetector = module.open_model(model)
    return opened
