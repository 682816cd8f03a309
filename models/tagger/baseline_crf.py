#!/usr/bin/env python3
# /// script
# requires-python = ">=3.11"
# dependencies = ["python-crfsuite==0.9.12"]
# ///
"""The baseline to beat: a conditional random field on the public sets of `ner/`, with the features usual for one.

Its model is made here when a comparison needs it and is not shipped. `Baseline` fills the detectors' port.
"""

import argparse
import json
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pycrfsuite

# Run as a script, Python looks for modules beside this file; `models` lies two folders up.
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from router.signals.sensitivity.detector import Span
from router.signals.sensitivity.tagger.tokens import starts, tokens
from router.signals.sensitivity.views.view import View

LABELS = {
    "PER": "PERSON",
    "person": "PERSON",
    "LOC": "LOCATION",
    "location": "LOCATION",
    "ORG": "ORGANIZATION",
    "corporation": "ORGANIZATION",
    "group": "ORGANIZATION",
}
CLASSES = {"PERSON", "LOCATION", "ORGANIZATION"}


class Baseline:
    """The trained field as a detector. A span's score is the mean probability of its label."""

    name = "crf"

    def __init__(self, model: Path, *, at_least: float = 0.5) -> None:
        self._tagger = pycrfsuite.Tagger()
        self._tagger.open(str(model))
        self._at_least = at_least

    def find(self, view: View, *, every: bool = False) -> Iterator[Span]:
        """One span a type, the strongest, or every one."""
        found = [span for span in self._spans(view.text) if span.score >= self._at_least]
        if every:
            yield from found
            return
        strongest: dict[str, Span] = {}
        for span in sorted(found, key=lambda span: span.score):
            strongest[span.type] = span
        yield from strongest.values()

    def _spans(self, text: str) -> Iterator[Span]:
        pieces = tokens(text)
        words = [(start, piece) for start, piece in zip(starts(pieces), pieces, strict=True) if piece.strip()]
        if not words:
            return
        known = set(self._tagger.labels())
        self._tagger.set(features([piece.strip() for _, piece in words]))
        for label in sorted(CLASSES):
            marks = [mark for mark in (f"B-{label}", f"I-{label}") if mark in known]
            scores = [sum(self._tagger.marginal(mark, at) for mark in marks) for at in range(len(words))]
            yield from _runs(label, words, scores)


def _runs(label: str, words: Sequence[tuple[int, str]], scores: Sequence[float]) -> Iterator[Span]:
    """Neighbouring words that are rather this label than not."""
    run: list[int] = []
    for at in range(len(words) + 1):
        if at < len(words) and scores[at] >= 0.2:
            run.append(at)
        elif run:
            last_start, last = words[run[-1]]
            first_start, first = words[run[0]]
            begin = first_start + len(first) - len(first.lstrip())
            yield Span(label, sum(scores[i] for i in run) / len(run), begin, last_start + len(last))
            run = []


def features(words: Sequence[str]) -> list[list[str]]:
    """Of each word: itself, its form, its ends, and the same of its two neighbours to either side."""
    alone = [_alone(word) for word in words]
    out = []
    for at in range(len(words)):
        found = ["bias"]
        for offset in (-2, -1, 0, 1, 2):
            if 0 <= at + offset < len(words):
                found += [
                    f"{offset}:{feature}"
                    for feature in (alone[at + offset] if abs(offset) < 2 else alone[at + offset][:2])
                ]
            else:
                found.append(f"{offset}:edge")
        out.append(found)
    return out


def _alone(word: str) -> list[str]:
    low = word.lower()
    shape = "".join(
        "X" if char.isupper() else "x" if char.islower() else "9" if char.isdigit() else char for char in word[:6]
    )
    return [f"w={low}", f"s={shape}", f"p={low[:3]}", f"e={low[-3:]}", f"e2={low[-2:]}"]


def train(folder: Path, out: Path) -> int:
    """Train on every file of `ner/`. Returns the number of sentences."""
    trainer = pycrfsuite.Trainer(algorithm="lbfgs", verbose=False)
    trainer.set_params(
        {"c1": 0.1, "c2": 0.05, "max_iterations": 60, "feature.possible_transitions": True, "feature.minfreq": 2}
    )
    count = 0
    for words, tags in _sentences(sorted((folder / "ner").glob("*.jsonl"))):
        trainer.append(features(words), tags)
        count += 1
    trainer.train(str(out))
    return count


def _sentences(files: Iterable[Path]) -> Iterator[tuple[list[str], list[str]]]:
    for file in files:
        for line in file.read_text(encoding="utf-8").strip().split("\n"):
            row: dict[str, Any] = json.loads(line)
            if row["tokens"]:
                yield row["tokens"], [_tag(tag) for tag in row["tags"]]


def _tag(tag: str) -> str:
    label = LABELS.get(tag[2:])
    return f"{tag[:2]}{label}" if label else "O"


def main() -> None:
    """Train and write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="the folder with ner/")
    parser.add_argument("--out", type=Path, required=True, help="the model to write")
    options = parser.parse_args()
    started = time.monotonic()
    count = train(options.data, options.out)
    size = options.out.stat().st_size
    print(f"{count} sentences, {time.monotonic() - started:.0f} s, {size:,} bytes")


if __name__ == "__main__":
    main()
