"""The inspection: detectors run under a deadline, and every failure is `unknown`."""

import threading
from collections.abc import Callable, Iterable, Iterator

import pytest

from router.inspection import Inspector, open_inspector
from router.signals.sensitivity.detector import Span
from router.signals.sensitivity.views.view import View
from tidegate.job import Job
from tidegate.settings import Settings
from tidegate.signals import Band, Capability, LaneLoad, Level

SECRET = "alice@hospital.local"


class Fake:
    """A detector that does what it is told with each text, and remembers the texts."""

    def __init__(self, name: str, act: Callable[[str], Iterable[Span]] = lambda _: ()) -> None:
        self.name = name
        self.seen: list[str] = []
        self.problem: str | None = None
        self._act = act

    def find(self, view: View, *, every: bool = False) -> Iterable[Span]:
        """Remember and act."""
        self.seen.append(view.text)
        return self._act(view.text)


def finds(entity: str) -> Callable[[str], Iterable[Span]]:
    """Always find the same."""
    return lambda text: (Span(entity, 0.9, 0, len(text)),)


def breaks(_text: str) -> Iterable[Span]:
    """Fail with a message that quotes the text, as libraries do."""
    raise ValueError(f"cannot read {SECRET}")


def inspector(*detectors: Fake, timeout_s: float = 5.0, max_chars: int = 200_000) -> Inspector:
    """An inspector of fakes."""
    return Inspector(detectors=detectors, timeout_s=timeout_s, max_chars=max_chars)


def test_all_signals_are_there() -> None:
    """One job in, every signal out."""
    job = Job.model_validate(
        {
            "text": "Classify: the sky is blue",
            "tenant": "acme",
            "params": {"max_tokens": 7, "response_format": {"type": "json_object"}},
            "hints": {"latency": "batch", "task": "sorting"},
        }
    )
    load = {"local-small": LaneLoad(queued=3)}
    signals = inspector(Fake("quiet")).inspect(job, load=load)
    assert signals.sensitivity.level is Level.PUBLIC
    assert signals.complexity.band is Band.SIMPLE
    assert (signals.tenant, signals.latency, signals.max_tokens) == ("acme", "batch", 7)
    assert signals.task == "sorting"
    assert signals.needs == (Capability.JSON,)
    assert signals.tokens > 0
    assert signals.load == load


def test_findings_make_the_level() -> None:
    """What a detector finds decides."""
    assert inspector(Fake("one", finds("PERSON"))).inspect(Job(text="x")).sensitivity.level is Level.PERSONAL


def test_a_detector_that_breaks_makes_unknown_and_the_others_still_look() -> None:
    """The cause names the detector and the kind of failure, never the text."""
    last = Fake("last", finds("PERSON"))
    sensitivity = inspector(Fake("bad", breaks), last).inspect(Job(text="x")).sensitivity
    assert (sensitivity.level, sensitivity.cause) == (Level.UNKNOWN, "bad: ValueError")
    assert sensitivity.types == ("PERSON",)
    assert SECRET not in sensitivity.to_json()


def test_a_detector_that_breaks_half_way_keeps_what_it_found() -> None:
    """Findings are taken one by one."""

    def half(_text: str) -> Iterator[Span]:
        yield Span("PERSON", 0.9, 0, 1)
        raise MemoryError

    sensitivity = inspector(Fake("half", half)).inspect(Job(text="x")).sensitivity
    assert (sensitivity.level, sensitivity.types) == (Level.UNKNOWN, ("PERSON",))


