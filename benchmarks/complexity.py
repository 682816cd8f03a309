"""How much the complexity score tells: `python benchmarks/complexity.py SCORES [--json PATH]`.

SCORES is a JSONL file, one question a line: `question`, and `scores` ({model: 0..1}). Told apart are the questions at
which the weak model fails and the strong one succeeds. The length of the question alone is the baseline to beat.
"""

import argparse
import json
from bisect import bisect_left, bisect_right
from pathlib import Path
from typing import Any

from router.signals.complexity import measure
from tidegate.job import Message, Params
from tidegate.signals import Band

WEAK, STRONG = "mistral-7b-instruct-v0.3", "llama-3.1-nemotron-51b-instruct"
SUCCESS = 0.5
UNKNOWN_SCORE = 0.35
"""Where the score of a question without evidence is put for the ranking: where every score starts."""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scores", type=Path)
    parser.add_argument("--json", type=Path, help="write the numbers here as well")
    given = parser.parse_args()
    rows = [json.loads(line) for line in given.scores.open(encoding="utf-8")]
    numbers = {
        "all": compare(rows),
        "without code": compare([row for row in rows if not told(row).evidence.get("writes_code")]),
        "bands": bands(rows),
    }
    print(json.dumps(numbers, indent=1))
    if given.json:
        given.json.write_text(json.dumps(numbers, indent=1))


def compare(rows: list[dict[str, Any]]) -> dict[str, float]:
    """The area under the curve of our score and of the length, for the gap and for the weak model's failure."""
    scores = [UNKNOWN_SCORE if (score := told(row).score) is None else score for row in rows]
    lengths = [float(len(row["question"])) for row in rows]
    fails = [row["scores"][WEAK] < SUCCESS for row in rows]
    gap = [fail and row["scores"][STRONG] >= SUCCESS for fail, row in zip(fails, rows, strict=True)]
    return {
        "questions": len(rows),
        "gap_auc": auc(scores, gap),
        "gap_auc_length": auc(lengths, gap),
        "weak_fails_auc": auc(scores, fails),
        "weak_fails_auc_length": auc(lengths, fails),
    }


def bands(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """How the two models do in each band."""
    grouped = {band: [row["scores"] for row in rows if told(row).band is band] for band in Band}
    return {
        band.value: {
            "questions": len(group),
            **{model: round(sum(scores[model] for scores in group) / len(group), 3) for model in (WEAK, STRONG)},
        }
        for band, group in grouped.items()
        if group
    }


def told(row: dict[str, Any]) -> Any:
    """The complexity of a question."""
    return measure((Message(role="user", content=row["question"]),), Params())


def auc(scores: list[float], labels: list[bool]) -> float:
    """The chance that a labelled item scores higher than another; ties count half."""
    ordered = sorted(scores)
    rank = {score: (bisect_left(ordered, score) + bisect_right(ordered, score) + 1) / 2 for score in set(scores)}
    positives = sum(labels)
    total = sum(rank[score] for score, label in zip(scores, labels, strict=True) if label)
    return round((total - positives * (positives + 1) / 2) / (positives * (len(labels) - positives)), 3)


if __name__ == "__main__":
    main()
