"""The schemas in the docs are those of the code."""

from pathlib import Path

import pytest

from tidegate.cli.schema import Part, text_of

DOCS = Path(__file__).parents[2] / "docs" / "schemas"


@pytest.mark.parametrize("part", list(Part))
def test_the_schema_in_the_docs_is_the_codes(part: Part) -> None:
    """A change of the contract changes docs/schemas; `tidegate schema PART` prints what belongs there."""
    assert (DOCS / f"{part}.json").read_text(encoding="utf-8") == text_of(part)
