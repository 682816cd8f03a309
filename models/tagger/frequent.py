#!/usr/bin/env python3
"""Which words of the corpora deserve a meaning in the lexicon: those that real text uses more than once or twice."""

import argparse
import sys
from collections import Counter
from pathlib import Path

# Run as a script, Python looks for modules beside this file; `models` lies two folders up.
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np

from models.tagger.corpus import Corpus
from router.signals.sensitivity.tagger.words import describe


def main() -> None:
    """Write them, the most frequent first."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("corpora", type=Path, nargs="+", help="files of prepare.py")
    parser.add_argument("--least", type=int, default=3, help="how often a word must come (default: %(default)s)")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    counts: Counter[str] = Counter()
    for path in options.corpora:
        corpus = Corpus.load(path)
        uses = np.bincount(corpus.tokens, minlength=len(corpus.vocabulary))
        for token, count in zip(corpus.vocabulary, uses.tolist(), strict=True):
            if (key := describe(token).key) and len(key) > 1:
                counts[key] += count
    words = [word for word, count in counts.most_common() if count >= options.least]
    options.out.write_text("\n".join(words) + "\n", encoding="utf-8")
    print(f"{len(words)} words")


if __name__ == "__main__":
    main()
