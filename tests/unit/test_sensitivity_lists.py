"""Operators' lists: what must be seen, what is known to be harmless, and what inspections make of both."""

import re
from collections.abc import Iterable

import pytest

from router.inspection import Inspector
from router.signals.sensitivity.detector import GaveUpError, Span
from router.signals.sensitivity.levels import LEVELS, SHIPPED, Table, Weight
from router.signals.sensitivity.lists import AS_SHIPPED, Rules
from router.signals.sensitivity.lists.allow import Allow, Allowed, value
from router.signals.sensitivity.lists.entry import Entry
from router.signals.sensitivity.lists.patterns import Watch, compiled
from router.signals.sensitivity.lists.words import matchers
from router.signals.sensitivity.views.view import View
from tidegate.job import Job
from tidegate.signals import Level, Sensitivity


def denied(name: str = "projects", *words: str) -> Entry:
    """A deny list."""
    return Entry(name=f"deny:{name}", type="INTERNAL_NAME", score=1.0, matchers=matchers(words), denied=True)


class Mails:
    """Finds everything with an @; one span a type, unless every one is asked for."""

    name = "mails"

    def __init__(self, scores: Iterable[float] = ()) -> None:
        self.scores = tuple(scores)
        self.asked: list[bool] = []

    def find(self, view: View, *, every: bool = False) -> Iterable[Span]:
        """The first, or all."""
        self.asked.append(every)
        found = [
            Span("EMAIL_ADDRESS", self.scores[index] if self.scores else 0.9, *match.span())
            for index, match in enumerate(re.finditer(r"\S+@\S+", view.text))
        ]
        return found if every else found[:1]


def allowing(*values: str, types: Iterable[str] = (), pattern: str | None = None) -> Rules:
    """Rules with one entry to allow."""
    entry = Allowed(
        values=frozenset(map(value, values)),
        matchers=matchers(values) if values else (),
        pattern=compiled(pattern) if pattern else None,
        types=frozenset(types),
    )
    return Rules(allow=Allow((entry,)))


def test_the_lists_of_one_job_share_their_time_and_give_up() -> None:
    """What was not looked at to the end makes the job unknown."""
    watch = Watch(left_s=0.0)
    lookout = denied("projects", "Bluebird").watched(watch)
    with pytest.raises(GaveUpError) as caught:
        list(lookout.find(View("y" * 200_000)))
    assert caught.value.kind == "timeout"
    rules = Rules(entries=(denied("a", "aa"), denied("b", "bb")))
    one, other = rules.detectors()
    assert one.watch is other.watch  # type: ignore[attr-defined]
    assert one.watch is not rules.detectors()[0].watch  # type: ignore[attr-defined]


def test_an_entry_tells_its_name_and_the_first_place_or_every_one() -> None:
    """As every detector does."""
    (lookout,) = Rules(entries=(denied("projects", "Bluebird"),)).detectors()
    view = View("Bluebird and bluebird")
    assert lookout.name == "deny:projects"
    assert list(lookout.find(view)) == [Span("INTERNAL_NAME", 1.0, 0, 8)]
    assert list(lookout.find(view, every=True)) == [
        Span("INTERNAL_NAME", 1.0, 0, 8),
        Span("INTERNAL_NAME", 1.0, 13, 21),
    ]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("The employee has number E-123456.", True),
        ("E-123456 is staff of ours.", True),
        (f"Staff.{' ' * 93}E-123456", True),
        (f"Staff.{' ' * 98}E-123456", False),
        ("Article E-123456 is sold out.", False),
        ("staffed by E-123456", False),
        ("Article E-999999; ask staff.", True),
    ],
)
def test_context_must_stand_near(text: str, found: bool) -> None:  # noqa: FBT001
    """A form alone may be anything's; near one of its words it is what the operator means."""
    own = Entry(
        name="patterns:EMPLOYEE_NO",
        type="EMPLOYEE_NO",
        score=0.8,
        matchers=(compiled(r"E-\d{6}"),),
        context=matchers(["employee", "staff"]),
    )
    assert bool(list(own.watched(Watch()).find(View(text)))) is found


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("write to support@example.com", []),
        ("write to Support@Example.com.", []),
        ("support@example.com ada@example.org", ["ada@example.org"]),
        ("ada@example.org support@example.com", ["ada@example.org"]),
        ("support@example.com <SUPPORT@example.com>", []),
        ("xsupport@example.com", ["xsupport@example.com"]),
    ],
)
def test_an_allowed_value_is_left_out_and_hides_no_other(text: str, left: list[str]) -> None:
    """Detectors tell the first of a type: where that one is allowed, they are asked for every one."""
    found = allowing("support@example.com").find(Mails(), View(text))
    assert [text[span.start : span.end] for span in found] == left


def test_a_detector_is_asked_twice_only_where_it_must() -> None:
    """Most jobs hold nothing that is allowed."""
    rules, mails = allowing("support@example.com"), Mails()
    list(rules.find(mails, View("ada@example.org support@example.com")))
    assert mails.asked == [False]
    list(rules.find(mails, View("support@example.com ada@example.org")))
    assert mails.asked == [False, False, True]


def test_an_entry_with_types_speaks_of_these_only() -> None:
    """A name that is allowed as an address may still be somebody's."""
    text = "support@example.com"
    assert list(allowing(text, types=["EMAIL_ADDRESS"]).find(Mails(), View(text))) == []
    assert list(allowing(text, types=["PERSON"]).find(Mails(), View(text)))


