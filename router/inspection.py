"""The router's inspection: Job -> Signals. Runs the detectors under a deadline and puts the signals together.

It decides nothing. A detector that raises, takes too long or cannot read the text makes the job `unknown`, and what the
others found stays on record.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as Overdue
from types import MappingProxyType

from router.signals import complexity, tokens
from router.signals.sensitivity.detector import Detector, Failure, hints_of
from router.signals.sensitivity.gate import Gate
from router.signals.sensitivity.levels import IMAGE, judge
from router.signals.sensitivity.lists import AS_SHIPPED, Rules
from router.signals.sensitivity.look import INSPECTION, Look
from router.signals.sensitivity.models.opening import open_models
from router.signals.sensitivity.places import Places, merged
from router.signals.sensitivity.shipped import DETECTORS
from router.signals.sensitivity.views import HINTS
from router.signals.sensitivity.views.view import View
from router.signals.sensitivity.walk import walk
from tidegate.job import Job
from tidegate.logs import logger
from tidegate.settings import Settings
from tidegate.signals import Finding, LaneLoad, Level, Sensitivity, Signals

log = logger(__name__)

MAX_CHARS = 2_000_000
"""A job with more text is `unknown` at once: it would take the detectors seconds, and more than any lane's context."""

THREADS = 4
"""Detectors hold the interpreter's lock, so more threads are no faster: these are there for those that are stuck."""

UNSEEN_IMAGE = "image: binary"

_DECLARED: Mapping[str, Finding] = MappingProxyType({UNSEEN_IMAGE: Finding(type=IMAGE, score=1.0, detector=INSPECTION)})
"""What nobody could look at -> what is on record of it where the policy says what it means."""

NO_LOAD: Mapping[str, LaneLoad] = MappingProxyType({})


