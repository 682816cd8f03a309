"""How far company changes a model's numbers: `python benchmarks/numerics.py [--model PATH] [--jobs 16] [--json PATH]`.

Each job runs alone, then all of them together, greedily. llama.cpp's kernels round otherwise for other numbers of rows
in a step, so the logits of one and the same token differ a little; told is how much at most, and how many texts differ
for it: of prompts that the shipped model was made for, where it is sure, and of others, where it is not.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

from tidegate.job import Message, Params
from tidegate.settings import load
from workers.local.decoder import Decoder
from workers.local.protocol import Ask, Done, Load
from workers.local.sampling import Picked, Sampler
from workers.models import catalogue

THINGS = ("food", "room", "staff", "shop", "train", "book", "coat", "phone", "hotel", "film", "soup", "driver")
SAYINGS = ("was great", "broke at once", "is fine", "never came", "was cold", "is a joy", "was late", "smells")
SURE = "What is the sentiment of this review? Answer positive, negative or neutral.\nThe {thing} {saying}."
UNSURE = "Tell me something about the {thing} that {saying}, and why."

Trace = list[tuple[int, np.ndarray[Any, np.dtype[np.float32]]]]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, default=catalogue.known(load())[0].path)
    parser.add_argument("--jobs", type=int, default=16, help="jobs at a time")
    parser.add_argument("--tokens", type=int, default=32)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    decoder = Decoder(Load(path=str(asked.model), context_tokens=512, threads=2, slots=asked.jobs))
    found = {name: measured(decoder, prompts, asked.jobs, asked.tokens) for name, prompts in PROMPTS.items()}
    for name, row in found.items():
        print(f"{name}: {row['texts']} texts, {row['differ']} differ; max |delta logit| {row['max_delta']:.3f}")
    if asked.json:
        asked.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


def measured(decoder: Decoder, prompts: Sequence[str], at_a_time: int, tokens: int) -> dict[str, float]:
    """One row: the texts, those that differ, the largest difference while the texts were still the same."""
    differ, largest = 0, 0.0
    for start in range(0, len(prompts), at_a_time):
        asks = [
            Ask(
                id=number,
                messages=(Message(role="user", content=text),),
                params=Params(max_tokens=tokens, seed=number),
            )
            for number, text in enumerate(prompts[start : start + at_a_time])
        ]
        alone = {number: trace for ask in asks for number, trace in traced(decoder, [ask]).items()}
        together = traced(decoder, asks)
        for number, trace in alone.items():
            differ += [token for token, _ in trace] != [token for token, _ in together[number]]
            for (token, logits), (other, others) in zip(trace, together[number], strict=False):
                largest = max(largest, float(np.abs(logits - others).max()))
                if token != other:
                    break
    return {"texts": len(prompts), "differ": differ, "max_delta": largest}


def traced(decoder: Decoder, asks: Sequence[Ask]) -> dict[int, Trace]:
    """What each job picked, with the logits that it saw. A job is known by its seed, which greed does not need."""
    traces: dict[int, Trace] = {}
    made, pick = Sampler.__init__, Sampler.pick

    def note(self: Sampler, native: Any, params: Params, *, grammar: str | None) -> None:
        made(self, native, params, grammar=grammar)
        self.trace = traces.setdefault(params.seed or 0, [])  # type: ignore[attr-defined]

    def picked(self: Sampler, row: int) -> Picked:
        logits = self._native.logits(row).copy()
        found = pick(self, row)
        self.trace.append((found.token, logits))  # type: ignore[attr-defined]
        return found

    with patch.object(Sampler, "__init__", note), patch.object(Sampler, "pick", picked):
        for ask in asks:
            decoder.take(ask)
        while not decoder.idle:
            for said in decoder.step():
                if not isinstance(said, Done):
                    raise SystemExit("a job failed")
    return traces


def _made(pattern: str) -> list[str]:
    return [pattern.format(thing=thing, saying=saying) for thing in THINGS for saying in SAYINGS]


PROMPTS = {"sure": _made(SURE), "unsure": _made(UNSURE)}

if __name__ == "__main__":
    main()
