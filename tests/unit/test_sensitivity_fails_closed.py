"""Whatever goes wrong, at whatever step: the job is `unknown`, the cause is on record, and no text is in it.

And nothing that the inspection does touches a network.
"""

import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from router import inspection
from router.inspection import Inspector, open_inspector
from router.signals.sensitivity import look, readings
from router.signals.sensitivity.detector import GaveUpError, Span
from router.signals.sensitivity.lists import AS_SHIPPED, Rules
from router.signals.sensitivity.views.view import View
from router.signals.sensitivity.walk import Walked
from tidegate.job import Job
from tidegate.settings import Settings
from tidegate.signals import Level, Sensitivity

SECRET = "alice@hospital.local"
NOBODY_HOME = 0.5
"""What hangs is given up after this time; all else is done by then, on a machine that is busy as well."""


class Panic(BaseException):
    """What a library written in Rust raises when it breaks: no Exception."""


ERRORS: dict[str, Callable[[], BaseException]] = {
    "ValueError": lambda: ValueError(f"cannot read {SECRET}"),
    "MemoryError": MemoryError,
    "RecursionError": RecursionError,
    "UnicodeEncodeError": lambda: UnicodeEncodeError("utf-8", SECRET, 0, 1, SECRET),
    "FileNotFoundError": lambda: FileNotFoundError(2, "no artefact", f"/models/{SECRET}"),
    "binary": lambda: GaveUpError("binary"),
    "SystemExit": lambda: SystemExit(SECRET),
    "Panic": lambda: Panic(SECRET),
    "StopIteration": lambda: StopIteration(SECRET),
}
"""Kind on record -> what is raised. Messages quote the text, as libraries do."""


@dataclass
class Stage:
    """A detector, a gate and the readings, each of which breaks where it is told."""

    breaks_at: str = ""
    error: Callable[[], BaseException] = ValueError
    after: int = 0
    """How often the step goes well before it breaks."""
    calls: dict[str, int] = field(default_factory=dict)

    def step(self, name: str) -> None:
        """Break here, if it is here."""
        self.calls[name] = self.calls.get(name, 0) + 1
        if name == self.breaks_at and self.calls[name] > self.after:
            raise self.error()

    def views(self, text: str, hints: frozenset[str] | None, **_: object) -> Iterator[View]:
        """The text, and the same once more."""
        self.step("view")
        yield View(text, hints=hints)
        self.step("view")
        yield View(f"{text} ", "again")

    def hints(self, _text: str) -> frozenset[str]:
        """Everything is possible."""
        self.step("gate")
        return frozenset(("any",))

    def ends(self, _text: str, _hint: str) -> None:
        """Anywhere."""
        self.step("gate")

    def walk(self, job: Job) -> Walked:
        """The job's one text."""
        self.step("walk")
        return Walked((job.text or "",), (), ())


class Probe:
    """A detector that finds the secret, one span after the other, and breaks where it is told."""

    hints = {"any": (".",)}

    def __init__(self, stage: Stage, name: str, entity: str) -> None:
        self.name = name
        self._stage = stage
        self._entity = entity

    def find(self, view: View, *, every: bool = False) -> Iterable[Span]:
        """Two steps a view."""
        self._stage.step(self.name)
        yield Span(self._entity, 0.9, 0, 1)
        self._stage.step(self.name)
        if SECRET in view.text:
            yield Span("EMAIL_ADDRESS", 1.0, view.text.index(SECRET), len(SECRET))


def inspected(stage: Stage, monkeypatch: pytest.MonkeyPatch, text: str = f"write to {SECRET}") -> Sensitivity:
    """What comes of a job when the stage is set."""
    with monkeypatch.context() as patch:
        patch.setattr(readings, "views", stage.views)
        patch.setattr(inspection, "walk", stage.walk)
        probes = (Probe(stage, "first", "PERSON"), Probe(stage, "second", "US_SSN"))
        inspector = Inspector(detectors=probes, timeout_s=5.0, gate=stage)
        try:
            return inspector.inspect(Job(text=text)).sensitivity
        finally:
            inspector.close()


