"""What the tests of `sensitivity:` share: a policy that says it, and what findings mean by that policy."""

from pathlib import Path

from router.policy.loader import load_policy
from router.policy.model import Policy
from router.signals.sensitivity.levels import judge
from tidegate.signals import Finding, Level

REST = """\
lanes:
  near: {zone: inside, backend: llama_cpp, model: tiny, context_tokens: 1024}
  far: {zone: outside, backend: openai, model: gpt-4o-mini, context_tokens: 8000}
rules:
  - {name: out, when: {sensitivity: [public, internal]}, send: far, why: w}
default: {send: near, why: d}
"""


def write(folder: Path, said: str, *, name: str = "main") -> Path:
    """A policy that says this about sensitivity, in lines that stand under the key."""
    path = folder / f"{name}.yaml"
    body = "".join(f"  {line}\n" for line in said.splitlines())
    path.write_text(f"version: 1\nsensitivity:\n{body}{REST}")
    return path


def loaded(folder: Path, said: str) -> Policy:
    """The policy."""
    return load_policy(write(folder, said))


def level(rules: Policy, *types: str, score: float = 1.0) -> Level:
    """What these findings mean by a policy."""
    found = [Finding(type=name, score=score, detector="t") for name in types]
    return judge(found, table=rules.sensitivity.table).level
