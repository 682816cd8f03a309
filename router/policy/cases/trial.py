"""Trials: each case held against the policy; what differs is told with its place. Reads files, prints nothing."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from router.policy.cases.given import Inspect
from router.policy.cases.model import Case, CasesFile, CasesPart, Expect
from router.policy.engine import FAIL_CLOSED_RULE, decide
from router.policy.loader import load_policy
from router.policy.model import Policy
from tidegate.decision import Decision
from tidegate.documents import Document, in_order, read
from tidegate.errors import InvalidDocument
from tidegate.expectations import did_you_mean
from tidegate.job import Job
from tidegate.signals import Signals

SUFFIX = ".tests.yaml"
"""Of the files of cases beside a policy."""

OpenInspector = Callable[[Path], AbstractContextManager[Inspect]]
"""Opens the detectors for the policy at a path: called only where a case gives a text, since that takes seconds."""


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One case, and what came of it."""

    case: Case
    place: str
    """`file:line:col` of the case."""
    decision: Decision | None
    """None where nothing could be decided: the problems say why."""
    problems: tuple[str, ...]
    """What differs, each with its place: `file:line:col: message`."""

    @property
    def passed(self) -> bool:
        """Whether the policy did as written."""
        return not self.problems


@dataclass(frozen=True, kw_only=True)
class Trials:
    """The cases of one policy, tried."""

    path: Path
    policy: Policy
    trials: tuple[Trial, ...]

    @property
    def passed(self) -> bool:
        """Whether the policy did as written in each case."""
        return all(trial.passed for trial in self.trials)

    @property
    def problems(self) -> tuple[str, ...]:
        """All that differs, with places."""
        return tuple(problem for trial in self.trials for problem in trial.problems)

    @property
    def rules(self) -> Mapping[str, int]:
        """How many cases each rule decided; the default is the last."""
        decided = Counter(decision.rule for decision in self._decisions())
        return {rule.name: decided[rule.name] for rule in (*self.policy.rules, self.policy.default)}

    @property
    def lanes(self) -> Mapping[str, int]:
        """How many cases each lane came first in."""
        chosen = Counter(decision.lanes[0] for decision in self._decisions() if decision.lanes)
        return {lane: chosen[lane] for lane in self.policy.lanes}

    def _decisions(self) -> Iterator[Decision]:
        return (trial.decision for trial in self.trials if trial.decision is not None)


def try_policy(path: Path, *, open_inspector: OpenInspector) -> Trials:
    """Try every case of a policy, or of one file of cases. Raises InvalidDocument with every error."""
    policy_path = _policy_of(path)
    policy, cases = _loaded(policy_path, _documents(path))
    with ExitStack() as stack:
        inspect = _lazily(lambda: stack.enter_context(open_inspector(policy_path)))
        trials = tuple(_try(case, index, document, policy, inspect) for case, index, document in cases)
    return Trials(path=policy_path, policy=policy, trials=trials)


def files_of(path: Path) -> tuple[Path, ...]:
    """The files that hold the cases of a policy: itself and those beside it; or the one file of cases."""
    if path.name.endswith(SUFFIX):
        return (path,)
    beside = (path.with_name(f"{path.stem}{SUFFIX}"), *sorted(path.parent.glob(f"{path.stem}.*{SUFFIX}")))
    return (path, *(file for file in beside if file.is_file()))


def cases_of(path: Path) -> tuple[Case, ...]:
    """Every case of a policy, or of one file of cases. Raises InvalidDocument with every error."""
    return tuple(case for case, _, _ in _cases(_documents(path)))


def _documents(path: Path) -> tuple[Document, ...]:
    return tuple(read(file) for file in files_of(path))


def _policy_of(path: Path) -> Path:
    if not path.name.endswith(SUFFIX):
        return path
    named = read(path).tree.get("policy")
    return path.parent / (named if isinstance(named, str) else f"{path.name.removesuffix(SUFFIX)}.yaml")


Placed = tuple[Case, int, Document]
"""A case, its number, and the file that holds it."""