class Inspector:
    """Measures jobs. One a process: make it after a fork, not before. May be called from several threads."""

    def __init__(
        self, *, detectors: Sequence[Detector], timeout_s: float, max_chars: int = MAX_CHARS, gate: Gate | None = None
    ) -> None:
        if not detectors:
            raise ValueError("an inspector needs a detector: without one every job would be public")
        self._detectors = tuple(detectors)
        self._timeout_s = timeout_s
        self._max_chars = max_chars
        self._gate = gate
        self._pool = ThreadPoolExecutor(max_workers=THREADS, thread_name_prefix="inspect")

    def inspect(
        self, job: Job, *, load: Mapping[str, LaneLoad] = NO_LOAD, rules: Rules = AS_SHIPPED, gated: bool = True
    ) -> Signals:
        """Every signal of a job. Never raises on account of a job's content. Not `gated`: all is looked for."""
        turns = job.turns()
        length = tokens.longest(job.input) if job.input else tokens.estimate(turns, job.params)
        return Signals(
            sensitivity=self.sensitivity(job, rules=rules, gated=gated),
            complexity=complexity.measure(turns, job.params),
            tokens=length,
            max_tokens=0 if job.input else job.params.max_tokens,
            needs=tokens.needs(turns, job.params, length=length, embeds=job.input is not None),
            tenant=job.tenant,
            latency=job.hints.latency,
            task=job.hints.task,
            load=dict(load),
        )

    def sensitivity(self, job: Job, *, rules: Rules = AS_SHIPPED, gated: bool = True) -> Sensitivity:
        """How sensitive it is, by all that it says. Never raises on account of that: what fails makes it unknown."""
        look = self._look(lambda look: self._texts(job, look), rules, every=False, gated=gated)
        # Copies: a look that is overdue may still be adding to its own.
        seen = (*(sight.finding for sight in tuple(look.sights)), *(_DECLARED[what] for what in tuple(look.unseen)))
        findings = tuple(dict.fromkeys(seen))
        failures, least = tuple(look.failures), job.hints.min_sensitivity
        try:
            judged = judge(findings, failures=failures, least=least, table=rules.table)
        except Exception as exc:  # noqa: BLE001 - nobody has judged, whatever the reason
            cause = "; ".join(map(str, (*failures, Failure.of("judge", exc))))
            judged = Sensitivity(level=Level.UNKNOWN, findings=findings, cause=cause, least=least)
        return judged.model_copy(update={"coverage": look.coverage})

    def places(self, text: str, *, rules: Rules = AS_SHIPPED, gated: bool = True) -> Places:
        """Every place of a text where something counts, by any reading of it. Never raises on account of the text."""
        look = self._look(lambda look: self._bounded((text,), look), rules, every=True, gated=gated)
        sights = [sight for sight in tuple(look.sights) if rules.table.counts(sight.finding)]
        return Places(spans=merged(sights, table=rules.table), failures=tuple(look.failures))

    @property
    def gated(self) -> bool:
        """Whether a gate spares the detectors work."""
        return self._gate is not None

    def checkup(self) -> Iterator[tuple[str, str | None]]:
        """Each detector's name, and what is wrong with it."""
        for detector in self._detectors:
            yield detector.name, getattr(detector, "problem", None) or _trial(detector)

    def close(self) -> None:
        """Let the threads go; one that is stuck is not waited for."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _look(self, texts: Callable[[Look], Iterable[str]], rules: Rules, *, every: bool, gated: bool) -> Look:
        """A look for as long as there is time, the gate's included. What hangs is left to its thread, and failed."""
        look = Look(gate=self._gate if gated else None, rules=rules, every=every)
        try:
            look.detectors = (*rules.detectors(), *self._detectors)
            self._pool.submit(lambda: look.at(look.glance(texts(look)))).result(self._timeout_s)
        except Overdue:
            look.given_up = True
            look.note(Failure(look.at_work, "timeout"))
        except Exception as exc:  # noqa: BLE001 - whatever it is, somebody has not looked
            look.fail(exc)
        return look

    def _texts(self, job: Job, look: Look) -> Iterator[str]:
        """All in one text, a line each: a field's name is context for its value, and one pass is the cheapest."""
        if job.prompt is not None:
            look.note(Failure(INSPECTION, "prompt not resolved"))
        walked = walk(job)
        for problem in walked.problems:
            look.note(Failure(INSPECTION, problem))
        if walked.images and look.rules.images:
            look.unseen.append(UNSEEN_IMAGE)
        elif walked.images:
            look.note(Failure(INSPECTION, UNSEEN_IMAGE))
        yield from self._bounded(("\n".join(walked.strings), *walked.seams), look)

    def _bounded(self, texts: Sequence[str], look: Look) -> Iterator[str]:
        if len(texts[0]) > self._max_chars:
            look.note(Failure(INSPECTION, "oversize"))
        else:
            yield from texts


def _trial(detector: Detector) -> str | None:
    """What goes wrong with a harmless text."""
    try:
        tuple(detector.find(View("What is the capital of France?"), every=True))
    except Exception as exc:  # noqa: BLE001 - that is what is asked
        return Failure.of(detector.name, exc).kind
    return None


def open_inspector(settings: Settings) -> Inspector:
    """An inspector with the shipped detectors and those of the settings. Takes seconds, and more the first time.

    Raises InvalidSettings for a model that cannot be opened.
    """
    detectors = (*(make() for make in DETECTORS), *open_models(settings.detectors_extra))
    return Inspector(detectors=detectors, timeout_s=settings.detect_timeout_s, gate=_gate(detectors))


def _gate(detectors: Iterable[Detector]) -> Gate | None:
    """The gate for all that may be looked for. Without one nothing is missed: everything is looked for."""
    try:
        from router.signals.sensitivity.gate.database import open_gate  # noqa: PLC0415 - its library runs on x86 only

        return open_gate((HINTS, *map(hints_of, detectors)))
    except Exception as exc:  # noqa: BLE001 - it only spares work
        log.warning("gate.closed", error=type(exc).__name__)
        return None
