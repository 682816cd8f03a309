#!/usr/bin/env python3
"""Measures artefacts as the router runs them, by themselves, without any pattern beside them, and writes `report.json`.

`--fold 0/3=FOLDER` names an artefact whose training held out that third of the templates of presidio_synth: only those
are asked about. The shipped artefact has learnt from all of them, so its own number there says little.
"""

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import Any

# Run as a script, Python looks for modules beside this file; `models` lies two folders up.
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from models.tagger import recipe
from models.tagger.train import fold_of
from router.signals.sensitivity.tagger.detector import Tagger
from router.signals.sensitivity.views.view import View

HERE = Path(__file__).resolve().parent
HARMLESS = {"LOCATION", "ORGANIZATION"}
CLEAN = ("self_instruct", "humaneval", "gsm8k")
FRESH_SEED = 987_654
FRESH = 4_000
SIZES = (500, 5_000, 20_000)
SPEED_ROUNDS = 60


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="the folder with sensitivity/")
    parser.add_argument("--artefact", type=Path, default=HERE, help="the folder with the manifest")
    parser.add_argument(
        "--fold", action="append", default=[], metavar="K/N=FOLDER", help="an artefact that held out a fold"
    )
    parser.add_argument("--out", type=Path, default=HERE / "report.json", help="the report to write")
    options = parser.parse_args()
    tagger = _open(options.artefact)
    sensitivity = options.data / "sensitivity"
    documents = [example for example in recipe.public(options.data) if example.source.startswith("presidio")]
    report = {
        "artefact": json.loads((options.artefact / "manifest.json").read_text(encoding="utf-8")),
        "presidio_synth_learnt": kept(tagger, documents),
        "presidio_synth_held_out": _folds(options.fold, documents, sensitivity),
        "fresh_recipe": by_label(tagger, recipe.generate(FRESH_SEED, FRESH)),
        "technology": _technology(tagger, sensitivity / "technology.jsonl"),
        "one_name_in_a_hard_place": _one_name(tagger, sensitivity / "adversarial_one_value.jsonl"),
        "clean": clean(tagger, sensitivity),
        "milliseconds": speed(tagger, sensitivity),
    }
    options.out.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(report, indent=2))


def types(tagger: Tagger, text: str) -> set[str]:
    """What would keep a text inside."""
    return {span.type for span in tagger.find(View(text))} - HARMLESS


def kept(tagger: Tagger, documents: Sequence[recipe.Example]) -> dict[str, Any]:
    """Of the documents with a name or an address, those where something is found; and of the others."""
    named = [document for document in documents if {label for *_, label in document.spans} & {"PERSON", "ADDRESS"}]
    others = [document for document in documents if document not in named]
    return {
        "with_name_or_address": _share(bool(types(tagger, document.text)) for document in named),
        "without": _share(bool(types(tagger, document.text)) for document in others),
    }


def by_label(tagger: Tagger, documents: Iterable[recipe.Example]) -> dict[str, Any]:
    """Of each label's spans, those touched by one of the same label, and those covered by one; and false alarms."""
    asked: Counter[str] = Counter()
    hit: Counter[str] = Counter()
    whole: Counter[str] = Counter()
    alarms = []
    for document in documents:
        found = list(tagger.find(View(document.text), every=True))
        for start, end, label in document.spans:
            asked[label] += 1
            hit[label] += any(span.type == label and span.start < end and span.end > start for span in found)
            whole[label] += any(span.start <= start and span.end >= end for span in found)
        if not document.spans:
            alarms.append(bool({span.type for span in found} - HARMLESS))
    return {
        "spans_touched": {label: f"{hit[label]} of {asked[label]}" for label in sorted(asked)},
        "spans_covered_whole": {label: f"{whole[label]} of {asked[label]}" for label in sorted(asked)},
        "harmless_documents_kept_inside": _share(alarms),
    }


def clean(tagger: Tagger, folder: Path) -> dict[str, Any]:
    """Of each clean set, the texts kept inside by mistake."""
    return {
        name: _share(bool(types(tagger, row["text"])) for row in _rows(folder / f"clean_{name}.jsonl"))
        for name in CLEAN
    }


def speed(tagger: Tagger, folder: Path) -> dict[str, float]:
    """Median CPU milliseconds for pieces of the clean sets, by length in characters; the words are known by then."""
    text = "\n\n".join(row["text"] for name in CLEAN[:2] for row in _rows(folder / f"clean_{name}.jsonl"))
    list(tagger.find(View(text)))
    return {str(size): round(median(_times(tagger, text, size)) * 1e3, 2) for size in SIZES}


def _times(tagger: Tagger, text: str, size: int) -> Iterator[float]:
    for number in range(SPEED_ROUNDS):
        start = number * (len(text) - size) // SPEED_ROUNDS
        view = View(text[start : start + size])
        began = time.thread_time()
        list(tagger.find(view))
        yield time.thread_time() - began


def _folds(given: Sequence[str], documents: Sequence[recipe.Example], sensitivity: Path) -> dict[str, Any]:
    found = {}
    for entry in given:
        name, _, folder = entry.partition("=")
        fold, _, folds = name.partition("/")
        tagger = _open(Path(folder))
        asked = [document for document in documents if fold_of(document.template, int(folds)) == int(fold)]
        found[name] = {**kept(tagger, asked), "clean": clean(tagger, sensitivity)}
    return found


def _technology(tagger: Tagger, file: Path) -> dict[str, Any]:
    rows = list(_rows(file))
    personal = {"PERSON_NAME", "STREET_ADDRESS"}
    return {
        "with_name_or_address": _share(
            bool(types(tagger, row["text"])) for row in rows if personal & set(row["types"])
        ),
        "without_anything": _share(bool(types(tagger, row["text"])) for row in rows if not row["types"]),
    }


def _one_name(tagger: Tagger, file: Path) -> str:
    return _share("PERSON" in types(tagger, row["text"]) for row in _rows(file) if row["type"] == "PERSON_NAME")


def _open(folder: Path) -> Tagger:
    tagger = Tagger(folder)
    if tagger.problem:
        sys.exit(tagger.problem)
    return tagger


def _rows(file: Path) -> Iterator[dict[str, Any]]:
    return map(json.loads, file.read_text(encoding="utf-8").strip().split("\n"))


def _share(answers: Iterable[bool]) -> str:
    given = list(answers)
    return f"{sum(given)} of {len(given)} ({100 * sum(given) / max(1, len(given)):.1f} %)"


if __name__ == "__main__":
    main()
