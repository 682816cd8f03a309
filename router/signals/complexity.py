"""Complexity: how hard a job looks, from what its text says about itself. Pure, no model, well under a millisecond.

"Simple" needs positive evidence: a task that small models do well, in an instruction. Where nothing tells, the band is
`unknown`, since a lack of evidence is what hard questions and easy ones have in common.

Weights are set by hand, with public scores of nine models over 5,898 questions in view, so these are no held-out
numbers (`benchmarks/complexity.py`). "The 7B model fails" is told with an AUC of .70, by length alone with .60; "it
fails and the 51B model does not" with .67, by length with .59. Most of that is code: without the questions that ask for
code it is .65 against .61, and .60 against .63, where length alone does better.
"""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from tidegate.job import Message, Params
from tidegate.signals import Band, Complexity

MAX_CHARS = 20_000
"""Evidence is looked for at the start and the end, where instructions stand; length counts in full."""


class Evidence(NamedTuple):
    """One thing that can be told from a text: how much it weighs, and how strongly it is there, 0 to 1."""

    weight: float
    strength: Callable[[str], float]


def _share(pattern: str, *, full: int) -> Callable[[str], float]:
    """How many times a pattern is there, as a share of `full`."""
    compiled = re.compile(pattern)
    return lambda text: min(sum(1 for _ in compiled.finditer(text)), full) / full


SIMPLE: Mapping[str, Evidence] = {
    "simple_task": Evidence(
        -0.30,
        _share(
            r"(?im)(?:^|[.:!?]\s{1,3}|\bplease |\byour task is to |\byou will |\b(?:can|could) you )"
            r"(?:classify|categori[sz]e|label|tag|extract|translate|capitali[sz]e|spell-?check|proofread|rephrase"
            r"|paraphrase|reformat|normali[sz]e|transcribe|summari[sz]e)\b"
            r"|\b(?:fix|correct) (?:the |any |all )?(?:grammar|spelling|typos?)\b"
            r"|\b(?:in|to) (?:all )?(?:upper|lower)[- ]?case\b|^(?:upper|lower)-?case\b"
            r"|\b(?:what is|determine|detect|identify) the (?:sentiment|language|tone)\b"
            r"|\bin (?:one|a single) (?:sentence|word)\b",
            full=1,
        ),
    ),
    "closed_answer": Evidence(
        -0.25,
        _share(
            r"(?i)\b(?:yes or no|yes/no|true or false|one word|positive,? (?:negative|or)"
            r"|(?:answer|reply|respond)(?: only)? with (?:only |just )?(?:one|a single|the|yes)"
            r"|only the (?:label|category|name|number|answer)"
            r"|(?:into|as|is|pick|choose|select) (?:exactly )?one of(?: the following| these)?)\b",
            full=1,
        ),
    ),
}
"""What small models do well. Only these make a job simple."""

HARD: Mapping[str, Evidence] = {
    "hard_task": Evidence(
        0.50,
        _share(
            r"(?i)\b(?:prove|proof|derive|design|architect|refactor|implement|debug|optimi[sz]e|compare|contrast"
            r"|analy[sz]e|evaluate|critique|justify|trade-?offs?|strateg(?:y|ies)|roadmap|migrat(?:e|ion)|root cause"
            r"|step[- ]by[- ]step|in detail|essay|research|simulate|concurren(?:t|cy)|threat model)\b",
            full=2,
        ),
    ),
    "maths": Evidence(
        0.25,
        _share(
            r"\\(?:frac|sqrt|sum|int|begin|left|mathbf|sin|cos|cdot|leq?|geq?|pi|theta|angle)|\$[^$\n]{1,80}\$"
            r"|[∑∫√≤≥∂∞≈]|\b\w\^\w|(?i:\b(?:equation|integral|polynomial|theorem|probability|modulo|remainder"
            r"|triangle|matrix|derivative|eigenvalue|prime|integers?)\b)",
            full=3,
        ),
    ),
    "reckoning": Evidence(
        0.20,
        _share(
            r"(?i)\bhow (?:many|much|long|far|old)\b|\b(?:total|twice|half|times as|percent|altogether|average|profit"
            r"|remaining|cost|per (?:hour|day|week|month))\b|\d%",
            full=3,
        ),
    ),
    "numbers": Evidence(0.10, _share(r"(?<![\w.])\d+(?:[.,]\d+)?(?![\w.])", full=8)),
    "writes_code": Evidence(
        0.35,
        _share(
            r"(?i)\b(?:write|implement|create|complete|build|develop) (?:me )?(?:an? |the )?(?:[\w-]{1,20} ){0,3}"
            r"(?:function|program|script|class|query|method|module|endpoint|parser|service|app)\b|\bdef \w+\(",
            full=1,
        ),
    ),
    "code": Evidence(
        0.15,
        _share(
            r"(?m)```|^\s{0,12}(?:class|import|from \w+ import|public|const|let|var|#include|SELECT|fn)\b|[{};]$|=>"
            r"|\b(?:algorithm|regex|API|SQL|mutex)\b",
            full=3,
        ),
    ),
    "specialist": Evidence(
        0.15,
        _share(
            r"(?i)\b(?:quantum|reagents?|nmr|enthalpy|hamiltonian|stoichiomet\w+|molar|catalyst|thermodynamic\w*"
            r"|isotop\w+|wavelength|perturbation|entropy|plaintiff|defendant|jurisdiction|liability|statute|tort"
            r"|contract law|pathophysiology|differential diagnosis|genome|allele|enzyme|econometric\w*|bayesian)\b",
            full=2,
        ),
    ),
    "constraints": Evidence(
        0.20,
        _share(
            r"(?im)\b(?:must|should|at least|at most|exactly|no more than|no fewer than|without|ensure|do not|don't"
            r"|never|unless|constraints?|requirements?|assum(?:e|ing)|given that|such that|if and only if"
            r"|immediately (?:left|right)|somewhere between)\b|^\s{0,8}(?:[-*]|\d{1,2}[.)])\s",
            full=6,
        ),
    ),
    "why": Evidence(
        0.05,
        _share(r"(?i)\b(?:why|how (?:do|does|would|could|can|should)|explain|what (?:if|would happen))\b", full=2),
    ),
}
"""What makes small models fail."""

