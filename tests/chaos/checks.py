"""The invariants: what must hold after every run, as pure functions from the evidence to what breaks them."""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping

from chaos.evidence import Evidence, Found
from chaos.jobs import SENSITIVE
from tidegate.ledger.states import ALLOWED, ENDS, State

Check = Callable[[Evidence], Iterator[str]]

_ENDS = {state.value for state in ENDS}

_AUDITED = ("accepted", "claimed", "succeeded", "dead")
"""The moves that are held against the audit log."""

_HOLD_ENDED = ("dead", "decisions", "audit", "recorded")
"""Words of index names that may hold jobs that have ended."""


def lost(evidence: Evidence) -> Iterator[str]:
    """Accepted jobs that are on no record."""
    yield from evidence.accepted.keys() - evidence.found.keys()


def stranded(evidence: Evidence) -> Iterator[str]:
    """Jobs that have not ended."""
    for job_id, found in evidence.found.items():
        if found.state not in _ENDS:
            yield f"{job_id} ({found.state})"


def finished_twice(evidence: Evidence) -> Iterator[str]:
    """Jobs that ended more than once, with no redrive in between."""
    for job_id, found in evidence.found.items():
        ends = sum(event["state"] in _ENDS for event in found.moves)
        if ends > 1 + found.count("redriven"):
            yield job_id


def overwritten(evidence: Evidence) -> Iterator[str]:
    """Jobs whose end, or whose result, is not the one that a producer saw before."""
    for job_id, end in evidence.seen.items():
        found = evidence.found.get(job_id)
        if found and not found.count("redriven") and (found.state, found.fields.get("result")) != end:
            yield f"{job_id}: {end[0]} became {found.state}"


def sensitive_outside(evidence: Evidence) -> Iterator[str]:
    """Sensitive jobs that a provider received, or that were placed outside."""
    for job_id, accepted in evidence.accepted.items():
        if accepted.kind != SENSITIVE:
            continue
        found = evidence.found.get(job_id)
        went = accepted.marker in evidence.outside_markers or job_id in evidence.calls
        if went or (found and (found.fields.get("zone") == "outside" or "outside" in found.fields)):
            yield job_id


def unlawful(evidence: Evidence) -> Iterator[str]:
    """Histories that break the table of states, or in which two runs held a lease at once."""
    for job_id, found in evidence.found.items():
        if why := _broken_law(found):
            yield f"{job_id}: {why}"


def bare_letters(evidence: Evidence) -> Iterator[str]:
    """Dead letters without a reason or without their payload."""
    for job_id, found in evidence.found.items():
        if found.state == State.DEAD and not (
            found.fields.get("reason") and found.fields.get("payload") in evidence.slots
        ):
            yield job_id


def no_result(evidence: Evidence) -> Iterator[str]:
    """Succeeded jobs whose result is not there."""
    for job_id, found in evidence.found.items():
        if found.state == State.SUCCEEDED and found.fields.get("result") not in evidence.slots:
            yield job_id


def stale_indexes(evidence: Evidence) -> Iterator[str]:
    """Indexes and counts that disagree with the records."""
    ended = {job_id for job_id, found in evidence.found.items() if found.state in _ENDS}
    for key, members in evidence.indexes.items():
        if (stale := members & ended) and not any(word in key for word in _HOLD_ENDED):
            yield f"{key}: {len(stale)} ended jobs"
    dead = {job_id for job_id, found in evidence.found.items() if found.state == State.DEAD}
    if (listed := evidence.indexes.get("tg:dead", set())) != dead:
        yield f"tg:dead: {len(listed)} listed, {len(dead)} dead"
    counted = Counter(found.state for found in evidence.found.values() if found.state in _ENDS)
    told = {state: count for state, count in evidence.ended.items() if count}
    if told != dict(counted):
        yield f"tg:ended: {told}, and there are {dict(counted)}"


