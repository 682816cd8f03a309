"""The error tree: the drawing in the docstring is the classes."""

import inspect

import pytest

from tidegate import errors
from tidegate.errors import (
    InvalidDocument,
    InvalidJob,
    JobFailed,
    MissingExtra,
    Misuse,
    RateLimited,
    Reason,
    RunError,
    TidegateError,
)
from workers.failures import TABLE

CLASSES: dict[str, type[TidegateError]] = {
    name: found
    for name, found in vars(errors).items()
    if inspect.isclass(found) and issubclass(found, TidegateError) and found.__module__ == errors.__name__
}


def drawn() -> dict[str, str | None]:
    """Each name in the docstring's tree and the name above it."""
    tree: dict[str, str | None] = {}
    above: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        name = line.lstrip("│├└─ ").partition(" ")[0]
        if name not in CLASSES:
            continue
        depth = (len(line) - len(line.lstrip("│├└─ "))) // 4
        del above[depth:]
        tree[name] = above[-1] if above else None
        above.append(name)
    return tree


def test_the_tree_is_drawn_as_it_is() -> None:
    """Every class stands in the drawing, under its base."""
    assert drawn() == {
        name: found.__bases__[0].__name__ if found is not TidegateError else None for name, found in CLASSES.items()
    }


def test_every_error_says_what_it_is() -> None:
    """Each class has a sentence of its own, and the drawing repeats how it begins."""
    sentences = [inspect.cleandoc(found.__doc__ or "") for found in CLASSES.values()]
    assert all(sentences)
    assert len(set(sentences)) == len(sentences)


def test_misuse_exits_with_two() -> None:
    """What the caller can mend has the exit code of a wrong command line; everything else has one."""
    codes = {name: found.exit_code for name, found in CLASSES.items()}
    assert {name for name, code in codes.items() if code == 2} == {
        name for name, found in CLASSES.items() if issubclass(found, Misuse)
    }
    assert set(codes.values()) == {1, 2}


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (InvalidJob(("text: too short", "tenant: odd")), "the job is malformed: text: too short; tenant: odd"),
        (InvalidDocument(("f:1:1: a", "f:2:1: b")), "f:1:1: a\nf:2:1: b"),
        (JobFailed("j", state="dead", reason="poison", cause="it died"), "job j is dead (poison): it died"),
        (JobFailed("j", state="cancelled", reason=None, cause=None), "job j is cancelled"),
        (
            MissingExtra("local", needed_for="a local lane"),
            "a local lane needs the extra 'local': pip install 'tidegate[local]'",
        ),
        (RateLimited(), "rate limited"),
    ],
)
def test_errors_say_what_to_do(error: Exception, said: str) -> None:
    """The message of an error with parts of its own."""
    assert str(error) == said


def test_every_failure_of_a_run_has_a_row() -> None:
    """The failure table knows each RunError by itself: none is treated as something nobody foresaw."""
    runs = {found for found in CLASSES.values() if issubclass(found, RunError) and found is not RunError}
    assert runs <= set(TABLE)


def test_reasons_are_for_machines() -> None:
    """A reason is its name in lower case: safe as a metric's label and in a command line."""
    assert all(reason.value == reason.name.lower() for reason in Reason)
