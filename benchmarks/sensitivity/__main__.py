"""How well and how fast sensitivity is judged: `python benchmarks/sensitivity DATA [--held-out FOLDER] [--out FOLDER]`.

DATA is a folder of JSONL files as `tidegate eval sensitivity` reads them, with the public sets by their names:
presidio_synth_v2, technology, adversarial_one_value, evasion_one_value, clean_*. The held-out folder is what
`benchmarks/heldout/generate.py` writes. Told are the table of aims, the frontier of recall against false alarms beside
other systems, and times; written are `sensitivity.json`, `sensitivity.md` and `sensitivity_frontier.svg`.

`--gates` compares the gated path with the ungated one instead, on every file: what would the gate hide?
"""

import argparse
import json
from pathlib import Path
from typing import Any

from frontier import frontier
from gates import gates
from measures import Data, measures
from report import markdown
from sizes import sizes
from speed import speed

PARTS = ("measures", "speed", "sizes", "frontier")


def main() -> None:
    """Measure what was asked for, print it, write it."""
    given = arguments()
    data = Data.read(given.data, held_out=given.held_out, folds=dict(map(fold, given.fold)), every=given.every)
    if given.gates:
        found = gates(data)
        print(json.dumps(found, indent=1))
        raise SystemExit(1 if any(row["missed"] for row in found.values()) else 0)
    numbers: dict[str, Any] = {}
    if "measures" in given.parts:
        numbers["measures"] = measures(data)
    if "speed" in given.parts:
        numbers["speed"] = speed(data)
    if "sizes" in given.parts:
        numbers["sizes"] = sizes()
    if "frontier" in given.parts:
        numbers["frontier"] = frontier(data, crf=given.crf)
    given.out.mkdir(parents=True, exist_ok=True)
    (given.out / "sensitivity.json").write_text(json.dumps(numbers, indent=1) + "\n", encoding="utf-8")
    told = markdown(numbers)
    (given.out / "sensitivity.md").write_text(told, encoding="utf-8")
    print(told)
    if "frontier" in numbers:
        from plot import plot  # noqa: PLC0415 -- matplotlib is the benchmark's own requirement

        plot(numbers["frontier"], given.out / "sensitivity_frontier.svg")


def arguments() -> argparse.Namespace:
    """What to measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder of JSONL files")
    parser.add_argument("--held-out", type=Path, help="folder of held-out files")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results"), help="where results go")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS, help="only these")
    parser.add_argument("--crf", type=Path, help="the baseline's model, from models/tagger/baseline_crf.py")
    parser.add_argument(
        "--fold",
        action="append",
        default=[],
        metavar="K/N=FOLDER",
        help="an artefact of the tagger that did not see the K-th of N parts of presidio_synth's templates",
    )
    parser.add_argument("--every", type=int, default=1, help="only every so many rows: a rough look")
    parser.add_argument("--gates", action="store_true", help="compare the gated path with the ungated one")
    return parser.parse_args()


def fold(written: str) -> tuple[tuple[int, int], Path]:
    """`0/3=FOLDER` in parts."""
    name, _, folder = written.partition("=")
    part, _, parts = name.partition("/")
    return (int(part), int(parts)), Path(folder)


if __name__ == "__main__":
    main()
