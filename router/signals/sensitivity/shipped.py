"""The detectors that every router has. What a detector needs is imported when it is made: it takes seconds."""

from collections.abc import Callable

from router.signals.sensitivity.detector import Detector


def _secrets() -> Detector:
    from router.signals.sensitivity.secrets import Secrets  # noqa: PLC0415 - only who inspects needs what it imports

    return Secrets()


def _identifiers() -> Detector:
    from router.signals.sensitivity.identifiers import Identifiers  # noqa: PLC0415

    return Identifiers()


def _cues() -> Detector:
    from router.signals.sensitivity.cues import Cues  # noqa: PLC0415

    return Cues()


def _presidio() -> Detector:
    from router.signals.sensitivity.presidio import Presidio  # noqa: PLC0415 - two seconds of imports

    return Presidio()


def _languages() -> Detector:
    from router.signals.sensitivity.language import Languages  # noqa: PLC0415

    return Languages()


def _tagger() -> Detector:
    from router.signals.sensitivity.tagger.detector import Tagger  # noqa: PLC0415

    return Tagger()


DETECTORS: tuple[Callable[[], Detector], ...] = (
    _secrets,
    _identifiers,
    _cues,
    _presidio,
    _languages,
    _tagger,
)
"""Who looks, the cheapest first: what they found counts even if a later one takes too long. A new one is a line."""
