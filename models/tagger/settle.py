#!/usr/bin/env python3
"""Second lesson from unlabelled text: an earlier network settles what nobody has judged.

Where it is sure that a place is no name, the place becomes a lesson; where it is not, it stays left out.
"""

import argparse
import sys
from pathlib import Path

# Run as a script, Python looks for modules beside this file; `models` lies two folders up.
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np
import torch

from models.tagger.corpus import IGNORED, Corpus, Lexicon, describe_all
from models.tagger.export import load
from models.tagger.train import Features
from router.signals.sensitivity.tagger.lines import modes

SURE = 0.9


def main() -> None:
    """Settle one corpus."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--lexicon", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    torch.set_num_threads(1)
    corpus = Corpus.load(options.corpus)
    before = int((corpus.labels == IGNORED).sum())
    settle(corpus, options.checkpoint, Lexicon(options.lexicon))
    corpus.save(options.out)
    print(f"{before - int((corpus.labels == IGNORED).sum()):,} of {before:,} tokens settled")


@torch.inference_mode()
def settle(corpus: Corpus, checkpoint: Path, lexicon: Lexicon) -> None:
    """Change the labels in place."""
    network = load(checkpoint)
    descriptions = describe_all(corpus.vocabulary, lexicon)
    vectors = network.words(Features(descriptions, lexicon).of(np.arange(len(corpus.vocabulary))))
    for document in range(len(corpus)):
        begin, end = int(corpus.first[document]), int(corpus.first[document + 1])
        labels = corpus.labels[begin:end]
        if not (labels == IGNORED).any():
            continue
        numbers = corpus.tokens[begin:end].astype(np.int64)
        line_modes = torch.from_numpy(modes(descriptions.case[numbers]))
        scores = network.context(vectors[torch.from_numpy(numbers)][None], line_modes[None])
        nothing = torch.softmax(scores[0], dim=0)[0].numpy()
        labels[(labels == IGNORED) & (nothing >= SURE)] = 0


if __name__ == "__main__":
    main()
