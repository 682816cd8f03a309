"""The detectors, opened for commands that were given a text: as the router opens them, with the prompts."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from router.policy.cases.given import Inspect
from router.prompts import read_prompts, resolve
from tidegate.settings import load


@contextmanager
def detectors(policy: Path) -> Iterator[Inspect]:
    """Inspects jobs, with the prompts beside the policy filled in. Takes seconds to open."""
    from router.inspection import open_inspector  # noqa: PLC0415 -- detectors take seconds to import

    prompts = read_prompts(policy.with_name("prompts.yaml"))
    with closing(open_inspector(load())) as inspector:
        yield lambda job: inspector.inspect(resolve(job, prompts))
