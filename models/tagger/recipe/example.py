"""What the recipe makes: a text with its labelled spans. Knows nothing about how either came to be."""

from dataclasses import dataclass
from typing import TypeAlias

LABELS = ("PERSON", "ADDRESS", "LOCATION", "ORGANIZATION", "DATE_OF_BIRTH", "HEALTH", "FINANCES")

SpanOf: TypeAlias = tuple[int, int, str]


@dataclass(frozen=True, slots=True)
class Marked:
    """A piece of text, and where in it the labels are; the spans are in order and do not overlap."""

    text: str
    spans: tuple[SpanOf, ...] = ()

    def without(self, *labels: str) -> "Marked":
        """The same text, with these labels (or, when none is named, all) taken off."""
        return Marked(self.text, tuple(span for span in self.spans if labels and span[2] not in labels))


@dataclass(frozen=True, slots=True)
class Example:
    """One training document; examples of one template must not be split between training and test."""

    text: str
    spans: tuple[SpanOf, ...]
    source: str
    template: str


def joined(parts: list[Marked], separator: str = "") -> Marked:
    """The parts one after the other, their spans moved along."""
    texts: list[str] = []
    spans: list[SpanOf] = []
    length = 0
    for index, part in enumerate(parts):
        if index and separator:
            texts.append(separator)
            length += len(separator)
        texts.append(part.text)
        spans.extend((start + length, end + length, label) for start, end, label in part.spans)
        length += len(part.text)
    return Marked("".join(texts), tuple(spans))