def endless(evidence: Evidence) -> Iterator[str]:
    """Texts and records of ended jobs that nothing would ever remove."""
    yield from (key for key in evidence.endless if not key.startswith("tg:job:") or _ended(evidence, key))


def unkeyed_calls(evidence: Evidence) -> Iterator[str]:
    """Calls of a provider that carry no accepted job's id as idempotency key."""
    yield from (key or "(none)" for key in evidence.calls if key not in evidence.accepted)


def forked(evidence: Evidence) -> Iterator[str]:
    """Submits with one idempotency key that made two jobs, and submits that were refused."""
    yield from (json.dumps(note) for note in evidence.notes if "forked" in note or "refused" in note)


def poison_alive(evidence: Evidence) -> Iterator[str]:
    """Jobs that killed two engines and are no dead letter for it."""
    for note in evidence.notes:
        found = evidence.found.get(note.get("poisoned", ""))
        if found and note["kills"] > 1 and found.fields.get("reason") != "poison":
            yield f"{note['poisoned']} ({found.state})"


def unaudited(evidence: Evidence) -> Iterator[str]:
    """Moves that the audit log misses or tells twice, and what is wrong with the log itself."""
    yield from evidence.audit_findings
    for job_id, found in evidence.found.items():
        for move in _AUDITED:
            if (told := evidence.audited[job_id, move]) != (done := found.count(move)):
                yield f"{job_id}: {move} {done} times, and {told} times in the audit log"


def unbalanced(evidence: Evidence) -> Iterator[str]:
    """Budgets on which something is held after the end, or whose sum is not that of the runs on record."""
    for key, account in evidence.accounts.items():
        yield from (
            f"{key}: {name} {value}" for name, value in account.items() if name.endswith("_held") and value != "0"
        )
    booked = Counter[str]()
    for key, account in evidence.accounts.items():
        booked[key.split(":")[2]] += sum(int(value) for name, value in account.items() if name.endswith(":usd"))
    spent = sum(int(found.fields.get("spent_nano", "0")) for found in evidence.found.values())
    yield from (f"{budget}: {nano} booked, {spent} on record" for budget, nano in booked.items() if nano != spent)


CHECKS: Mapping[str, Check] = {
    check.__name__: check
    for check in (
        lost,
        stranded,
        finished_twice,
        sensitive_outside,
        overwritten,
        unlawful,
        bare_letters,
        no_result,
        stale_indexes,
        endless,
        unkeyed_calls,
        forked,
        poison_alive,
        unaudited,
        unbalanced,
    )
}
"""Every invariant by the name that the report gives it."""


def doubled_calls(evidence: Evidence) -> int:
    """Calls of a provider beyond the first of a job that no retry on record accounts for."""
    doubled = 0
    for job_id, calls in evidence.calls.items():
        if found := evidence.found.get(job_id):
            doubled += max(0, calls - 1 - found.count("retry_later", "next_lane"))
    return doubled


def _broken_law(found: Found) -> str | None:
    """Walk a history from its first line."""
    state, fence, rev = State.ACCEPTED, 0, 0
    for number, event in enumerate(found.moves):
        to = State(event["state"])
        if number and to not in ALLOWED[state] and not (to is state and state is State.RUNNING):
            return f"{state} to {to}"
        if event["rev"] <= rev:
            return f"revision {event['rev']} after {rev}"
        if event["move"] == "claimed" and event["fence"] != fence + 1:
            return f"fence {event['fence']} after {fence}"
        if event["move"] != "claimed" and event["fence"] != fence:
            return f"{event['move']} by fence {event['fence']}, not {fence}"
        state, fence, rev = to, event["fence"], event["rev"]
    return None if state == found.state else f"the history ends {state}, the record is {found.state}"


def _ended(evidence: Evidence, key: str) -> bool:
    job_id = key.removeprefix("tg:job:").removesuffix(":history")
    return job_id in evidence.found and evidence.found[job_id].state in _ENDS
