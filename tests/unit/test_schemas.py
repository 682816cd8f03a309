"""The schemas in the docs are those of the code."""

from pathlib import Path

import pytest

from tidegate.cli.schema import Part, text_of
from tidegate.settings import Settings

DOCS = Path(__file__).parents[2] / "docs" / "schemas"


@pytest.mark.parametrize("part", list(Part))
def test_the_schema_in_the_docs_is_the_codes(part: Part) -> None:
    """A change of the contract changes docs/schemas; `tidegate schema PART` prints what belongs there."""
    assert (DOCS / f"{part}.json").read_text(encoding="utf-8") == text_of(part)


def test_every_setting_stands_in_the_docs() -> None:
    """A setting that nobody can read of does not exist for its users."""
    page = (DOCS.parent / "settings.md").read_text(encoding="utf-8")
    missing = [name for name in Settings.model_fields if f"`TIDEGATE_{name.upper()}`" not in page]
    assert missing == []
