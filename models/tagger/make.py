#!/usr/bin/env python3
"""Makes the artefact from nothing: every step with its settings, in order. Steps whose file is there are skipped.

The first lesson is mostly labelled; its network settles the unlabelled text; the second goes on with all; the third
adds names in places that say nothing. What is shipped is the mean of the last two.
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parent
DILATIONS = "1,2,4,8,2,1"
FIRST_LESSON = ("r1", "published", "worn", "questions", "questions-worn", "code", "harvest")
SECOND_LESSON = (
    "r2",
    "r3",
    "published",
    "worn",
    "questions-settled",
    "questions-worn-settled",
    "code-settled",
    "harvest",
)
THIRD_LESSON = (*SECOND_LESSON, "plainly")
WEIGHTS = ("*=1", "presidio_synth_v2=2", "stdlib=0.5", "questions=1.5", "plainly=1.5")
FREQUENT_IN = ("published", "worn", "questions", "questions-worn", "code", "r2")
UNLABELLED = ("questions", "questions-worn", "code")

Step = tuple[Path, tuple[str | Path, ...]]


def main() -> None:
    """Run what is not done yet."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="the folder with ner/, sensitivity/ and complexity/")
    parser.add_argument("--work", type=Path, required=True, help="a folder for what lies between")
    parser.add_argument("--held-out", default="", help="as of train.py, for cross-validation")
    parser.add_argument("--out", type=Path, default=HERE, help="where the artefact goes")
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    for made, (script, *arguments) in steps(options.data, options.work, options.held_out):
        if not made.exists():
            print(f"-> {made.name}", flush=True)
            command = [sys.executable, HERE / f"{script}.py", *arguments]
            subprocess.run(command, check=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    last = [options.work / "mean.pt", "--lexicon", options.work / "lexicon.npz", "--out", options.out]
    last += ["--corpora", *(options.work / f"{name}.npz" for name in FREQUENT_IN)]
    subprocess.run([sys.executable, HERE / "export.py", *last], check=True)


def steps(data: Path, work: Path, held_out: str) -> Iterator[Step]:
    """What each step makes, and its command."""

    def corpus(name: str) -> Path:
        return work / f"{name}.npz"

    def prepare(name: str, what: str, *arguments: str | Path) -> Step:
        return corpus(name), ("prepare", what, *arguments, "--out", corpus(name))

    def train(name: str, corpora: tuple[str, ...], *arguments: str | Path) -> Step:
        weights = [part for weight in WEIGHTS for part in ("--weight", weight)]
        files = [corpus(each) for each in corpora]
        common = ("--lexicon", lexicon, "--dilations", DILATIONS, "--held-out", held_out, "--out", work / f"{name}.pt")
        return work / f"{name}.pt", ("train", "--corpora", *files, *weights, *common, *arguments)

    lexicon, names, words = corpus("lexicon"), corpus("names"), work / "words.txt"
    yield names, ("vectors", "--most", "30000", "--out", names)
    yield prepare("r1", "recipe", "--seed", "21", "--count", "160000")
    yield prepare("r2", "recipe", "--seed", "101", "--count", "240000")
    yield prepare("r3", "recipe", "--seed", "102", "--count", "200000")
    yield prepare("harvest", "harvest", "--seed", "3", "--count", "9000")
    yield prepare("published", "published", "--data", data)
    yield prepare("worn", "published", "--data", data, "--worn", "2")
    yield prepare("questions", "questions", "--data", data, "--lexicon", names)
    yield prepare("questions-worn", "questions", "--data", data, "--lexicon", names, "--worn", "1")
    yield prepare("code", "code", "--lexicon", names)
    yield words, ("frequent", *(corpus(name) for name in ("published", "questions", "code")), "--out", words)
    yield lexicon, ("vectors", "--words", words, "--most", "42000", "--out", lexicon)
    yield prepare("plainly", "plainly", "--seed", "1", "--count", "40000", "--lexicon", lexicon)
    yield train("first", FIRST_LESSON, "--tokens", "22e6")
    for name in UNLABELLED:
        settled = corpus(f"{name}-settled")
        arguments = ("--checkpoint", work / "first.pt", "--lexicon", lexicon, "--out", settled)
        yield settled, ("settle", corpus(name), *arguments)
    second, third, mean = (work / f"{name}.pt" for name in ("second", "third", "mean"))
    yield train("second", SECOND_LESSON, "--go-on-from", work / "first.pt", "--tokens", "26e6", "--rate", "2.5e-3")
    yield train("third", THIRD_LESSON, "--go-on-from", second, "--tokens", "26e6", "--rate", "2e-3")
    yield mean, ("average", second, third, "--out", mean)


if __name__ == "__main__":
    main()
