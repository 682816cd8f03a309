"""YAML files read into values: what is refused, where it is said to stand, and that nothing else is ever raised."""

import contextlib
import json
from pathlib import Path
from typing import Annotated

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from tidegate.documents import MAX_BYTES, parse, read
from tidegate.errors import InvalidDocument
from tidegate.signals import Band
from tidegate.value import Many, Value


class Leaf(Value):
    """A part with an alias, an enum and a limit."""

    to: str = ""
    band: Band = Band.SIMPLE
    size: Annotated[int, Field(ge=1)] = 1
    negated: bool = Field(default=False, alias="not")


class Root(Value):
    """A document of the tests."""

    leaves: dict[str, Leaf] = {}
    items: Many[Leaf] = ()
    either: Leaf | str = ""


def problems_of(text: str) -> list[str]:
    """What is wrong with a text, without the file's name."""
    with pytest.raises(InvalidDocument) as caught:
        parse(text, name="f").parse(Root)
    return [problem.removeprefix("f:") for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("leaves:\n  a:\n    too: x", "3:5: leaves.a.too: unknown field; did you mean 'to'?"),
        ("items:\n- to: x\n- nt: true", "3:3: items[1].nt: unknown field; did you mean 'not'?"),
        ("either: {zzz: 1}", "1:10: either.zzz: unknown field; expected one of: band, not, size, to"),
        (
            "leaves: {a: {band: complx}}",
            "1:20: leaves.a.band: should be 'simple', 'moderate', 'complex' or 'unknown'; did you mean 'complex'?",
        ),
        ("leaves: {a: {size: '3'}}", "1:20: leaves.a.size: should be a valid integer"),
        ("leaves: {a: {size: 0}}", "1:20: leaves.a.size: should be greater than or equal to 1"),
        ("leaves: {a: {not: no}}", "1:19: leaves.a.not: should be a valid boolean"),
        ("leaves: {a: 1, a: 2}", "1:16: leaves.a: given twice; the first is on line 1"),
        ("items: &x []\nleaves: *x", "1:8: leaves: anchors and aliases are not read here: write it out"),
        ("leaves: {a: {to: !env HOME}}", "1:18: leaves.a.to: tags such as !this are not read here"),
        ("leaves: {a: {size: .nan}}", "1:20: leaves.a.size: not a value that can be read"),
        ('leaves: {a: {to: "\\ud800"}}', "1:18: leaves.a.to: not a value that can be read"),
        ("? [1]\n: 2", "1:3: (the whole): a key must be a plain word"),
    ],
)
def test_each_mistake_has_a_place_and_an_expectation(text: str, said: str) -> None:
    """One mistake is told with line, column, field and what was expected."""
    assert said in problems_of(text)


def test_all_mistakes_are_told_at_once_in_reading_order() -> None:
    """A reader mends a file in one go, from the top."""
    said = problems_of("leaves:\n  a: {size: x}\n  a: {}\nitems: [{tu: 1}, 3]\nbad: 1\n")
    assert [problem.split(": ")[1] for problem in said] == [
        "leaves.a.size",
        "leaves.a",
        "items[0].tu",
        "items[1]",
        "bad",
    ]


@pytest.mark.parametrize(
    "text", ["", "- 1", "just words", "# only a comment", "a: 1\n---\nb: 2", "a:\n\t- 1", "a: [1", "{" * 900, "a: \x07"]
)
def test_what_is_no_document_is_told_in_one_line(text: str) -> None:
    """Broken YAML, and YAML of another shape, is one placed message."""
    (said,) = problems_of(text)
    assert said.split(":")[0].isdigit()
    assert "\n" not in said


def test_words_stay_what_was_written() -> None:
    """YAML 1.2: `no`, `on` and `1:30` are strings, and so is a key that looks like a number."""
    document = parse("a: no\nb: on\nc: 1:30\n1: 2020-01-01\nd: 012\ne: 0o14\nf: ~\ng: 1_000\nh: 1e3")
    assert document.tree == {
        "a": "no", "b": "on", "c": "1:30", "1": "2020-01-01", "d": 12, "e": 12, "f": None, "g": 1000, "h": 1000.0,
    }  # fmt: skip


def test_files_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    """A missing file, a file that is too large, and one that is not UTF-8."""
    large, latin = tmp_path / "large.yaml", tmp_path / "latin.yaml"
    large.write_bytes(b"#" * (MAX_BYTES + 1))
    latin.write_bytes("a: 1\nb: café".encode("latin-1"))
    for path, said in [
        (tmp_path / "none.yaml", ":1:1: cannot be read: No such file or directory"),
        (large, f":1:1: {MAX_BYTES + 1} bytes; at most {MAX_BYTES} are read"),
        (latin, ":2:7: not UTF-8"),
    ]:
        with pytest.raises(InvalidDocument) as caught:
            read(path)
        assert caught.value.problems == (f"{path}{said}",)


def test_a_byte_order_mark_is_passed_over(tmp_path: Path) -> None:
    """Editors on Windows write one."""
    path = tmp_path / "bom.yaml"
    path.write_bytes(b"\xef\xbb\xbfitems: []\n")
    assert read(path).parse(Root) == Root()


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=200))
def test_no_text_raises_anything_else(text: str) -> None:
    """Whatever stands in a file, it is a document or an InvalidDocument."""
    with contextlib.suppress(InvalidDocument):
        parse(text).parse(Root)


@given(st.text(alphabet=list("{}[]:,-?&*!|>%@`'\"#~ \n\tab01.<=\\x"), max_size=80))
def test_no_heap_of_punctuation_raises_anything_else(text: str) -> None:
    """The same for what YAML finds hard to read."""
    with contextlib.suppress(InvalidDocument):
        parse(text).parse(Root)


_TREES = st.dictionaries(
    st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=8),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(st.characters(codec="ascii", categories=["L", "N"])),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
        max_leaves=8,
    ),
    max_size=4,
)


@given(_TREES)
def test_json_is_read_as_it_was_written(tree: dict[str, object]) -> None:
    """JSON is YAML 1.2, so every JSON document means the same here."""
    document = parse(json.dumps(tree, ensure_ascii=False))
    assert document.tree == tree
    assert document.flaws == ()
