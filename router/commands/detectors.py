"""The detectors, opened for commands that were given a text: as the router opens them, with the prompts."""

from __future__ import annotations

from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from router.policy.loader import load_policy
from router.prompts import Prompts, read_prompts, resolve
from router.signals.sensitivity.lists import Rules
from tidegate.settings import load

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router.inspection import Inspector
    from router.redaction.outcome import Redaction
    from tidegate.job import Job
    from tidegate.signals import Signals


@dataclass(frozen=True)
class Detectors:
    """Inspects jobs by the policy's own rules, with the prompts beside it filled in."""

    inspector: Inspector
    prompts: Prompts
    rules: Rules

    def __call__(self, job: Job) -> Signals:
        """The signals of a job."""
        return self.inspector.inspect(resolve(job, self.prompts), rules=self.rules)

    def redact(self, job: Job, *, rules: Rules) -> Redaction:
        """The copy that would leave. Raises NotRedacted."""
        from router.redaction.redactor import Redactor  # noqa: PLC0415 -- of no use to the other commands
        from router.signals.sensitivity.views import views  # noqa: PLC0415

        redactor = Redactor(inspector=self.inspector, readings=views)
        return redactor.redact(resolve(job, self.prompts), rules=rules)


@contextmanager
def detectors(policy: Path) -> Iterator[Detectors]:
    """The detectors for a policy. Takes seconds to open."""
    from router.inspection import open_inspector  # noqa: PLC0415 -- detectors take seconds to import

    rules = load_policy(policy).sensitivity
    prompts = read_prompts(policy.with_name("prompts.yaml"))
    with closing(open_inspector(load())) as inspector:
        yield Detectors(inspector, prompts, rules)
