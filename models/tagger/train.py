#!/usr/bin/env python3
"""Trains the tagger on the corpora of `prepare.py` and writes a checkpoint, which `export.py` makes an artefact of."""

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

# Run as a script, Python looks for modules beside this file; `models` lies two folders up.
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from models.tagger.corpus import LABELS, Corpus, Descriptions, Lexicon, describe_all
from models.tagger.network import Network, Shape, Words
from router.signals.sensitivity.tagger.lines import modes

SEED = 1
WINDOW = 320
BATCH_TOKENS = 6_000
POOL = 96
# How much is hidden from the network, so that it learns to go by what is left.
GRAM_DROP = 0.15
LEXICON_DROP = 0.2
BITS_DROP = 0.3
WARM_UP = 0.04


@dataclass(frozen=True)
class Plan:
    """What the command line decides."""

    corpora: Sequence[Path]
    weights: dict[str, float]
    held_out: str
    lexicon: Path
    tokens: int
    width: int
    dilations: tuple[int, ...]
    rate: float
    go_on_from: Path | None
    threads: int
    out: Path


def main() -> None:
    """Train and write."""
    plan = _plan()
    torch.manual_seed(SEED)
    torch.set_num_threads(plan.threads)
    lexicon = Lexicon(plan.lexicon)
    data = Data([Corpus.load(path) for path in plan.corpora], plan, lexicon)
    network = Network(Shape(len(LABELS), lexicon.meaning, BITS_COLUMNS, width=plan.width, dilations=plan.dilations))
    if plan.go_on_from:
        network.load_state_dict(torch.load(plan.go_on_from, weights_only=True)["network"])
    parameters = sum(parameter.numel() for parameter in network.parameters())
    print(f"{parameters:,} parameters, {len(data)} documents, {data.vocabulary_size:,} distinct tokens", flush=True)
    minutes = train(network, data, plan)
    torch.save(
        {"network": network.state_dict(), "shape": asdict(network.shape), "tokens": plan.tokens, "minutes": minutes},
        plan.out,
    )
    print(f"wrote {plan.out.name} after {minutes:.1f} minutes")


def train(network: Network, data: "Data", plan: Plan) -> float:
    """Until the plan's tokens are used up. Returns the minutes it took."""
    tables = [network.words.flags.weight, network.words.grams.weight]
    dense = [parameter for parameter in network.parameters() if not any(parameter is table for table in tables)]
    optimiser = torch.optim.AdamW(
        [{"params": tables, "weight_decay": 0.0}, {"params": dense, "weight_decay": 0.02}],
        lr=plan.rate,
        betas=(0.9, 0.98),
    )
    average = {name: value.detach().clone() for name, value in network.state_dict().items()}
    seen, running, started = 0, 0.0, time.monotonic()
    for step, batch in enumerate(data.batches(SEED + (1 if plan.go_on_from else 0))):
        progress = seen / plan.tokens
        if progress >= 1:
            break
        rate = plan.rate * min(1.0, progress / WARM_UP + 0.01) * max(0.02, 1 - progress)
        for group in optimiser.param_groups:
            group["lr"] = rate
        loss = loss_of(network, batch)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        if step % 4 == 0:
            _average_in(average, network, step)
        seen += batch.real
        running = 0.98 * running + 0.02 * float(loss.detach()) if step else float(loss.detach())
        if step % 200 == 0:
            speed = seen / (time.monotonic() - started)
            print(f"step {step} {100 * progress:.0f}% loss {running:.4f} {speed:,.0f} tokens/s", flush=True)
    network.load_state_dict(average)
    return (time.monotonic() - started) / 60


def loss_of(network: Network, batch: "Batch") -> Tensor:
    """Mean cross entropy of the tokens that somebody judged."""
    vectors = network.words(batch.words)[batch.rows]
    scores = network.context(vectors, batch.modes, batch.mask)
    return functional.cross_entropy(scores, batch.labels, ignore_index=-1)


def _average_in(average: dict[str, Tensor], network: Network, step: int) -> None:
    """A running mean of the weights, which is better than the last ones."""
    keep = min(0.995, (1 + step) / (20 + step))
    for name, value in network.state_dict().items():
        average[name].lerp_(value, 1 - keep)


BITS_COLUMNS = 9
"""Eight bits of the lexicon, and whether there is a meaning."""