def test_a_detector_that_hangs_makes_unknown_in_time() -> None:
    """The deadline holds, whatever a detector does, and what others found before stays."""
    release = threading.Event()

    def hang(_text: str) -> Iterable[Span]:
        release.wait()
        return ()

    looking = inspector(Fake("first", finds("PERSON")), Fake("slow", hang), timeout_s=1.0)
    try:
        sensitivity = looking.inspect(Job(text="x")).sensitivity
        assert (sensitivity.level, sensitivity.cause) == (Level.UNKNOWN, "slow: timeout")
        assert sensitivity.types == ("PERSON",)
        looking._timeout_s = 0.05
        # More jobs than threads: those that never get one are not judged either.
        assert {looking.inspect(Job(text="x")).sensitivity.level for _ in range(6)} == {Level.UNKNOWN}
    finally:
        release.set()
        looking.close()


def test_the_gate_has_no_more_time_than_the_rest() -> None:
    """What hangs before any detector is asked is cut off by the same deadline."""
    release = threading.Event()

    class Slow:
        def hints(self, _text: str) -> frozenset[str]:
            release.wait()
            return frozenset()

        def ends(self, _text: str, _name: str) -> None:
            return None

    looking = Inspector(detectors=[Fake("quiet")], timeout_s=0.05, gate=Slow())
    try:
        sensitivity = looking.inspect(Job(text="x")).sensitivity
        assert (sensitivity.level, sensitivity.cause) == (Level.UNKNOWN, "inspection: timeout")
    finally:
        release.set()
        looking.close()


def test_a_job_too_large_to_look_at_is_unknown() -> None:
    """Nobody looks, and nobody pretends to have looked."""
    quiet = Fake("quiet")
    sensitivity = inspector(quiet, max_chars=10).inspect(Job(text="x" * 11)).sensitivity
    assert (sensitivity.level, sensitivity.cause) == (Level.UNKNOWN, "inspection: oversize")
    assert quiet.seen == []


def test_an_unresolved_prompt_is_unknown() -> None:
    """The text that will be sent is not there to be looked at; its variables are looked at."""
    job = Job.model_validate({"prompt": {"name": "greet", "variables": {"who": SECRET}}})
    seen = Fake("one", finds("EMAIL_ADDRESS"))
    sensitivity = inspector(seen).inspect(job).sensitivity
    assert (sensitivity.level, sensitivity.cause) == (Level.UNKNOWN, "inspection: prompt not resolved")
    assert sensitivity.types == ("EMAIL_ADDRESS",)
    assert SECRET in seen.seen[0]


def test_text_that_cannot_be_decoded_is_unknown() -> None:
    """Half a character is no text."""
    job = Job(text="x").model_copy(update={"text": "a\ud83d"})
    sensitivity = inspector(Fake("quiet")).inspect(job).sensitivity
    assert (sensitivity.level, sensitivity.cause) == (Level.UNKNOWN, "inspection: UnicodeEncodeError")


def test_coverage_is_on_record() -> None:
    """What was looked at, by which readings, and what nobody looked at."""
    seen = inspector(Fake("quiet")).inspect(Job(text="hello")).sensitivity.coverage
    assert seen is not None
    assert (seen.chars, seen.views, seen.skipped) == (5, ("as_written",), ())
    large = inspector(Fake("quiet"), max_chars=10).inspect(Job(text="x" * 11)).sensitivity.coverage
    assert large is not None
    assert (large.views, large.skipped) == ((), ("oversize",))


def test_a_checkup_tells_what_is_wrong_with_whom() -> None:
    """By its own word where a detector has one, else by a trial."""
    lame = Fake("lame")
    lame.problem = "its artefact is missing: run the installer"
    checked = dict(inspector(Fake("quiet"), Fake("bad", breaks), lame).checkup())
    assert checked == {"quiet": None, "bad": "ValueError", "lame": lame.problem}


def test_places_are_told_in_order_and_apart() -> None:
    """What overlaps is one place, named after the most guarded of them; weak findings are none."""

    def some(_text: str) -> Iterable[Span]:
        return (Span("US_SSN", 0.9, 30, 41), Span("PERSON", 0.9, 0, 8), Span("US_SSN", 0.1, 50, 60))

    def more(_text: str) -> Iterable[Span]:
        return (Span("HEALTH", 0.6, 5, 20),)

    found = inspector(Fake("some", some), Fake("more", more)).places("x" * 80)
    assert found.spans == (Span("HEALTH", 0.6, 0, 20), Span("US_SSN", 0.9, 30, 41))
    assert found.failures == ()