def assert_unknown(sensitivity: Sensitivity, who: str, kind: str) -> None:
    """Unknown, with the cause and without the text."""
    assert sensitivity.level is Level.UNKNOWN
    assert f"{who}: {kind}" in str(sensitivity.cause)
    record = sensitivity.to_json()
    assert SECRET not in record
    assert "alice" not in record


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    where=st.sampled_from(["walk", "view", "first", "second"]),
    kind=st.sampled_from(sorted(ERRORS)),
    after=st.integers(0, 1),
)
def test_an_error_anywhere_is_unknown(monkeypatch: pytest.MonkeyPatch, where: str, kind: str, after: int) -> None:
    """Each kind of error at each step, at its first call and later; what the others found is kept."""
    # The walk runs on the router's own thread, which such errors are meant to end.
    assume(not (where == "walk" and kind in ("SystemExit", "Panic")))
    stage = Stage(breaks_at=where, error=ERRORS[kind], after=0 if where == "walk" else after)
    sensitivity = inspected(stage, monkeypatch)
    # A generator that raises StopIteration is Python's RuntimeError.
    told = "RuntimeError" if kind == "StopIteration" else kind
    assert_unknown(sensitivity, where if where in ("first", "second") else "inspection", told)
    if where == "first":
        assert "US_SSN" in sensitivity.types
    if where == "second":
        assert "PERSON" in sensitivity.types


