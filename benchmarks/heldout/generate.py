"""Write every held-out file: `python benchmarks/heldout/generate.py FOLDER [--seed N]`. The same seed, the same bytes."""

import argparse
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from clean import clean
from disguised import disguised, harmless, plain
from documents import hard, named
from foreign import foreign
from secret_documents import secrets

SEED = 20261122

Rows = Iterator[dict[str, Any]]

FILES: Mapping[str, Callable[[int], Rows]] = {
    "disguised_novel": lambda seed: (row for row in disguised(seed) if kind(row) == "novel"),
    "disguised_shown": lambda seed: (row for row in disguised(seed) if kind(row) == "shown"),
    "disguised_listed": lambda seed: (row for row in disguised(seed) if kind(row) == "listed"),
    "plain": plain,
    "named": lambda seed: named(seed, 1557),
    "hard": lambda seed: hard(seed, 1001),
    "secrets": secrets,
    "foreign": foreign,
    "clean": clean,
    "control": harmless,
}


def main() -> None:
    """Write them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=SEED)
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    for name, rows in FILES.items():
        write(given.folder / f"{name}.jsonl", rows(given.seed))


def kind(row: dict[str, Any]) -> str:
    """Of a disguise: `listed`, known before; `shown`, to the builders after the first verdict; `novel`, never.

    Half of the forms were shown, by the hash of their names.
    """
    if row["source"].startswith("listed"):
        return "listed"
    return "shown" if hashlib.sha256(row["transform"].encode()).digest()[0] % 2 == 0 else "novel"


def write(path: Path, rows: Rows) -> None:
    """One object a line."""
    with path.open("w", encoding="utf-8") as file:
        count = 0
        for row in rows:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
            count += 1
    print(f"{path}: {count} rows")


if __name__ == "__main__":
    main()