SHORT_CHARS, LONG_CHARS = 100, 6_000
LENGTH_WEIGHT = 0.15
SCHEMA_WEIGHT = 0.10
TURNS_WEIGHT = 0.10
MAX_DEPTH = 8
BASE = 0.35
"""Where the score starts: between the bands, so that it takes evidence to get to either end."""

SIMPLE_BELOW = 0.30
COMPLEX_FROM = 0.60


def measure(turns: Sequence[Message], params: Params) -> Complexity:
    """The band, the score and the evidence that there was, by name."""
    text = _instructions(turns)
    told = {name: round(evidence.strength(text), 3) for name, evidence in {**SIMPLE, **HARD}.items()} | _shape(
        turns, params
    )
    evidence = {name: strength for name, strength in told.items() if strength}
    if not any(name in SIMPLE or name in HARD for name in evidence) and evidence.get("length", 0) < 1:
        return Complexity(band=Band.UNKNOWN, evidence=evidence)
    score = min(1.0, max(0.0, BASE + sum(WEIGHTS[name] * strength for name, strength in evidence.items())))
    return Complexity(band=_band(score, evidence), score=round(score, 3), evidence=evidence)


def _band(score: float, evidence: Mapping[str, float]) -> Band:
    if score >= COMPLEX_FROM:
        return Band.COMPLEX
    return Band.SIMPLE if score < SIMPLE_BELOW and any(name in SIMPLE for name in evidence) else Band.MODERATE


def _shape(turns: Sequence[Message], params: Params) -> dict[str, float]:
    """What is told by the form alone: length from a hundred characters to six thousand, schema, turns."""
    chars = sum(len(turn.text) for turn in turns)
    length = math.log(max(chars, SHORT_CHARS) / SHORT_CHARS) / math.log(LONG_CHARS / SHORT_CHARS)
    schema = params.response_format.json_schema if params.response_format else None
    return {
        "length": round(min(1.0, length), 3),
        "schema_depth": _depth(schema.schema_) / MAX_DEPTH if schema else 0.0,
        "turns": min(max(0, sum(turn.role == "user" for turn in turns) - 1), 8) / 8,
    }


def _instructions(turns: Sequence[Message]) -> str:
    text = "\n".join(turn.text for turn in turns if turn.role != "assistant")
    return text if len(text) <= MAX_CHARS else f"{text[: MAX_CHARS // 2]}\n{text[-MAX_CHARS // 2 :]}"


def _depth(value: Any, left: int = MAX_DEPTH) -> int:
    """How deep objects are nested; what is deeper than counts is not walked."""
    if not left or not isinstance(value, dict | list | tuple):
        return 0
    inner = value.values() if isinstance(value, dict) else value
    return isinstance(value, dict) + max((_depth(each, left - 1) for each in inner), default=0)


WEIGHTS: Mapping[str, float] = {
    **{name: evidence.weight for name, evidence in {**SIMPLE, **HARD}.items()},
    "length": LENGTH_WEIGHT,
    "schema_depth": SCHEMA_WEIGHT,
    "turns": TURNS_WEIGHT,
}
