"""The policy of a run: lanes that do nothing for volume, a real engine, and one lane outside.

What a job says of itself (`task`) chooses the lane; a sensitive job says what a job for the outside says.
"""

import shutil
from pathlib import Path

LANES = ("bulk", "pause", "guarded")
"""The lanes of the two ordinary workers inside; `tiny` and `api` have workers of their own."""

_TEXT = """\
version: 1
name: chaos-{number}
include: sensitivity.yaml
lanes:
  bulk: {{zone: inside, backend: noop, model: noop, context_tokens: 100000, concurrency: 4}}
  pause: {{zone: inside, backend: noop, model: noop-400ms, context_tokens: 100000, concurrency: 8}}
  guarded: {{zone: inside, backend: noop, model: noop-100ms, context_tokens: 100000, concurrency: 2}}
  tiny: {{zone: inside, backend: llama_cpp, model: tidegate-tiny, context_tokens: 1024, concurrency: 4}}
  api:
    zone: outside
    backend: openai
    model: gpt-4o-mini
    context_tokens: 100000
    concurrency: 4
    timeout_s: 10
    retry: {{attempts: 20, base_s: 0.2, cap_s: 2}}
budgets:
  # More than any run spends: what is held and settled must add up, whatever is killed in between.
  spending: {{usd: 100000, per: month}}
  each: {{each: tenant, tokens: 1000000000, per: day}}
rules:
  - name: poison-and-tiny
    when: {{task: tiny}}
    send: tiny
    why: The real engine takes part.
  - name: paused
    when: {{task: pause}}
    send: pause
    why: Runs that take a while are the ones that are caught in the middle.
  - name: sensitive-is-guarded
    when: {{sensitivity: {{at_least: personal}}}}
    send: guarded
    why: Sensitive jobs say `task outside` as well, and only this keeps them inside.
  - name: wanted-outside
    when: {{task: outside}}
    send: [api, guarded]
    why: Calls of a provider.
default:
  send: bulk
  why: Volume.
guarantees:
  - name: clean-answers
    answers: {{at_most: internal}}
    why: What comes back from outside goes through a router, which may be killed over it.
"""


def write(folder: Path, *, home: Path, number: int = 0) -> Path:
    """One of the run's policies, which differ by name alone. Returns its file."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(home / "policies" / "sensitivity.yaml", folder / "sensitivity.yaml")
    file = folder / f"chaos-{number}.yaml"
    file.write_text(_TEXT.format(number=number))
    return file
