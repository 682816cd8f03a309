"""Budgets on real processes: a hard one comes to its end under 64 jobs at a time, and a worker is killed meanwhile."""

import importlib
import sys
from pathlib import Path
from types import ModuleType

import pytest
from servers import skip_or_fail

from tidegate.errors import MissingExtra
from tidegate.runtime.server import find_server

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

HOME = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def bench() -> ModuleType:
    """The benchmark: this is a short run of it."""
    try:
        find_server()
    except MissingExtra as exc:
        skip_or_fail(str(exc))
    sys.path.append(str(HOME / "benchmarks" / "managed"))  # as when it is run
    return importlib.import_module("budgets")


def test_a_hard_budget_is_not_overspent_and_adds_up(bench: ModuleType, tmp_path: Path) -> None:
    """Jobs with another lane go there, the others die of it; what a killed worker may have spent is counted."""
    found = bench.measured(tmp_path, jobs=160, workers=2)
    assert found.overspent_usd == 0
    assert found.peak_usd <= found.limit_usd + 1e-9
    assert found.held_usd == 0
    assert found.spent_usd == pytest.approx(found.records_usd, abs=1e-9)
    assert found.spent_usd == pytest.approx(found.counted_usd, abs=1e-9)
    assert found.limit_usd - found.spent_usd < 3 * found.estimate_usd, "it was left unspent"
    assert found.ends.get("budget_exhausted", 0) > 0
    assert found.ends.get("succeeded inside", 0) > 0
    assert sum(found.ends.values()) == 160