@dataclass(frozen=True)
class Batch:
    """Some windows, filled up to the same length."""

    words: Words
    rows: Tensor
    modes: Tensor
    mask: Tensor
    labels: Tensor
    real: int


class Data:
    """All corpora in one vocabulary; batches without end, each source as often as its weight says."""

    def __init__(self, corpora: Sequence[Corpus], plan: Plan, lexicon: Lexicon) -> None:
        vocabulary: dict[str, int] = {}
        tokens, labels, first, sources = [], [], [np.zeros(1, dtype=np.int64)], []
        for corpus in corpora:
            renumber = np.array(
                [vocabulary.setdefault(word, len(vocabulary)) for word in corpus.vocabulary], dtype=np.int32
            )
            tokens.append(renumber[corpus.tokens])
            labels.append(corpus.labels)
            first.append(corpus.first[1:] + first[-1][-1])
            sources += [
                "" if plan.held_out and held_out(source, template, plan.held_out) else source
                for source, template in zip(corpus.sources, corpus.templates, strict=True)
            ]
        self.tokens, self.labels, self.first = np.concatenate(tokens), np.concatenate(labels), np.concatenate(first)
        self.weights = np.array(
            [plan.weights.get(source, plan.weights.get("*", 1.0)) if source else 0.0 for source in sources]
        )
        self.vocabulary_size = len(vocabulary)
        self.descriptions = describe_all(list(vocabulary), lexicon)
        self.features = Features(self.descriptions, lexicon)

    def __len__(self) -> int:
        return int((self.weights > 0).sum())

    def batches(self, seed: int) -> Iterator[Batch]:
        """Without end. Windows of similar length come together."""
        rng = np.random.default_rng(seed)
        while True:
            copies = np.floor(self.weights + rng.random(len(self.weights))).astype(int)
            order = np.repeat(np.arange(len(self.weights)), copies)
            rng.shuffle(order)
            for pool in self._pools(order, rng):
                rng.shuffle(pool)
                for windows in pool:
                    yield self._batch(windows, rng)

    def _pools(self, order: NDArray[Any], rng: np.random.Generator) -> Iterator[list[list[tuple[int, int]]]]:
        windows: list[tuple[int, int]] = []
        size = 0
        for document in order:
            begin, end = int(self.first[document]), int(self.first[document + 1])
            offset = int(rng.integers(0, WINDOW)) if end - begin > WINDOW else 0
            begin = begin + offset - WINDOW if offset else begin
            for start in range(begin, end, WINDOW):
                low = max(start, int(self.first[document]))
                windows.append((low, min(start + WINDOW, end)))
                size += windows[-1][1] - low
            if size > POOL * BATCH_TOKENS:
                yield _grouped(windows)
                windows, size = [], 0
        yield _grouped(windows)

    def _batch(self, windows: Sequence[tuple[int, int]], rng: np.random.Generator) -> Batch:
        longest = max(end - begin for begin, end in windows)
        shape = (len(windows), longest)
        numbers = np.full(shape, -1, dtype=np.int64)
        labels = np.full(shape, -1, dtype=np.int64)
        line_modes = np.zeros(shape, dtype=np.int64)
        for row, (begin, end) in enumerate(windows):
            numbers[row, : end - begin] = self.tokens[begin:end]
            labels[row, : end - begin] = self.labels[begin:end]
            line_modes[row, : end - begin] = modes(self.descriptions.case[self.tokens[begin:end]])
        real = numbers >= 0
        distinct, rows = np.unique(numbers[real], return_inverse=True)
        row_numbers = np.zeros(shape, dtype=np.int64)
        row_numbers[real] = rows
        return Batch(
            self.features.of(distinct, rng),
            torch.from_numpy(row_numbers),
            torch.from_numpy(line_modes),
            torch.from_numpy(real[:, None, :].astype(np.float32)),
            torch.from_numpy(labels),
            int(real.sum()),
        )


def _grouped(windows: list[tuple[int, int]]) -> list[list[tuple[int, int]]]:
    groups: list[list[tuple[int, int]]] = []
    room = 0
    for begin, end in sorted(windows, key=lambda window: window[1] - window[0], reverse=True):
        if room < end - begin:
            groups.append([])
            room = max(BATCH_TOKENS, end - begin)
            longest = end - begin
        groups[-1].append((begin, end))
        room -= longest
    return groups


