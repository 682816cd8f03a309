"""The ledger's Lua: which files make which script, and how one is called, once or many times in one round trip."""

from collections.abc import Iterator, Mapping, Sequence
from importlib import resources
from typing import Any

from redis import exceptions

from tidegate.connections import StoreClient
from tidegate.ledger.faults import store_errors

_LIMITS = ("limits.lua", "hold.lua", "adapt.lua")
_GATE = ("budget.lua", "costs.lua", *_LIMITS, "breaker.lua", "balance.lua", "gate.lua")
_MOVING = ("journal.lua", "admission.lua", "order.lua", "company.lua", *_GATE, "flight.lua", "transition.lua")

_PARTS: Mapping[str, tuple[str, ...]] = {
    "accept": ("journal.lua", "admission.lua", "order.lua", "accept.lua"),
    "apply": (*_MOVING, "apply.lua"),
    "take": (*_MOVING, "passing.lua", "batching.lua", "take.lua"),
    "hedge": ("order.lua", *_GATE, "hedge.lua"),
    "opening": ("order.lua", "limits.lua", "adapt.lua", "breaker.lua", "opening.lua"),
    "retry": ("order.lua", "limits.lua", "retry.lua"),
    "batch_sweep": (*_MOVING, "batching.lua", "batch_sweep.lua"),
    "batch_form": (*_MOVING, "batch_form.lua"),
    "flight_end": (*_MOVING, "flight_end.lua"),
    "batch_step": ("batch_step.lua",),
    "batch_twice": ("order.lua", *_GATE, "batch_twice.lua"),
    "batch_turn": ("batch_turn.lua",),
    "batch_settle": ("order.lua", *_GATE, "batch_settle.lua"),
    "collect": ("order.lua", "collect.lua"),
    "alone": ("order.lua", "company.lua", "alone.lua"),
    "overdue": ("order.lua", "overdue.lua"),
    "forget": ("journal.lua", "forget.lua"),
    "annotate": ("annotate.lua",),
}

Call = tuple[Sequence[str], Sequence[Any]]
"""A script's keys and arguments."""


class Scripts:
    """Each call happens whole or not at all. Raises StoreUnavailable, StorageFull."""

    def __init__(self, client: StoreClient) -> None:
        self._client = client
        self._scripts = {name: client.register_script("\n".join(map(lua_of, parts))) for name, parts in _PARTS.items()}

    def run(self, name: str, *, keys: Sequence[str] = (), args: Sequence[Any]) -> Any:
        """Call one."""
        with store_errors():
            return self._scripts[name](keys=keys, args=args)

    def run_all(self, name: str, calls: Sequence[Call]) -> list[Any]:
        """Call it many times in one round trip: each by itself, in this order."""
        with store_errors():
            answers = self._sent(name, calls)
            unknown = [index for index, answer in enumerate(answers) if isinstance(answer, exceptions.NoScriptError)]
            if unknown:  # a store that was started anew knows no script
                self._client.script_load(self._scripts[name].script)
                again = self._sent(name, [calls[index] for index in unknown])
                for index, answer in zip(unknown, again, strict=True):
                    answers[index] = answer
            for answer in answers:
                if isinstance(answer, Exception):
                    raise answer
        return answers

    def wait(self, bell: str, *, within_s: float) -> bool:
        """Until a script rings this bell, or for as long; whether it rang."""
        with store_errors():
            return self._client.blpop([bell], timeout=within_s) is not None

    def _sent(self, name: str, calls: Sequence[Call]) -> list[Any]:
        sha = self._scripts[name].sha
        with self._client.pipeline(transaction=False) as pipe:
            for keys, args in calls:
                pipe.evalsha(sha, len(keys), *keys, *args)
            found: list[Any] = pipe.execute(raise_on_error=False)
        return found


def journalled(script: str) -> str:
    """A script with the journal's function before it: what it moves goes into the audit log in the same step."""
    return lua_of("journal.lua") + script


def flat(fields: Mapping[str, Any]) -> Iterator[str]:
    """Fields and values in turn."""
    for key, value in fields.items():
        yield key
        yield str(value)


def or_empty(value: float | None) -> str:
    """A number as the scripts read it; '' for none."""
    return "" if value is None else repr(value)


def lua_of(name: str) -> str:
    """One file's text."""
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")
