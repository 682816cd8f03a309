#!/usr/bin/env python3
# /// script
# requires-python = ">=3.11"
# dependencies = ["llama-cpp-python==0.3.36"]
# ///
"""Measures the shipped file through llama.cpp, as the workers run it, and writes `report.json`.

Three sets: fresh prompts from the recipe (none of them seen in training), prompts written by hand, and foreign
requests, on which only the confidence is judged.
"""

import argparse
import ctypes
import hashlib
import json
import math
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from typing import Any

import llama_cpp

# Run as a script, Python looks for modules beside this file; `models` lies two folders up.
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from models.tiny.recipe import chat, jobs

HERE = Path(__file__).resolve().parent
MODEL_FILE = HERE / "tidegate-tiny.q8_0.gguf"
FRESH_SEED = 3
# Under this lowest log-probability of any answered token, an answer is called doubtful.
DOUBTFUL_BELOW = -0.3
MOST_ANSWER_TOKENS = 160


@dataclass(frozen=True)
class Question:
    """A conversation and the only answer that counts as right; foreign requests have none."""

    task: str
    messages: tuple[chat.Message, ...]
    answer: str | None


@dataclass(frozen=True)
class Answer:
    """What the model said and how sure it was of its least sure token."""

    question: Question
    text: str
    lowest_log_probability: float
    tokens: int

    @property
    def right(self) -> bool:
        """Exactly the expected text."""
        return self.text == self.question.answer

    @property
    def doubtful(self) -> bool:
        """Marked by its confidence alone."""
        return self.lowest_log_probability < DOUBTFUL_BELOW


@dataclass(frozen=True)
class Score:
    """How many of a set were exactly right."""

    prompts: int
    right: int
    share: float


def main() -> None:
    """Ask everything, print a summary, write the report."""
    options = _options()
    model = Model(options.model, threads=options.threads)
    fresh_questions = _fresh(options.per_task, already_seen=_training_prompts(options.training_report))
    started = time.monotonic()
    fresh = [model.answer(question) for question in fresh_questions]
    seconds = time.monotonic() - started
    hand_written = [model.answer(question) for question in _hand_written()]
    foreign = [model.answer(question) for question in _foreign()]
    report = {
        "model": options.model.name,
        "sha256": hashlib.sha256(options.model.read_bytes()).hexdigest(),
        "llama_cpp_python": llama_cpp.__version__,
        "fresh": asdict(_score(fresh)),
        "fresh_by_task": {task: asdict(_score(_of(task, fresh))) for task in jobs.tasks()},
        "hand_written": asdict(_score(hand_written)),
        "confidence": _confidence([*fresh, *hand_written], foreign),
        "jobs_per_second": round(len(fresh) / seconds, 1),
        "answer_tokens_per_second": round(sum(answer.tokens for answer in fresh) / seconds),
        "threads": options.threads,
    }
    options.report.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(report, indent=2))
    _print_mistakes([*fresh, *hand_written])
    _print_sure_strangers(foreign)


class Model:
    """Greedy answers through the package's low-level calls, which give the scores without keeping all of them."""

    def __init__(self, path: Path, *, threads: int) -> None:
        self._llama = llama_cpp.Llama(str(path), n_ctx=1024, n_threads=threads, n_threads_batch=threads, verbose=False)
        self._vocabulary = self._llama.n_vocab()
        self._end = self._llama.token_eos()

    def answer(self, question: Question) -> Answer:
        """Feed the prompt, then the best token again and again until the end token is best."""
        self._llama.n_tokens = 0
        self._llama.eval(self._llama.tokenize(chat.prompt(question.messages).encode(), add_bos=False, special=True))
        said: list[int] = []
        lowest = 0.0
        while len(said) < MOST_ANSWER_TOKENS:
            token, log_probability = self._best()
            lowest = min(lowest, log_probability)
            if token == self._end:
                break
            said.append(token)
            self._llama.eval([token])
        text = self._llama.detokenize(said).decode(errors="replace")
        return Answer(question=question, text=text, lowest_log_probability=lowest, tokens=len(said) + 1)

    def _best(self) -> tuple[int, float]:
        scores: Any = llama_cpp.llama_get_logits_ith(self._llama.ctx, -1)
        values = ctypes.cast(scores, ctypes.POINTER(ctypes.c_float * self._vocabulary)).contents[:]
        highest = max(values)
        total = sum(math.exp(value - highest) for value in values)
        return values.index(highest), -math.log(total)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--model", type=Path, default=MODEL_FILE, help="the model file")
    parser.add_argument("--per-task", type=int, default=150, help="fresh prompts of each task (default: %(default)s)")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads (default: %(default)s)")
    parser.add_argument("--training-report", type=Path, default=HERE / "training.json", help="what train.py wrote")
    parser.add_argument("--report", type=Path, default=HERE / "report.json", help="the report to write")
    return parser.parse_args()


