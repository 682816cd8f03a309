"""Views: what is disguised is read, what cannot be read is said, and nothing clean is read as something else."""

import base64
import gzip

import pytest
from disguises import DISGUISES, EMAIL, read

from router.signals.sensitivity.detector import GaveUpError
from router.signals.sensitivity.views import HINTS, View, confirmed, is_guess, origin, views
from router.signals.sensitivity.views.readings import BASE, STAGES


def problem(text: str) -> str:
    """What could not be read."""
    try:
        list(views(text))
    except GaveUpError as gave_up:
        return gave_up.kind
    return ""


@pytest.mark.parametrize("disguise", DISGUISES)
def test_a_disguise_is_seen_through(disguise: str) -> None:
    """The value stands in some view, and that view says where in the text it was."""
    value, hide = DISGUISES[disguise]
    hidden = hide(value)
    before, after = "her card number is ", " as she says\nsince May"
    text = before + hidden + after
    found = [view for view in read(text) if value.lower() in view.text.lower()]
    assert found, [view.text for view in read(text)]
    for view in found:
        start = view.text.lower().index(value.lower())
        low, high = origin(view, start, start + len(value))
        # It may cover a little more, such as a quote or the sign of an encoding, and the whole of a reversed line.
        slack = 40 if "reversed" not in view.name and "shifted" not in view.name else len(text)
        assert len(before) - slack <= low < len(before) + 4 + len(hidden) // 2
        assert len(before) + len(hidden) // 2 - 4 < high <= len(before) + len(hidden) + slack


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("see data:image/png;base64," + base64.b64encode(b"\x89PNG" * 40).decode(), "image: binary"),
        (base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(range(256))).decode(), "image: binary"),
        (base64.b64encode(bytes(range(128, 256))).decode(), "binary"),
        (base64.b64encode(gzip.compress(b"a" * 5_000_000)).decode(), "too large"),
        (base64.b64encode(b"\x1f\x8b\x08" + bytes(60)).decode(), "undecodable"),
        ("\u200b\u200c" * 40, "hidden"),
    ],
)
def test_what_cannot_be_read_is_said(text: str, kind: str) -> None:
    """Pictures, bombs, broken archives and rows of invisible signs are no text, and are not passed over."""
    assert problem(f"look at this: {text} please") == kind


def test_nesting_has_a_bound() -> None:
    """What is still encoded after four steps was packed to hide it."""
    packed = f"write to {EMAIL} today"
    for _ in range(3):
        packed = base64.b64encode(packed.encode()).decode()
    assert any(EMAIL in view.text for view in read(packed))
    for _ in range(9):
        packed = base64.b64encode(packed.encode()).decode()
    assert problem(packed) == "nesting"


def test_half_a_character_cannot_be_read() -> None:
    """A lone surrogate is no text."""
    with pytest.raises(UnicodeEncodeError):
        list(views("a\ud83d"))


@pytest.mark.parametrize(
    "text",
    [
        "hello, world",
        "Gr\u00fc\u00dfe an J\u00f6rg \u2013 \u201cwie geht\u2019s\u201d \u2026 caf\u00e9",
        "\u041f\u0440\u0438\u0432\u0435\u0442, \u043a\u0430\u043a \u0434\u0435\u043b\u0430?",
        "\u65e5\u672c\u8a9e\u306e\u6587\u7ae0\u3067\u3059",
        "The numbers are 1, 2, 3, 4, 5, 6, 7, 8 and 9; two or three of them, one at a time.",
        "Meet me at the river at one point in time, look at amazon.com, and dot the i.",
        "def f(a, b):\n    return a * b + c[0] - d['x'] if a == b else {1: 2}",
        "total = sum(x ** 2 for x in range(10)) % 7  # 100% sure",
        "coefficient efficiently sufficient QUESTIONABLE internationalization",
        "It costs $1,299.99 on 2024-05-01 at 12:30:45, call it 15% off of 3x4x5.",
    ],
)
def test_clean_text_has_one_view(text: str) -> None:
    """Nothing is looked at twice for nothing, and nothing ordinary is taken for a disguise."""
    assert [view.text for view in read(text)] == [text]


def test_without_a_hint_nothing_is_read() -> None:
    """Clean text costs nothing: no reading is tried that the gate saw no need for."""
    text = base64.b64encode(EMAIL.encode()).decode()
    assert len(list(views(text, frozenset()))) == 1
    assert len(list(views(text, frozenset({"another's"})))) == 1
    assert any(EMAIL in view.text for view in views(text, frozenset({"view:base64"})))


def test_a_gate_is_asked_for_each_further_view() -> None:
    """Its answer stands in the view, and decides what is read in it."""
    asked: list[str] = []

    def gate(text: str) -> frozenset[str]:
        asked.append(text)
        return frozenset()

    found = list(views(f"{base64.b64encode(b'%6a%6f%68%6e').decode()}", frozenset({"view:base64"}), gate=gate))
    assert asked == [found[1].text] == ["%6a%6f%68%6e"]
    assert found[1].hints == frozenset()


def test_every_reading_has_hints_and_a_name_of_its_own() -> None:
    """The gate knows each of them."""
    readings = [reading for stage in (*BASE, *STAGES) for reading in stage.readings]
    assert len(HINTS) == len(readings)
    assert all(reading.needs for reading in readings)


def test_guesses_say_so() -> None:
    """Detectors ask for more in what nobody may have meant."""
    assert is_guess(View("x", "plain+joined"))
    assert not is_guess(View("x", "plain+base64"))


def test_a_second_look_knows_what_the_gate_cannot() -> None:
    """Quotes, dashes, and a number by itself make no reading; a letter that is no Latin one does."""
    hints = frozenset({"view:plain", "view:lookalikes", "view:flipped", "view:joined", "view:coded", "another's"})
    assert confirmed("\u201cIt\u2019s 10.48550 \u2013 or so\u201d", hints) == {"another's"}
    assert confirmed("p\u0430ypal", hints) == {"view:lookalikes", "another's"}
