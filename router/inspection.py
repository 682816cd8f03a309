"""The router's inspection: Job -> Signals. Runs the detectors under a deadline and puts the signals together.

It decides nothing. A detector that raises, takes too long or cannot read the text makes the job `unknown`, and what the
others found stays on record.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as Overdue
from types import MappingProxyType

from router.signals import complexity, tokens
from router.signals.sensitivity.detector import Detector, Failure
from router.signals.sensitivity.levels import judge
from router.signals.sensitivity.views import views
from router.signals.sensitivity.walk import seams, strings
from tidegate.job import Job
from tidegate.settings import Settings
from tidegate.signals import Finding, LaneLoad, Sensitivity, Signals

MAX_CHARS = 200_000
"""A job with more text is `unknown` at once: it would take the detectors seconds, and more than any lane's context."""

THREADS = 4
"""Detectors hold the interpreter's lock, so more threads are no faster: these are there for those that are stuck."""

NO_LOAD: Mapping[str, LaneLoad] = MappingProxyType({})


class Inspector:
    """Measures jobs. One a process: make it after a fork, not before. May be called from several threads."""

    def __init__(self, *, detectors: Sequence[Detector], timeout_s: float, max_chars: int = MAX_CHARS) -> None:
        if not detectors:
            raise ValueError("an inspector needs a detector: without one every job would be public")
        self._detectors = tuple(detectors)
        self._timeout_s = timeout_s
        self._max_chars = max_chars
        self._pool = ThreadPoolExecutor(max_workers=THREADS, thread_name_prefix="inspect")

    def inspect(self, job: Job, *, load: Mapping[str, LaneLoad] = NO_LOAD) -> Signals:
        """Every signal of a job. Never raises on account of a job's content."""
        turns = job.turns()
        length = tokens.estimate(turns, job.params)
        return Signals(
            sensitivity=self._sensitivity(job),
            complexity=complexity.measure(turns, job.params),
            tokens=length,
            max_tokens=job.params.max_tokens,
            needs=tokens.needs(turns, job.params, length=length),
            tenant=job.tenant,
            latency=job.hints.latency,
            task=job.hints.task,
            load=dict(load),
        )

    def close(self) -> None:
        """Let the threads go; one that is stuck is not waited for."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _sensitivity(self, job: Job) -> Sensitivity:
        look = _Look(self._detectors, self._max_chars)
        future = self._pool.submit(look.at, job)
        try:
            future.result(self._timeout_s)
        except Overdue:
            future.cancel()
            look.failures.append(Failure(look.at_work, "timeout"))
        # Copies: a look that is overdue may still be adding to its own.
        return judge(tuple(look.findings), failures=tuple(look.failures), least=job.hints.min_sensitivity)


def open_inspector(settings: Settings) -> Inspector:
    """An inspector with the default detectors. Takes about two seconds, for Presidio's imports."""
    return Inspector(detectors=[make() for make in DETECTORS], timeout_s=settings.detect_timeout_s)


class _Look:
    """One look at one job, and what it has seen so far."""

    def __init__(self, detectors: Sequence[Detector], max_chars: int) -> None:
        self.findings: list[Finding] = []
        self.failures: list[Failure] = []
        self.at_work = "inspection"
        self._detectors = detectors
        self._max_chars = max_chars

    def at(self, job: Job) -> None:
        """Let every detector see every view of every text. What goes wrong is noted, and the others still look."""
        try:
            texts = tuple(self._texts(job))
        except Exception as exc:  # noqa: BLE001 - whatever it is, nobody has looked
            self.failures.append(Failure.of(self.at_work, exc))
            return
        for detector in self._detectors:
            self.at_work = detector.name
            try:
                for text in texts:
                    self.findings.extend(detector.find(text))
            except Exception as exc:  # noqa: BLE001 - a detector that fails in any way has not judged
                self.failures.append(Failure.of(detector.name, exc))

    def _texts(self, job: Job) -> Iterator[str]:
        if job.prompt is not None:
            self.failures.append(Failure(self.at_work, "prompt not resolved"))
        found = strings(job)
        if sum(map(len, found)) > self._max_chars:
            self.failures.append(Failure(self.at_work, "oversize"))
            return
        # All in one text, a line each: a field's name is context for its value, and one pass is the cheapest.
        for text in ("\n".join(found), *seams(job)):
            yield from views(text)


def _presidio() -> Detector:
    from router.signals.sensitivity.presidio import Presidio  # noqa: PLC0415 - two seconds of imports

    return Presidio()


def _secrets() -> Detector:
    from router.signals.sensitivity.secrets import Secrets  # noqa: PLC0415

    return Secrets()


def _cues() -> Detector:
    from router.signals.sensitivity.cues import Cues  # noqa: PLC0415

    return Cues()


DETECTORS: tuple[Callable[[], Detector], ...] = (_presidio, _secrets, _cues)
"""Who looks, in this order. A new detector is one more line."""
