"""How `sensitivity:` is written: the formatter's order and quotes, and the schema that editors use."""

import json
from pathlib import Path

from jsonschema import Draft202012Validator
from sensitivity_said import write

from router.policy.formatting.canonical import canonical
from router.policy.schema import schema
from router.policy.sensitivity.grammar import Section
from tidegate.documents import read as read_document


def test_its_fields_are_put_in_order() -> None:
    """Those of the grammar; types keep the order of the writer."""
    said = """\
version: 1
sensitivity:
  deny:
    - {level: personal, words: [ab], name: a}
  types:
    UUID: {why: w, level: public}
    AGE: {below: public, at_least: 0.5}
"""
    assert (
        canonical(said, name="p.yaml")
        == """\
version: 1

sensitivity:
  types:
    UUID: {level: public, why: w}
    AGE: {at_least: 0.5, below: public}
  deny:
    - {name: a, words: [ab], level: personal}
"""
    )


def test_patterns_keep_their_backslashes() -> None:
    """In single quotes, however they were quoted: doubled ones would be read by nobody."""
    said = """\
version: 1

sensitivity:
  deny:
    - {name: a, pattern: "E-\\\\d{6}"}
    - {name: b, pattern: "it's \\\\d"}
"""
    form = canonical(said, name="p.yaml")
    assert "pattern: 'E-\\d{6}'" in form
    assert "pattern: 'it''s \\d'" in form
    assert canonical(form, name="p.yaml") == form


def test_the_schema_knows_it(tmp_path: Path) -> None:
    """Each field with its hover text; what the loader refuses is underlined where a schema can tell."""
    whole = schema()
    validator = Draft202012Validator(whole)
    tree = json.loads(json.dumps(read_document(write(tmp_path, "types: {UUID: {level: unknown}}")).tree))
    assert len(list(validator.iter_errors(tree))) == 1
    tree["sensitivity"]["types"]["UUID"]["level"] = "public"
    assert list(validator.iter_errors(tree)) == []
    for name in ("Section", "TypeMeans", "Together", "Denied", "Allowed", "Own", "Images"):
        assert all("description" in said for said in whole["$defs"][name]["properties"].values()), name
    assert set(Section.model_fields) == {"types", "combinations", "deny", "allow", "patterns", "images"}