def test_an_allowed_pattern_must_match_the_whole_finding() -> None:
    """`ada@example.com.evil.example` is none of ours."""
    rules = allowing(pattern=r"[a-z]+@example\.com", types=["EMAIL_ADDRESS"])
    assert list(rules.find(Mails(), View("Info@EXAMPLE.com"))) == []
    assert list(rules.find(Mails(), View("ada@example.com.evil.example")))
    assert list(rules.find(Mails(), View("a1@example.com")))


@pytest.mark.parametrize(
    ("allowed", "text", "start", "end", "left_out"),
    [
        ("4111 1111 1111 1111", "card 4111-1111-1111-1111", 5, 24, True),
        ("4111 1111 1111 1111", "card 4111-1111-1111-1112", 5, 24, False),
        ("+1 (555) 010-0100", "+1 555 0100100", 0, 14, True),
        ("12 Kestrel Street, Springfield", "at 12 Kestrel  street, SPRINGFIELD now", 3, 21, True),
        ("12 Kestrel Street, Springfield", "at 12 Kestrel Street, Shelbyville", 3, 20, False),
        ("12 Kestrel Street, Springfield", "at 112 Kestrel Street, Springfield", 4, 21, False),
        ("10.0.0.1", "10.0.0.1", 0, 8, True),
        ("11.1.1.1", "1.11.1.1", 0, 8, False),
        ("Ann", "Ann Lopez", 0, 9, False),
        ("Ann", "Ann", 0, 0, False),
    ],
)
def test_values_are_compared_as_people_write_them(
    allowed: str,
    text: str,
    start: int,
    end: int,
    left_out: bool,  # noqa: FBT001
) -> None:
    """Separators of numbers, case and space do not count; a part of a value is allowed where that stands whole."""
    assert allowing(allowed).allow.allows(View(text), Span("ANY", 1.0, start, end)) is left_out


def test_what_is_denied_is_never_left_out() -> None:
    """Whoever lists a name in both wants to see it."""
    rules = Rules(entries=(denied("projects", "Bluebird"),), allow=allowing("Bluebird").allow)
    (lookout,) = rules.detectors()
    assert list(rules.find(lookout, View("Bluebird")))


def test_a_finding_too_weak_for_the_policy_hides_no_stronger_one() -> None:
    """A detector may stop at the shipped threshold; where a policy asks for more, it is asked for every one."""
    table = Table({**LEVELS, "EMAIL_ADDRESS": Weight(Level.PERSONAL, 0.8)})
    mails = Mails(scores=[0.5, 0.9])
    found = Rules(table=table).find(mails, View("ada@example.org eve@example.org"))
    assert [span.score for span in found] == [0.5, 0.9]
    assert Mails(scores=[0.5, 0.9]).find(View("a@b"))
    plain = Mails(scores=[0.5, 0.9])
    list(Rules(table=SHIPPED).find(plain, View("ada@example.org eve@example.org")))
    assert plain.asked == [False]


def test_without_a_policys_word_nothing_is_added_or_left_out() -> None:
    """And nothing costs anything."""
    mails = Mails()
    assert list(AS_SHIPPED.find(mails, View("a@b c@d"))) == [Span("EMAIL_ADDRESS", 0.9, 0, 3)]
    assert AS_SHIPPED.detectors() == ()


def test_what_a_detector_raises_comes_through() -> None:
    """Whoever looks turns it into a failure; an allow list swallows nothing."""

    class Broken:
        name = "broken"

        def find(self, view: View, *, every: bool = False) -> Iterable[Span]:
            raise GaveUpError("memory")

    with pytest.raises(GaveUpError):
        list(allowing("x1").find(Broken(), View("text")))


def inspected(text: str, rules: Rules) -> Sensitivity:
    """What an inspection makes of a text by these rules, with one other detector."""
    inspector = Inspector(detectors=[Mails()], timeout_s=30.0)
    try:
        return inspector.inspect(Job(text=text), rules=rules).sensitivity
    finally:
        inspector.close()


@pytest.mark.parametrize(
    ("text", "level"),
    [
        ("When does Bluebird ship?", Level.RESTRICTED),
        ("When does \uff22luebird\u200b ship?", Level.RESTRICTED),
        ("Read this: Qmx1ZWJpcmQgaXMgbGF0ZSB0aGlzIHdlZWsgYWdhaW4=", Level.RESTRICTED),
        ("Ask support@example.com when it ships.", Level.PUBLIC),
        ("Ask support@example.com or ada@example.org when it ships.", Level.PERSONAL),
        ("When does it ship?", Level.PUBLIC),
    ],
)
def test_an_inspection_follows_the_lists_in_every_reading(text: str, level: Level) -> None:
    """Disguised words are found, allowed values are left out, and others are not hidden by them."""
    rules = Rules(entries=(denied("projects", "Bluebird"),), allow=allowing("support@example.com").allow)
    sensitivity = inspected(text, rules)
    assert (sensitivity.level, sensitivity.cause) == (level, None)


def test_a_job_whose_lists_ran_out_of_time_is_unknown() -> None:
    """With the list on record, and whatever the others found."""
    rules = Rules(entries=(denied("projects", "Bluebird"),), limit_s=0.0)
    sensitivity = inspected("ada@example.org asks", rules)
    assert (sensitivity.level, sensitivity.cause) == (Level.UNKNOWN, "deny:projects: timeout")
    assert sensitivity.types == ("EMAIL_ADDRESS",)