def _loaded(path: Path, documents: tuple[Document, ...]) -> tuple[Policy, tuple[Placed, ...]]:
    """The policy and the cases of all files, or all their errors at once."""
    problems: list[str] = []
    policy: Policy | None = None
    cases: tuple[Placed, ...] = ()
    try:
        policy = load_policy(path)
    except InvalidDocument as exc:
        problems += exc.problems
    try:
        cases = tuple(_cases(documents))
    except InvalidDocument as exc:
        problems += exc.problems
    if policy is None or problems:
        raise InvalidDocument(tuple(dict.fromkeys(problems)))
    return policy, cases


def _cases(documents: Iterable[Document]) -> Iterator[Placed]:
    """The cases of all files, or all their errors at once."""
    problems: list[str] = []
    found: list[Placed] = []
    for document in documents:
        model: type[CasesFile | CasesPart] = CasesFile if document.name.endswith(SUFFIX) else CasesPart
        part, wrong = document.attempt(model)
        problems += in_order(wrong)
        found += [(case, index, document) for index, case in enumerate(part.tests if part else ())]
    if problems:
        raise InvalidDocument(tuple(problems))
    yield from found


def _try(case: Case, index: int, document: Document, policy: Policy, inspect: Inspect) -> Trial:
    here = ("tests", index)
    line, column = document.places[here].name

    def expected(found: Iterable[tuple[str, str]]) -> tuple[str, ...]:
        return tuple(document.at((*here, "expect", field), message, value=True) for field, message in found)

    def told(decision: Decision | None, problems: tuple[str, ...]) -> Trial:
        return Trial(case=case, place=f"{document.name}:{line}:{column}", decision=decision, problems=problems)

    try:
        decision = decide(policy, case.given.signals(inspect, table=policy.sensitivity.table))
    except Exception as exc:  # noqa: BLE001 -- a detector may fail in any way: this case has failed, the others go on
        return told(None, (document.at((*here, "given"), f"could not be inspected: {type(exc).__name__}"),))
    return told(decision, expected(_misnamed(case.expect, policy)) or expected(_differences(case.expect, decision)))


def _misnamed(expect: Expect, policy: Policy) -> Iterator[tuple[str, str]]:
    """A case that names what is not there would fail for ever and say nothing."""
    rules = (FAIL_CLOSED_RULE, *(rule.name for rule in (*policy.rules, policy.default)))
    named: tuple[tuple[str, Iterable[str], Collection[str]], ...] = (
        ("rule", (expect.rule,) if expect.rule else (), rules),
        ("lane", (expect.lane,) if expect.lane else (), policy.lanes),
        ("lanes", expect.lanes or (), policy.lanes),
        ("shadow", (expect.shadow,) if expect.shadow else (), policy.lanes),
    )
    for field, names, known in named:
        for name in names:
            if name not in known:
                yield field, f"no such {field.removesuffix('s')}{did_you_mean(name, known)}"


def _differences(expect: Expect, decision: Decision) -> Iterator[tuple[str, str]]:
    got = outcome(decision)
    for field in expect.model_fields_set:
        wanted = expect.model_dump(mode="json")[field]
        if wanted != got[field]:
            yield field, f"expected {_said(field, wanted)}, got {_said(field, got[field])}"


def outcome(decision: Decision) -> dict[str, Any]:
    """What a case may expect, of a decision."""
    return {
        "lane": decision.lanes[0] if decision.lanes else None,
        "lanes": list(decision.lanes),
        "rule": decision.rule,
        "zone": decision.zone.value,
        "shadow": getattr(decision, "shadow", None),
        "redacted": decision.redacted,
        "regions": None if decision.regions is None else list(decision.regions),
        "answers_at_most": decision.answers_at_most,
    }


def _said(field: str, value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(value) or f"no {field.removesuffix('s')}"
    return "none" if value is None else str(value)


def _lazily(make: Callable[[], Inspect]) -> Inspect:
    """Opens the detectors for the first text that there is to inspect."""
    opened = cache(make)

    def inspect(job: Job) -> Signals:
        return opened()(job)

    return inspect
