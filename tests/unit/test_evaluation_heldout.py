"""The generator of held-out data: the same seed gives the same rows, and each row says what it holds."""

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from router.evaluation.rows import Row, read_rows

GENERATE = Path(__file__).resolve().parents[2] / "benchmarks" / "heldout" / "generate.py"
FORMS_AT_LEAST, TEMPLATES_AT_LEAST = 100, 150

DISGUISED = ("disguised_novel", "disguised_shown", "disguised_listed")


def generated(folder: Path, *, seed: int = 1) -> dict[str, bytes]:
    """Every file by its name."""
    subprocess.run([sys.executable, str(GENERATE), str(folder), "--seed", str(seed)], check=True, capture_output=True)
    return {path.stem: path.read_bytes() for path in folder.glob("*.jsonl")}


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Row, ...]]:
    """The rows of every file, as the command reads them."""
    folder = tmp_path_factory.mktemp("heldout")
    return {name: read_rows(folder / f"{name}.jsonl", max_bytes=100_000) for name in generated(folder)}


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    """A number can be measured again; another seed gives other rows."""
    one, same, other = (generated(tmp_path / name, seed=seed) for name, seed in (("a", 1), ("b", 1), ("c", 2)))
    assert one == same
    assert one["named"] != other["named"]
    assert one["disguised_novel"] != other["disguised_novel"]


def test_every_row_says_what_it_holds(rows: dict[str, tuple[Row, ...]]) -> None:
    """Personal files are personal to the last row, clean ones hold nothing."""
    for name in ("named", "hard", "plain", "disguised_novel", "disguised_shown", "disguised_listed"):
        assert all(row.personal for row in rows[name])
    assert not any(row.personal for row in rows["clean"])


def test_there_are_many_forms_and_templates(rows: dict[str, tuple[Row, ...]]) -> None:
    """And no form has so few rows that its share says nothing."""
    forms = Counter(row.transform for name in DISGUISED for row in rows[name])
    assert len(forms) >= FORMS_AT_LEAST
    assert min(forms.values()) >= 10
    assert len({row.template for row in rows["named"]}) >= TEMPLATES_AT_LEAST


def test_no_clean_prompt_comes_twice(rows: dict[str, tuple[Row, ...]]) -> None:
    """A prompt that is there four times would count four times."""
    texts = [row.job.text for row in rows["clean"]]
    assert len(set(texts)) == len(texts)
