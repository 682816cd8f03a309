#!/usr/bin/env python3
"""Makes the corpora that `train.py` reads: published sets, real unlabelled text, and documents of the recipe."""

import argparse
import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

# Run as a script, Python looks for modules beside this file; `models` lies two folders up.
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from models.tagger import elsewhere, plainly, recipe
from models.tagger.corpus import LABELS, UNSAID, Corpus, Lexicon, encode
from models.tagger.recipe.augment import worn
from models.tagger.recipe.example import Marked
from models.tagger.vectors import BITS

CODE_PIECES = 8_000
CODE_SEED = 1
TRIES = 8


def main() -> None:
    """Write one corpus."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("what", choices=("published", "questions", "code", "recipe", "harvest", "plainly"))
    parser.add_argument("--data", type=Path, help="the folder with ner/, sensitivity/ and complexity/")
    parser.add_argument("--lexicon", type=Path, help="the file of vectors.py")
    parser.add_argument("--seed", type=int, default=1, help="of the recipe (default: %(default)s)")
    parser.add_argument("--count", type=int, default=100_000, help="documents of the recipe (default: %(default)s)")
    parser.add_argument("--worn", type=int, metavar="SEED", help="wear what is read: small letters, typing mistakes, …")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    corpus = encode(_documents(options))
    corpus.save(options.out)
    print(f"{options.what}: {summary(corpus)}")


def summary(corpus: Corpus) -> str:
    """How much there is of each label."""
    counts = np.bincount(corpus.labels[corpus.labels >= 0], minlength=len(LABELS))
    shares = ", ".join(f"{label} {count:,}" for label, count in zip(LABELS, counts, strict=True))
    return f"{len(corpus):,} documents, {len(corpus.vocabulary):,} distinct tokens; {shares}"


def _documents(options: argparse.Namespace) -> Iterable[Any]:
    if options.what == "recipe":
        return recipe.generate(options.seed, options.count)
    if options.what == "harvest":
        return recipe.harvest(options.seed, options.count)
    if options.what == "plainly":
        return plainly.documents(options.seed, options.count, Lexicon(options.lexicon))
    return _read(options) if options.worn is None else _worn(_read(options), options.worn)


def _read(options: argparse.Namespace) -> Iterable[Any]:
    if options.what == "published":
        return map(_without_handles, recipe.public(options.data))
    names = unmistakable_names(Lexicon(options.lexicon))
    if options.what == "code":
        return elsewhere.code(names, pieces=CODE_PIECES, seed=CODE_SEED)
    return _questions(options.data, names)


def _worn(documents: Iterable[Any], seed: int) -> Iterator[recipe.Example]:
    for number, document in enumerate(documents):
        before = after = Marked(document.text, tuple(document.spans))
        rng = Random(f"{seed}:{number}")
        for _ in range(TRIES):
            if (after := worn(rng, before)).text != before.text:
                break
        yield recipe.Example(after.text, after.spans, document.source, document.template)


def _without_handles(example: recipe.Example) -> recipe.Example:
    """Tweets' @handles are marked as persons in one set and not in another; and `@property` is none."""
    text, spans = example.text, example.spans
    judged = (
        (start, end, UNSAID if "@" in text[max(0, start - 1) : start + 1] else label) for start, end, label in spans
    )
    return replace(example, spans=tuple(judged))


def _questions(data: Path, names: frozenset[str]) -> Iterator[elsewhere.Unlabelled]:
    tests = elsewhere.beginnings((data / "sensitivity").glob("clean_*.jsonl"))
    return elsewhere.questions(data / "complexity" / "router_scores.jsonl", names, without=tests)


def unmistakable_names(lexicon: Lexicon) -> frozenset[str]:
    """Names of persons that are no frequent English words."""
    bits = np.unpackbits(lexicon.packed_bits[:, None], axis=1).astype(bool)
    name = bits[:, BITS.index("given")] | bits[:, BITS.index("family")]
    chosen = np.flatnonzero(name & ~bits[:, BITS.index("top_5000")])
    return frozenset(lexicon.words[number] for number in chosen)


if __name__ == "__main__":
    main()
