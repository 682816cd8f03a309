"""The canonical form: same content, same comments, one way to write them, and writing it twice changes nothing."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML
from typer.testing import CliRunner

from router import cli
from router.policy.formatting.canonical import canonical
from router.policy.formatting.order import _ORDERED
from tidegate.documents import parse
from tidegate.errors import InvalidDocument
from tidegate.settings import Settings

RUNNER = CliRunner()
FOLDER = Settings().home / "policies"
UNTIDY = """\
# what this is for

default: {send: near,   why: 'stays'}
rules:
# the first
- send: ["near"]   # by preference
  why: it is a very long reason that somebody wrote down on one line
       without ever thinking of those who read it on paper or so
  name: "all"   # its name
  when:
      tokens: {under: 5,
         over: 2}   # both


      latency: "no"
      # nothing else
- tests: []
  name: b
  # above why
  why: >-
      folded
      # no comment
  send: near
lanes:
     near: {backend: llama_cpp, zone: inside, model: tiny, context_tokens: 1024}   # here
version: 1
# the end
"""
TIDY = """\
# what this is for

version: 1

lanes:
  near: {zone: inside, backend: llama_cpp, model: tiny, context_tokens: 1024}  # here

rules:
  # the first
  - name: all  # its name
    when:
      tokens: {under: 5, over: 2}  # both

      latency: "no"
      # nothing else
    send: [near]  # by preference
    why: it is a very long reason that somebody wrote down on one line without ever thinking of those who read it on
      paper or so
  - name: b
    send: near
    # above why
    why: >-
      folded
      # no comment
    tests: []

default: {send: near, why: stays}
# the end
"""


def tree(text: str) -> Any:
    """The content of a file."""
    return parse(text).tree


def test_an_untidy_file_becomes_tidy() -> None:
    """Order, indentation, quotes, blank lines, long lines; each comment stays with its neighbour."""
    assert canonical(UNTIDY, name="p.yaml") == TIDY
    assert canonical(TIDY, name="p.yaml") == TIDY


@pytest.mark.parametrize("file", sorted(FOLDER.glob("*.yaml")), ids=lambda file: file.name)
def test_the_shipped_files_are_canonical(file: Path) -> None:
    """What we ship is what we ask of others."""
    assert canonical(file.read_text(), name=str(file)) == file.read_text()


def test_a_broken_file_is_told_with_its_place() -> None:
    """Nothing is written where nothing was understood."""
    with pytest.raises(InvalidDocument, match=r"p.yaml:2:1: version: given twice"):
        canonical("version: 1\nversion: 2\n", name="p.yaml")


def test_the_table_of_orders_knows_every_field() -> None:
    """A field that is new in the grammar needs its place here."""
    for model, fields in _ORDERED.items():
        assert {info.alias or name for name, info in model.model_fields.items()} == set(fields)


def test_quotes_stay_where_they_mean_something() -> None:
    """A number, a time, a word that older readers take for a truth value, a comment sign."""
    text = 'a: "1.5"\nb: "18:00"\nc: "yes"\nd: "x # y"\ne: ""\n'
    assert canonical(text, name="p.yaml") == text
    assert canonical("a: 'plain words'\n", name="p.yaml") == "a: plain words\n"


WORDS = st.sampled_from(
    ["near", "no", "1", "1.5", "", "a b", "it's", "x: y", "# z", "18:00", "é", "-", "[", "a,b", "~"]
)
NAMES = st.sampled_from(["version", "rules", "name", "why", "when", "tokens", "over", "x", "lanes", "send", "no"])
TREES = st.recursive(
    WORDS | st.integers(-5, 5) | st.booleans() | st.none() | st.text("ab \n#:", max_size=150),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)
NOTES = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 8), st.sampled_from(["", "# one", "#two"])), max_size=6)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    content=st.dictionaries(NAMES, TREES, min_size=1, max_size=4),
    notes=NOTES,
    flow=st.sampled_from([True, False, None]),
)
def test_writing_twice_changes_nothing(content: dict[str, Any], notes: list[Any], flow: Any) -> None:
    """Whatever was written: content and comments are kept, and the second time nothing moves."""
    dumped = _dumped(content, flow=flow)
    assume(_readable(dumped))
    text = _with_notes(dumped, notes)
    once = canonical(text, name="p.yaml")
    assert tree(once) == tree(text)
    assert canonical(once, name="p.yaml") == once


def _dumped(content: dict[str, Any], *, flow: Any) -> str:
    out = io.StringIO()
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = flow
    yaml.dump(content, out)
    return out.getvalue()


def _readable(text: str) -> bool:
    """The library's writer makes a few things that its reader refuses, `[:a]` for one."""
    try:
        return not parse(text).flaws
    except InvalidDocument:
        return False


def _with_notes(text: str, notes: list[tuple[int, int, str]]) -> str:
    """Comments and blank lines put between the lines, where that leaves the content as it is."""
    for line, indent, note in notes:
        lines = text.splitlines()
        lines.insert(min(line, len(lines)), " " * indent + note)
        changed = "\n".join(lines) + "\n"
        try:
            text = changed if tree(changed) == tree(text) else text
        except InvalidDocument:
            continue
    return text


def test_the_command_writes_in_place_and_says_so(tmp_path: Path) -> None:
    """--check falls short before, and holds after."""
    path = tmp_path / "p.yaml"
    path.write_text(UNTIDY)
    before = RUNNER.invoke(cli.app, ["policy", "fmt", "--check", str(path)])
    assert (before.exit_code, path.read_text()) == (1, UNTIDY)
    assert "+version: 1" in before.stdout
    assert RUNNER.invoke(cli.app, ["policy", "fmt", str(path)]).exit_code == 0
    assert path.read_text() == TIDY
    assert [file.name for file in tmp_path.iterdir()] == ["p.yaml"]
    after = RUNNER.invoke(cli.app, ["policy", "fmt", "--check", "--json", str(path)])
    assert (after.exit_code, json.loads(after.stdout)["holds"]) == (0, True)


def test_a_broken_file_stays_as_it_is(tmp_path: Path) -> None:
    """Exit code 1, the place, and not a byte changed; the other files are written."""
    broken, fine = tmp_path / "broken.yaml", tmp_path / "fine.yaml"
    broken.write_bytes(b"a: &x 1\nb: *x\n")
    fine.write_text(UNTIDY)
    result = RUNNER.invoke(cli.app, ["policy", "fmt", str(broken), str(fine)])
    assert (result.exit_code, broken.read_bytes(), fine.read_text()) == (1, b"a: &x 1\nb: *x\n", TIDY)
    assert f"{broken}:1:4: error: b: anchors and aliases are not read here" in result.stderr


def test_no_such_file_is_misuse() -> None:
    """Exit code 2."""
    assert RUNNER.invoke(cli.app, ["policy", "fmt", "/no/such/file"]).exit_code == 2