def test_places_tell_who_failed() -> None:
    """Who replaces what was found must know that there may be more."""
    found = inspector(Fake("bad", breaks), Fake("one", finds("PERSON"))).places("Jane")
    assert found.spans == (Span("PERSON", 0.9, 0, 4),)
    assert [str(failure) for failure in found.failures] == ["bad: ValueError"]


def test_a_hint_raises_the_level() -> None:
    """A producer may know better, in one direction."""
    job = Job.model_validate({"text": "x", "hints": {"min_sensitivity": Level.RESTRICTED}})
    assert inspector(Fake("quiet")).inspect(job).sensitivity.level is Level.RESTRICTED
    lower = Job.model_validate({"text": "x", "hints": {"min_sensitivity": Level.PUBLIC}})
    assert inspector(Fake("one", finds("PERSON"))).inspect(lower).sensitivity.level is Level.PERSONAL


def test_no_detectors_is_a_mistake() -> None:
    """An inspector without detectors would call everything public."""
    with pytest.raises(ValueError, match="detector"):
        inspector()


@pytest.fixture(scope="module")
def real() -> Iterator[Inspector]:
    """The default detectors, opened once."""
    pytest.importorskip("presidio_analyzer")
    opened = open_inspector(Settings())
    yield opened
    opened.close()


@pytest.mark.parametrize(
    ("text", "level"),
    [
        ("What is the capital of France?", Level.PUBLIC),
        ("Write a Python function that reverses a list.", Level.PUBLIC),
        ("Please write to alice@hospital.local", Level.PERSONAL),
        ("Please write to \uff41lice\uff20hospital.local", Level.PERSONAL),
        ("Patient Jane Doe, DOB 04/12/1987, MRN 4471182, was diagnosed with asthma.", Level.RESTRICTED),
        ("Move 200 EUR from DE89370400440532013000 to my savings", Level.RESTRICTED),
        ("deploy with AKIA" + "IOSFODNN7EXAMPLE", Level.RESTRICTED),
    ],
)
def test_the_default_detectors_judge(real: Inspector, text: str, level: Level) -> None:
    """The detectors that ship, end to end."""
    sensitivity = real.inspect(Job(text=text)).sensitivity
    assert sensitivity.level is level
    assert text not in sensitivity.to_json()


SAID_BY_A_TOOL = {
    "description": {"description": "Sends mail as alice@hospital.local"},
    "schema": {"parameters": {"properties": {"to": {"enum": ["alice@hospital.local"]}}}},
    "key": {"parameters": {"properties": {"alice@hospital.local": {"type": "boolean"}}}},
}


@pytest.mark.parametrize("where", SAID_BY_A_TOOL)
def test_a_tool_is_looked_at_like_any_text(real: Inspector, where: str) -> None:
    """What a producer tells a model about its tools may be somebody's."""
    function = {"name": "look", **SAID_BY_A_TOOL[where]}
    job = Job.model_validate({"text": "hello", "params": {"tools": [{"function": function}]}})
    assert real.inspect(job).sensitivity.level is Level.PERSONAL
    harmless = Job.model_validate({"text": "hello", "params": {"tools": [{"function": {"name": "look"}}]}})
    assert real.inspect(harmless).sensitivity.level is Level.PUBLIC


def test_a_uuid_as_a_key_is_no_number_of_anybody(real: Inspector) -> None:
    """Every job may carry one, so it must not keep every job inside."""
    for last in range(200):
        key = f"550e8400-e29b-41d4-a716-4466554{last:05d}"
        job = Job(text="hello", idempotency_key=key, conversation_id=key)
        assert real.inspect(job).sensitivity.level is Level.PUBLIC
