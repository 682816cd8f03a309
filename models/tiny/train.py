#!/usr/bin/env python3
# /// script
# requires-python = ">=3.11"
# dependencies = ["gguf>=0.19", "numpy>=2", "tokenizers>=0.23", "torch==2.13.0"]
# ///
"""Trains the tiny model from nothing but `recipe/` and writes the GGUF file and a report. One command, no downloads.

The optimiser is Muon for the matrices and AdamW for the rest. Only answers are learnt, not prompts, so scores are
computed for the answers' positions alone.
"""

import argparse
import json
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

import torch
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn import functional
from torch.optim import AdamW, Muon, Optimizer

# Run as a script, Python looks for modules beside this file; `models` lies two folders up.
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from models.tiny import gguf_file
from models.tiny import tokenizer as vocabulary
from models.tiny.copying import begin_as_copier
from models.tiny.network import Llama, Shape
from models.tiny.recipe import chat, jobs

NAME = "tidegate-tiny"
TRAINING_SEED = 1
VALIDATION_SEED = 2
VOCABULARY_SAMPLE = 6_000
# Examples that are sorted by length together, so that a batch holds little padding.
POOL = 64
MUON_RATE = 4e-3
ADAMW_RATE = 1.5e-3
WARM_UP_STEPS = 60
# How strongly the model is pulled towards being unsure about foreign requests.
DOUBT_WEIGHT = 0.15
NO_TARGET = -100


@dataclass(frozen=True)
class Plan:
    """What the command line decides."""

    steps: int
    batch: int
    threads: int
    go_on_from: Path | None
    first_example: int
    rate: float
    out: Path
    report: Path


@dataclass(frozen=True)
class Encoded:
    """An example as token ids; the answer, with its end token, is empty for a foreign request."""

    prompt: list[int]
    answer: list[int]


def main() -> None:
    """Train, measure, write."""
    plan = _plan()
    torch.manual_seed(TRAINING_SEED)
    torch.set_num_threads(plan.threads)
    started = time.monotonic()
    network, tokenizer, merges = _continued(plan.go_on_from) if plan.go_on_from else _new()
    parameters = sum(parameter.numel() for parameter in network.parameters())
    print(f"vocabulary {tokenizer.get_vocab_size()}, parameters {parameters:,}, {plan.steps} steps", flush=True)
    _train(network, tokenizer, plan)
    minutes = (time.monotonic() - started) / 60
    accuracy = exact_share_by_task(network, tokenizer, examples_per_task=100)
    gguf_file.write(plan.out, network=network, tokenizer=tokenizer, merges=merges, name=NAME)
    report = {
        "parameters": parameters,
        "vocabulary": tokenizer.get_vocab_size(),
        "first_example": plan.first_example,
        "examples": plan.first_example + plan.steps * plan.batch,
        "training_seed": TRAINING_SEED,
        "minutes": round(minutes, 1),
        "exact_by_tokens": accuracy,
    }
    plan.report.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    print(f"wrote {plan.out.name} ({plan.out.stat().st_size:,} bytes) after {minutes:.1f} minutes: {accuracy}")


def exact_share_by_task(network: Llama, tokenizer: Tokenizer, *, examples_per_task: int) -> dict[str, float]:
    """The share of fresh examples whose every token is the network's first choice.

    Stricter than what `evaluate.py` measures: there, the right text in other pieces counts as well.
    """
    shares = {}
    for task in jobs.tasks():
        seeds = (Random(f"{VALIDATION_SEED}:{task}:{index}") for index in range(examples_per_task))
        encoded = [_encode(jobs.example_of(task, rng), tokenizer) for rng in seeds]
        shares[task] = round(_exact(network, encoded) / examples_per_task, 3)
    return shares


def _new() -> tuple[Llama, Tokenizer, list[vocabulary.Merge]]:
    sample = (jobs.example(TRAINING_SEED, index) for index in range(VOCABULARY_SAMPLE))
    tokenizer, merges = vocabulary.learn(_text(example) for example in sample)
    network = Llama(Shape(vocabulary=tokenizer.get_vocab_size()))
    begin_as_copier(network)
    return network, tokenizer, merges


def _continued(path: Path) -> tuple[Llama, Tokenizer, list[vocabulary.Merge]]:
    tokenizer, merges = gguf_file.read_tokenizer(path)
    network = Llama(Shape(vocabulary=tokenizer.get_vocab_size()))
    gguf_file.read_into(network, path)
    return network, tokenizer, merges


def _plan() -> Plan:
    here = Path(__file__).resolve().parent
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--steps", type=int, default=5500, help="optimiser steps (default: %(default)s)")
    parser.add_argument("--batch", type=int, default=32, help="examples a step (default: %(default)s)")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads (default: %(default)s)")
    parser.add_argument("--go-on-from", type=Path, help="an earlier model file to train on, instead of from nothing")
    parser.add_argument("--first-example", type=int, default=0, help="how many examples that file has seen")
    parser.add_argument("--rate", type=float, default=1.0, help="factor on the learning rates (default: %(default)s)")
    parser.add_argument("--out", type=Path, default=here / f"{NAME}.q8_0.gguf", help="the model file to write")
    parser.add_argument("--report", type=Path, default=here / "training.json", help="the report to write")
    return Plan(**vars(parser.parse_args()))