def _training_prompts(report: Path) -> set[str]:
    """Every prompt of the training: the recipe gives the same ones again."""
    training = json.loads(report.read_text(encoding="utf-8"))
    examples = (jobs.example(training["training_seed"], index) for index in range(training["examples"]))
    return {chat.prompt(example.messages) for example in examples}


def _fresh(per_task: int, *, already_seen: set[str]) -> list[Question]:
    return [question for task in jobs.tasks() for question in _fresh_of(task, per_task, already_seen)]


def _fresh_of(task: str, how_many: int, already_seen: set[str]) -> list[Question]:
    rng = Random(f"{FRESH_SEED}:{task}")
    found: dict[str, Question] = {}
    while len(found) < how_many:
        example = jobs.example_of(task, rng)
        prompt = chat.prompt(example.messages)
        if prompt not in already_seen:
            found[prompt] = Question(task=task, messages=example.messages, answer=example.answer)
    return list(found.values())


def _hand_written() -> Iterable[Question]:
    for line in (HERE / "hand_written.jsonl").read_text(encoding="utf-8").splitlines():
        item = json.loads(line)
        yield Question(task="hand_written", messages=(chat.Message("user", item["prompt"]),), answer=item["answer"])


def _foreign() -> Iterable[Question]:
    for line in (HERE / "foreign_prompts.txt").read_text(encoding="utf-8").splitlines():
        yield Question(task=jobs.FOREIGN, messages=(chat.Message("user", line),), answer=None)


def _of(task: str, answers: Sequence[Answer]) -> list[Answer]:
    return [answer for answer in answers if answer.question.task == task]


def _score(answers: Sequence[Answer]) -> Score:
    right = sum(answer.right for answer in answers)
    return Score(prompts=len(answers), right=right, share=round(right / len(answers), 4))


def _confidence(own: Sequence[Answer], foreign: Sequence[Answer]) -> dict[str, Any]:
    """How well one threshold on the lowest log-probability tells wrong and foreign answers from right ones."""
    groups = {
        "right": [answer for answer in own if answer.right],
        "wrong": [answer for answer in own if not answer.right],
        "foreign": list(foreign),
    }
    marked = {name: f"{sum(answer.doubtful for answer in group)} of {len(group)}" for name, group in groups.items()}
    return {"doubtful_below": DOUBTFUL_BELOW, "marked_doubtful": marked}


def _print_mistakes(answers: Sequence[Answer]) -> None:
    for answer in answers:
        if not answer.right:
            print(f"wrong ({answer.lowest_log_probability:.2f}) {answer.question.messages[-1].content!r}")
            print(f"    want {answer.question.answer!r}\n    got  {answer.text!r}")


def _print_sure_strangers(foreign: Sequence[Answer]) -> None:
    for answer in foreign:
        if not answer.doubtful:
            asked = answer.question.messages[-1].content
            print(f"sure of a foreign request ({answer.lowest_log_probability:.2f}) {asked!r}: {answer.text!r}")


if __name__ == "__main__":
    main()
