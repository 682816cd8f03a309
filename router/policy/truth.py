"""Truths of three values, and tests put together of tests. Pure.

A truth is True, False, or None where the signal was not measured. What was not measured holds nothing, not even
negated: `not: {wait_s: {lane: near, over: 20}}` says nothing of a lane whose wait nobody knows.
"""

from collections.abc import Callable, Iterable

from tidegate.signals import Signals

Truth = bool | None
Test = Callable[[Signals], Truth]
"""Whether a condition holds. Raises Unjudged where an expression fails."""


def together(tests: Iterable[Test]) -> Test:
    """All of the tests as one. The first that fails ends it, so that an expression is asked only where it matters."""
    match tuple(tests):
        case ():
            return lambda _: True
        case (only,):
            return only
        case (first, second):
            return lambda signals: _both(first, second, signals)
        case several:
            return lambda signals: _every(several, signals)


def either(tests: Iterable[Test]) -> Test:
    """One of the tests: the first that holds ends it."""
    several = tuple(tests)
    return lambda signals: _some(several, signals)


def negation(test: Test) -> Test:
    """The contrary of a test; of what was not measured there is none."""

    def negated(signals: Signals) -> Truth:
        truth = test(signals)
        return None if truth is None else not truth

    return negated


def _both(first: Test, second: Test, signals: Signals) -> Truth:
    truth = first(signals)
    if truth is False:
        return False
    other = second(signals)
    return other if truth is True else False if other is False else None


def _every(tests: tuple[Test, ...], signals: Signals) -> Truth:
    truth: Truth = True
    for test in tests:
        found = test(signals)
        if found is False:
            return False
        if found is None:
            truth = None
    return truth


def _some(tests: tuple[Test, ...], signals: Signals) -> Truth:
    truth: Truth = False
    for test in tests:
        found = test(signals)
        if found is True:
            return True
        if found is None:
            truth = None
    return truth