def _train(network: Llama, tokenizer: Tokenizer, plan: Plan) -> None:
    optimisers = _optimisers(network)
    started = time.monotonic()
    running = 0.0
    for step, batch in enumerate(_batches(tokenizer, plan)):
        rate = plan.rate * _rate(step, plan.steps)
        loss = _loss(network, batch)
        for optimiser in optimisers:
            for group in optimiser.param_groups:
                group["lr"] = group["initial_lr"] * rate
        loss.backward()  # type: ignore[no-untyped-call]
        for optimiser in optimisers:
            optimiser.step()
            optimiser.zero_grad()
        running = loss.item() if step == 0 else 0.95 * running + 0.05 * loss.item()
        if step % 50 == 0:
            print(f"step {step:5d}  loss {running:.4f}  {(time.monotonic() - started) / 60:.1f} min", flush=True)
        if step and step % 500 == 0:
            print(f"           exact {exact_share_by_task(network, tokenizer, examples_per_task=40)}", flush=True)


def _optimisers(network: Llama) -> tuple[Optimizer, Optimizer]:
    matrices = [part.weight for part in network.modules() if isinstance(part, nn.Linear)]
    chosen = {id(weight) for weight in matrices}
    others = [weight for weight in network.parameters() if id(weight) not in chosen]
    muon = Muon(matrices, lr=MUON_RATE, weight_decay=0.05, adjust_lr_fn="match_rms_adamw")
    adamw = AdamW(others, lr=ADAMW_RATE, betas=(0.9, 0.98), weight_decay=0.01)
    for optimiser in (muon, adamw):
        for group in optimiser.param_groups:
            group["initial_lr"] = group["lr"]
    return muon, adamw


def _rate(step: int, steps: int) -> float:
    """Rise over the first steps, then fall in a straight line to nothing."""
    return min(1.0, (step + 1) / WARM_UP_STEPS) * (1 - step / steps)


def _batches(tokenizer: Tokenizer, plan: Plan) -> Iterator[list[Encoded]]:
    """Every batch in turn: examples in pools sorted by length, the batches of a pool in random order."""
    order = Random(TRAINING_SEED)
    made = plan.first_example
    for start in range(0, plan.steps, POOL):
        size = min(POOL, plan.steps - start) * plan.batch
        pool = [_encode(jobs.example(TRAINING_SEED, made + offset), tokenizer) for offset in range(size)]
        made += size
        pool.sort(key=lambda encoded: len(encoded.prompt) + len(encoded.answer))
        batches = [pool[at : at + plan.batch] for at in range(0, size, plan.batch)]
        order.shuffle(batches)
        yield from batches


def _loss(network: Llama, batch: Sequence[Encoded]) -> Tensor:
    ids, targets, weights = _tensors(batch)
    known = targets != NO_TARGET
    # Three times as fast on a CPU that multiplies bfloat16; the weights themselves stay in float32.
    with torch.autocast("cpu", dtype=torch.bfloat16):
        hidden = network(ids)
        scores = network.logits(hidden[known])
    losses = functional.cross_entropy(scores, targets[known], reduction="none")
    answers = (losses * weights[known]).sum() / weights[known].sum()
    foreign = [(row, len(encoded.prompt) - 1) for row, encoded in enumerate(batch) if not encoded.answer]
    if not foreign:
        return answers
    rows, ends = (torch.tensor(column) for column in zip(*foreign, strict=True))
    doubt = -functional.log_softmax(network.logits(hidden[rows, ends].float()), dim=-1).mean()
    return answers + DOUBT_WEIGHT * len(foreign) / len(batch) * doubt


def _tensors(batch: Sequence[Encoded]) -> tuple[Tensor, Tensor, Tensor]:
    """Ids padded on the right; the target of each position that predicts an answer's token; and that token's weight."""
    length = max(len(encoded.prompt) + max(len(encoded.answer), 1) for encoded in batch) - 1
    ids = torch.zeros(len(batch), length, dtype=torch.long)
    targets = torch.full((len(batch), length), NO_TARGET)
    weights = torch.zeros(len(batch), length)
    for row, encoded in enumerate(batch):
        whole = encoded.prompt + encoded.answer
        ids[row, : min(length, len(whole))] = torch.tensor(whole[:length])
        first = len(encoded.prompt) - 1
        if encoded.answer:
            span = slice(first, first + len(encoded.answer))
            targets[row, span] = torch.tensor(encoded.answer)
            # Each answer counts the same: a one-word label would drown among the tokens of copied ones.
            weights[row, span] = 1 / len(encoded.answer)
    return ids, targets, weights


@torch.no_grad()
def _exact(network: Llama, encoded: list[Encoded]) -> int:
    right = 0
    for at in range(0, len(encoded), 50):
        ids, targets, _ = _tensors(encoded[at : at + 50])
        choice = network.logits(network(ids)).argmax(dim=-1)
        right += int(((choice == targets) | (targets == NO_TARGET)).all(dim=1).sum())
    return right


def _encode(example: jobs.Example, tokenizer: Tokenizer) -> Encoded:
    answer = [] if example.answer is None else [*_ids(example.answer, tokenizer), vocabulary.end_id(tokenizer)]
    return Encoded(prompt=_ids(chat.prompt(example.messages), tokenizer), answer=answer)


def _ids(text: str, tokenizer: Tokenizer) -> list[int]:
    ids: list[int] = tokenizer.encode(text, add_special_tokens=False).ids
    return ids


def _text(example: jobs.Example) -> str:
    return "\n".join((*(message.content for message in example.messages), example.answer or ""))


if __name__ == "__main__":
    main()