class Features:
    """What the network is told about distinct words; in training some of it is hidden at random."""

    def __init__(self, descriptions: Descriptions, lexicon: Lexicon) -> None:
        self._d = descriptions
        self._known = known_table(lexicon)
        # Frequent words are never hidden: their meaning is safe to rely on.
        self._rare = np.append((lexicon.packed_bits & 0b100) == 0, True)

    def of(self, numbers: NDArray[Any], rng: np.random.Generator | None = None) -> Words:
        """Of some words of the vocabulary, by number."""
        d = self._d
        flags, flags_first = _rows(d.flags, d.flags_first, numbers)
        grams, grams_first = _rows(d.grams, d.grams_first, numbers)
        counts = np.diff(np.append(grams_first, len(grams)))
        weights = np.repeat(1 / np.sqrt(np.maximum(counts, 1)), counts).astype(np.float32)
        entries = d.entry[numbers]
        known = self._known[entries]
        if rng is not None:
            weights *= (rng.random(len(weights)) >= GRAM_DROP) / (1 - GRAM_DROP)
            rare = self._rare[entries]
            known = known * ~(rare & (rng.random(len(numbers)) < LEXICON_DROP))[:, None]
            known[rare & (rng.random(len(numbers)) < BITS_DROP), -BITS_COLUMNS:-1] = 0
        return Words(
            *(
                torch.from_numpy(array)
                for array in (flags, flags_first, grams, grams_first, weights.astype(np.float32))
            ),
            torch.from_numpy(known.astype(np.float32)),
        )


def known_table(lexicon: Lexicon) -> NDArray[np.float32]:
    """Meaning, bits and whether there is a meaning, a row an entry; the last row, number -1, knows nothing."""
    table = np.zeros((len(lexicon.words) + 1, lexicon.meaning + BITS_COLUMNS), dtype=np.float32)
    meant = len(lexicon.vectors)
    table[:meant, : lexicon.meaning] = lexicon.vectors * lexicon.scale * lexicon.unit
    table[:-1, lexicon.meaning : -1] = np.unpackbits(lexicon.packed_bits[:, None], axis=1)
    table[:meant, -1] = 1
    return table


def _rows(flat: NDArray[Any], first: NDArray[Any], numbers: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """The rows of some words, one after the other, and where each word's begin."""
    counts = first[numbers + 1] - first[numbers]
    begins = np.cumsum(counts) - counts
    return flat[np.repeat(first[numbers] - begins, counts) + np.arange(counts.sum())], begins


def held_out(source: str, template: str, which: str) -> bool:
    """`source:presidio_synth` holds out a source; `fold:0/3:presidio_synth` a third of its templates."""
    kind, _, rest = which.partition(":")
    if kind == "source":
        return source == rest
    part, _, name = rest.partition(":")
    fold, _, folds = part.partition("/")
    return source == name and fold_of(template, int(folds)) == int(fold)


def fold_of(template: str, folds: int) -> int:
    """A template's fold, the same in every run."""
    from zlib import crc32  # noqa: PLC0415

    return crc32(template.encode(errors="surrogatepass")) % folds


def _plan() -> Plan:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--corpora", type=Path, nargs="+", required=True, help="files of prepare.py")
    parser.add_argument(
        "--weight", action="append", default=[], metavar="SOURCE=N", help="how often a source comes; * for the rest"
    )
    parser.add_argument("--held-out", default="", help="source:NAME or fold:K/N:NAME")
    parser.add_argument("--lexicon", type=Path, required=True, help="the file of vectors.py")
    parser.add_argument("--tokens", type=float, default=40e6, help="tokens to train on (default: %(default)g)")
    parser.add_argument("--width", type=int, default=96)
    parser.add_argument("--dilations", default="1,2,4,8,1")
    parser.add_argument("--rate", type=float, default=3e-3)
    parser.add_argument("--go-on-from", type=Path)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, required=True, help="the checkpoint to write")
    given = parser.parse_args()
    return Plan(
        given.corpora,
        {name: float(value) for name, _, value in (weight.partition("=") for weight in given.weight)},
        given.held_out,
        given.lexicon,
        int(given.tokens),
        given.width,
        tuple(int(part) for part in given.dilations.split(",")),
        given.rate,
        given.go_on_from,
        given.threads,
        given.out,
    )


if __name__ == "__main__":
    main()
