"""Strings drawn by chance beside a word that says secret."""

import math
import re
from collections import Counter
from collections.abc import Iterator

import re2

from router.signals.sensitivity.detector import Span
from router.signals.sensitivity.views.view import View

HINT = "secret_random"
HINTS = {HINT: (r"[\w/+-]{20}",)}

RANDOM = re2.compile(r"[\w/+-]{20,400}={0,2}")
MAX_CHARS = 200
"""A longer run is data, and no secret that somebody wrote down: base64 is a view's business."""

CONTEXT = re.compile(
    r"(?i)key|token|secret|passw|pwd|credential|auth|session|cookie|bearer|signature|private|aws|azure|seed|otp",
    re.ASCII,
)
AFTER = re.compile(
    r"(?i)[\"'`]?,? (?:is|as|was|for) (?:\w{1,12} ){0,3}(?:key|token|secret|password|credential)", re.ASCII
)
CONTEXT_CHARS = 48
MIN_BITS = {"hex": 3.0, "base64": 4.0}
"""Shannon entropy a character from which a string looks random: English words stay under 3.5 of base64's 6 bits."""

MIN_CHARS = 20
PARTS = re.compile(r"[/_-]+")
WORDY = re.compile(r"[A-Za-z]?[a-z]{3,}|[A-Z]{4,}")
HASH = re.compile(
    r"(?i)(?:commit|blob|tree|sha-?\d*|md5|digest|checksum|revision|\brev|etag|integrity|fingerprint"
    r"|hash)\W{0,3}(?:is )?[a-z0-9]{0,6}[-:]?$",
    re.ASCII,
)
"""What a random string stands for in public."""

HEX = re.compile(r"[0-9a-fA-F]+")


def spans(view: View) -> Iterator[Span]:
    """Random strings beside a telling word."""
    if not view.may_hold(HINT):
        return
    for match in RANDOM.finditer(view.text):
        run = match[0]
        value = _longest(run) if len(run) <= MAX_CHARS else ""
        start = match.start() + run.find(value)
        if _is_random(value) and _is_called_secret(view.text, start, match.end()):
            yield Span("HIGH_ENTROPY_STRING", 0.6, start, start + len(value))


def _longest(run: str) -> str:
    """Its longest part that is no word: of `prod-key-9f8e…` the end, of `monthly_rain/2010` too little."""
    parts = PARTS.split(run)
    return max(parts, key=len) if any(map(WORDY.fullmatch, parts)) else run


def _is_called_secret(text: str, start: int, end: int) -> bool:
    if HASH.search(text, max(0, start - CONTEXT_CHARS), start):
        return False
    before = CONTEXT.search(text, max(0, start - CONTEXT_CHARS), start)
    return before is not None or AFTER.match(text, end, end + CONTEXT_CHARS) is not None


def _is_random(value: str) -> bool:
    if len(value) < MIN_CHARS or not any(map(str.isdigit, value)) or not any(map(str.isalpha, value)):
        return False
    counts = Counter(value)
    bits = -sum(n / len(value) * math.log2(n / len(value)) for n in counts.values())
    return bits >= MIN_BITS["hex" if HEX.fullmatch(value) else "base64"]
