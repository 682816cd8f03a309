"""The base of all values, and how what is wrong with one is told."""

from typing import Annotated

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, TypeAdapter, ValidationError

from tidegate.value import Many, Name, Value, dotted, problems, problems_on_record


class Inner(Value):
    """A part."""

    size: int


class Outer(Value):
    """A value with a list and a mapping."""

    parts: Many[Inner] = ()
    names: dict[str, int] = {}
    note: str | None = None


class NonEmpty(Value):
    """A value that needs a part."""

    parts: Annotated[Many[Inner], Field(min_length=1)]


def broken(text: str) -> ValidationError:
    """What pydantic says about a text."""
    with pytest.raises(ValidationError) as caught:
        Outer.from_json(text)
    return caught.value


def test_a_value_says_only_what_it_says() -> None:
    """The wire form leaves out what is not given, and a list reads as a tuple."""
    assert Outer(parts=(Inner(size=1),)).to_json() == '{"parts":[{"size":1}],"names":{}}'
    assert Outer.from_json('{"parts":[{"size":1}]}') == Outer(parts=(Inner(size=1),))


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (("a",), "a"),
        (("a", "b"), "a.b"),
        (("a", 0, "b"), "a[0].b"),
        ((0, "a"), "[0].a"),
        ((), "(the whole)"),
    ],
)
def test_a_path_is_written_as_people_write_it(path: tuple[str | int, ...], text: str) -> None:
    """Dots between names, brackets around numbers."""
    assert dotted(path) == text


def test_problems_name_each_field() -> None:
    """Every problem is told at once, each with its field."""
    told = problems(broken('{"parts":[{"size":1},{"size":"x"}],"note":1,"more":2}'))
    assert [problem.partition(": ")[0] for problem in told] == ["parts[1].size", "note", "more"]


def test_a_list_of_one_bad_item_is_one_problem() -> None:
    """Pydantic also counts such a list as too short; that follows from the item and is not told."""
    with pytest.raises(ValidationError) as caught:
        NonEmpty.from_json('{"parts":[{"size":"x"}]}')
    assert [problem.partition(": ")[0] for problem in problems(caught.value)] == ["parts[0].size"]
    with pytest.raises(ValidationError) as caught:
        NonEmpty.from_json('{"parts":[]}')
    assert [problem.partition(": ")[0] for problem in problems(caught.value)] == ["parts"]


@given(st.text(st.characters(categories=["Lu", "Ll"]), min_size=10, max_size=30))
def test_a_foreign_name_is_not_put_on_record(foreign: str) -> None:
    """A field's name that is none of ours may be somebody's text: the record does not repeat it."""
    error = broken(f'{{"{foreign}":1,"names":{{"{foreign}":"x"}},"parts":[{{"{foreign}":1,"size":1}}]}}')
    told = problems_on_record(error, model=Outer)
    assert foreign not in "".join(told)
    assert sorted(problem.partition(": ")[0] for problem in told) == ["(…)", "names.(…)", "parts[0].(…)"]
    assert any(foreign in problem for problem in problems(error))


@pytest.mark.parametrize("name", ["", " ", "a b", "-a", "a/b", "a\n", "ä", "a" * 65])
def test_a_name_is_harmless(name: str) -> None:
    """What could break a queue's name, a log line or a metric is no name."""
    with pytest.raises(ValidationError):
        TypeAdapter(Name).validate_python(name)