@pytest.mark.parametrize("kind", [kind for kind in ERRORS if kind not in ("SystemExit", "Panic")])
def test_a_gate_that_fails_is_no_gate(monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    """Then everything is looked for: nothing is lost but time."""
    sensitivity = inspected(Stage(breaks_at="gate", error=ERRORS[kind]), monkeypatch)
    assert set(sensitivity.types) == {"PERSON", "US_SSN", "EMAIL_ADDRESS"}
    assert SECRET not in sensitivity.to_json()


def test_a_judge_that_fails_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody has judged, and the findings are kept."""

    def broken(*_: object, **__: object) -> Sensitivity:
        raise ValueError(SECRET)

    monkeypatch.setattr(inspection, "judge", broken)
    sensitivity = inspected(Stage(), monkeypatch)
    assert_unknown(sensitivity, "judge", "ValueError")
    assert "EMAIL_ADDRESS" in sensitivity.types


class BrokenRules(Rules):
    """A policy whose own lists cannot be made."""

    def detectors(self) -> tuple[look.Detector, ...]:
        """Break."""
        raise MemoryError(SECRET)


def test_operators_lists_that_fail_are_unknown() -> None:
    """Nobody has looked for what the operator wants kept inside."""
    inspector = Inspector(detectors=(Probe(Stage(), "first", "PERSON"),), timeout_s=5.0)
    assert_unknown(inspector.inspect(Job(text="x"), rules=BrokenRules()).sensitivity, "inspection", "MemoryError")


@pytest.mark.parametrize("where", ["first", "second", "view"])
def test_what_hangs_is_unknown_in_time(monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    """The one that hangs is named, and its thread is left to it."""
    release = threading.Event()
    stage = Stage(breaks_at=where, error=lambda: ValueError(str(release.wait(20))))
    monkeypatch.setattr(readings, "views", stage.views)
    probes = (Probe(stage, "first", "PERSON"), Probe(stage, "second", "US_SSN"))
    inspector = Inspector(detectors=probes, timeout_s=NOBODY_HOME)
    try:
        sensitivity = inspector.inspect(Job(text=f"write to {SECRET}")).sensitivity
        assert_unknown(sensitivity, where if where != "view" else "inspection", "timeout")
    finally:
        release.set()
        inspector.close()


def test_a_look_that_is_given_up_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    """A detector that comes back late is the last that is asked: the processor is needed for the next job."""
    release, stage = threading.Event(), Stage()

    class Slow(Probe):
        def find(self, view: View, *, every: bool = False) -> Iterable[Span]:
            release.wait(20)
            return ()

    inspector = Inspector(detectors=(Slow(stage, "slow", "X"), Probe(stage, "late", "Y")), timeout_s=NOBODY_HOME)
    assert_unknown(inspector.inspect(Job(text="x")).sensitivity, "slow", "timeout")
    release.set()
    inspector._pool.shutdown(wait=True)
    assert "late" not in stage.calls


@pytest.mark.parametrize("text", ["a\ud83d", "x" * 50])
def test_a_text_that_cannot_be_looked_at_is_unknown(text: str) -> None:
    """Half a character, and more than anybody would look at."""
    inspector = Inspector(detectors=(Probe(Stage(), "first", "PERSON"),), timeout_s=5.0, max_chars=40)
    sensitivity = inspector.inspect(Job(text="x").model_copy(update={"text": text})).sensitivity
    assert sensitivity.level is Level.UNKNOWN
    assert sensitivity.coverage is not None
    assert sensitivity.coverage.skipped


def test_a_content_that_nobody_can_look_at_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    """A picture, say: the walk names it."""
    monkeypatch.setattr(inspection, "walk", lambda _job: Walked(("x",), (), ("unknown content",)))
    inspector = Inspector(detectors=(Probe(Stage(), "first", "PERSON"),), timeout_s=5.0)
    sensitivity = inspector.inspect(Job(text="x")).sensitivity
    assert_unknown(sensitivity, "inspection", "unknown content")
    assert sensitivity.coverage is not None
    assert sensitivity.coverage.skipped == ("unknown content",)


def test_places_tell_of_every_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who replaces what was found must not take what failed for all there is."""
    stage = Stage(breaks_at="second", error=ERRORS["MemoryError"])
    monkeypatch.setattr(readings, "views", stage.views)
    inspector = Inspector(
        detectors=(Probe(stage, "first", "PERSON"), Probe(stage, "second", "US_SSN")), timeout_s=5.0, gate=stage
    )
    found = inspector.places(f"write to {SECRET}", rules=AS_SHIPPED)
    assert [str(failure) for failure in found.failures] == ["second: MemoryError"]
    assert found.spans


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asks the network for anything fails loudly."""

    def refuse(*_args: object, **_kwargs: object) -> None:
        raise AssertionError("somebody asked the network")

    for name in ("getaddrinfo", "gethostbyname", "create_connection"):
        monkeypatch.setattr(socket, name, refuse)
    for name in ("connect", "connect_ex", "sendto", "bind"):
        monkeypatch.setattr(socket.socket, name, refuse)


@pytest.mark.usefixtures("no_network")
def test_nothing_of_it_touches_a_network() -> None:
    """The real detectors, opened and asked for all that they know, with every reading."""
    pytest.importorskip("presidio_analyzer")
    opened = open_inspector(Settings())
    text = (
        "Patient Jane Doe, born 04/12/1987, jane.doe@some-new-domain.example, IBAN DE89370400440532013000, card "
        "4111111111111111, phone +1 212 555 0199, 10.20.30.40, password: hunter2!, 12 Main Street, Springfield. "
        "am9obkBleGFtcGxlLmNvbSBpcyBoaXMgYWRkcmVzcw== &#64; %40 https://example.co.uk/x?mail=bob%40x.co.uk "
        "Ich wohne in M\u00fcnchen und hei\u00dfe J\u00fcrgen M\u00fcller. " + "AKIA" + "IOSFODNN7EXAMPLE"
    )
    try:
        for gated in (True, False):
            found = opened.inspect(Job(text=text), gated=gated).sensitivity
            assert {"EMAIL_ADDRESS", "CREDIT_CARD", "IBAN_CODE", "PERSON", "API_KEY"} <= set(found.types)
            assert "AssertionError" not in str(found.cause)
            assert opened.places(text, gated=gated).spans
    finally:
        opened.close()
