"""The redactor: finds, replaces, and looks a second time. What then still shows keeps the job inside.

Whatever goes wrong here, the clear text leaves nowhere: a job that cannot be redacted is decided again, for the inside.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from router.redaction.leaves import Leaf, changed, inbound, outbound
from router.redaction.outcome import NotRedacted, Redaction
from router.redaction.passage import Cut, Passage
from router.redaction.regions import PHRASES, Region, regions
from router.redaction.search import Search
from router.redaction.second_look import Looks, Readings, SecondLook, stricter, without
from router.redaction.sheets import Sheet, sheets
from router.redaction.values import Values
from router.signals.sensitivity.detector import Span
from router.signals.sensitivity.levels import SHIPPED
from router.signals.sensitivity.lists import AS_SHIPPED, Rules
from tidegate.job import Job
from tidegate.redaction import Placeholders
from tidegate.signals import Level

ROUNDS = 3
"""First what makes a job sensitive is replaced; then all that was found; then what shows only after that."""


@dataclass(frozen=True, kw_only=True)
class Redactor:
    """Makes redacted copies. May be called from several threads."""

    inspector: Looks
    readings: Readings

    def redact(self, job: Job, *, rules: Rules = AS_SHIPPED) -> Redaction:
        """A copy that may leave. Raises NotRedacted, and nothing else."""
        try:
            return _Attempt(self, job, stricter(rules)).redaction()
        except NotRedacted:
            raise
        except Exception as exc:  # noqa: BLE001 - a bug, or a job that nobody thought of: the message may quote it
            raise NotRedacted(f"failed with {type(exc).__name__}") from None


class _Attempt:
    """One job on its way through the rounds."""

    def __init__(self, redactor: Redactor, job: Job, rules: Rules) -> None:
        if job.prompt is not None:
            raise NotRedacted("the prompt is not resolved")
        if any(message.images for message in job.turns()):
            raise NotRedacted("nobody can redact an image")
        self._redactor = redactor
        self._rules = rules
        self._tree = outbound(job)
        self._leaves = _leaves(self._tree)
        self._passages = [Passage.of(leaf.text, leaf.kind) for leaf in self._leaves]
        self._values = Values("\n".join(leaf.text for leaf in self._leaves))

    def redaction(self) -> Redaction:
        """Round by round, until nothing shows."""
        second = SecondLook(inspector=self._redactor.inspector, readings=self._redactor.readings, rules=self._rules)
        left: tuple[str, ...] = ()
        for number in range(ROUNDS):
            self._replace(self._found(everything=number > 0))
            left = second.left(self._blank(), values=self._values)
            if not left:
                return self._done()
        raise NotRedacted(f"{', '.join(left)} left")

    def _found(self, *, everything: bool) -> list[Region]:
        """What the detectors see in what is written now."""
        whole, seams = sheets(self._leaves, self._passages)
        found = [part for parts in self._on(whole, everything=everything) for part in parts]
        split = [
            part
            for parts in self._on(seams, everything=everything)
            if len(parts) > 1 and not _whole_already(parts, found)
            for part in parts
        ]
        return regions((*found, *split), self._passages, rank=self._rank)

    def _on(self, sheet: Sheet, *, everything: bool) -> Iterator[tuple[Region, ...]]:
        """What stands on a sheet, each with all its parts."""
        for span in self._spans(sheet.text):
            if everything or self._level(span.type) is not Level.PUBLIC:
                places = tuple(sheet.places(span.start, span.end))
                # A key that was found with its value is the label of it; alone it is itself what was found.
                told = [place for place in places if not self._leaves[place.passage].is_key] or places
                yield tuple(Region(place.passage, place.start, place.end, span.type) for place in told)

    def _spans(self, text: str) -> Iterator[Span]:
        """What stands in a text. A fact told in many words hides the name in it: so names are asked for apart."""
        if not text:
            return
        spans = self._seen(text, self._rules)
        yield from spans
        if any(span.type in PHRASES for span in spans):
            yield from self._seen(text, without(self._rules, PHRASES))

    def _seen(self, text: str, rules: Rules) -> tuple[Span, ...]:
        seen = self._redactor.inspector.places(text, rules=rules, gated=False)
        if seen.failures:
            raise NotRedacted("; ".join(map(str, seen.failures)))
        return seen.spans

    def _replace(self, found: Sequence[Region]) -> None:
        """Replace what was found, and the same values wherever else they stand."""
        blanks = [passage.blank for passage in self._passages]
        self._values.meet((one.type, blanks[one.passage][one.start : one.end]) for one in found)
        search = Search(self._values.searched())
        also = (Region(index, *hit) for index, text in enumerate(blanks) for hit in search.hits(text))
        cuts: dict[int, list[Cut]] = {}
        for one in regions((*found, *also), self._passages, rank=self._rank):
            name = self._values.name(one.type, blanks[one.passage][one.start : one.end])
            cuts.setdefault(one.passage, []).append(Cut(one.start, one.end, name))
        for index, its in cuts.items():
            self._passages[index] = self._passages[index].cut(its)

    def _blank(self) -> Job:
        """The copy as the second look sees it."""
        numbered = iter(range(len(self._passages)))
        return inbound(self._as(lambda passage: passage.told_apart(next(numbered))))

    def _done(self) -> Redaction:
        return Redaction(
            job=inbound(self._as(lambda passage: passage.written)),
            placeholders=Placeholders(values=dict(self._values.texts)),
            counts=self._values.counts,
        )

    def _as(self, form: Callable[[Passage], str]) -> dict[str, Any]:
        """The job's tree with its passages in one form."""
        left = iter(self._passages)
        return changed(self._tree, lambda _: form(next(left)))

    def _level(self, kind: str) -> Level:
        """What a type means: of what ships and what the policy says, the more guarded."""
        return max(SHIPPED.weight(kind).level, self._rules.table.weight(kind).level, key=lambda level: level.rank)

    def _rank(self, kind: str) -> int:
        return self._level(kind).rank


def _whole_already(parts: Iterable[Region], found: Sequence[Region]) -> bool:
    """Whether a value that seems to go on in the next turn was found whole in one: then the rest is another word."""
    return any(
        one.passage == part.passage and one.type == part.type and one.start <= part.start and one.end >= part.end
        for part in parts
        for one in found
    )


def _leaves(tree: dict[str, Any]) -> tuple[Leaf, ...]:
    found: list[Leaf] = []

    def visit(leaf: Leaf) -> str:
        found.append(leaf)
        return leaf.text

    changed(tree, visit)
    return tuple(found)
