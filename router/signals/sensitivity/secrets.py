"""Secrets: cloud keys, tokens, private keys, JWTs, connection strings, passwords in assignments, random strings.

An own table. detect-secrets was judged: it is made to audit repositories, scans files line by line and keeps its
settings in process-wide globals, while a router scans texts in several threads. Every pattern takes linear time: fixed
openings, bounded repeats, none nested.
"""

import math
import re
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from tidegate.signals import Finding


class Secret(NamedTuple):
    """A kind of secret: a text that holds none of the openings is not searched."""

    type: str
    openings: tuple[str, ...]
    pattern: re.Pattern[str]
    score: float = 0.9


SECRETS: tuple[Secret, ...] = (
    Secret("PRIVATE_KEY", ("PRIVATE KEY",), re.compile(r"-----BEGIN [A-Z0-9 ]{0,30}PRIVATE KEY")),
    Secret("PRIVATE_KEY", ("PuTTY-User-Key",), re.compile(r"PuTTY-User-Key-File-\d")),
    Secret("PRIVATE_KEY", ("AGE-SECRET-KEY-",), re.compile(r"AGE-SECRET-KEY-1[0-9A-Z]{20,80}")),
    Secret("JWT", ("eyJ",), re.compile(r"eyJ[\w-]{8,4000}\.eyJ[\w-]{4,4000}(?:\.[\w-]{0,4000})?")),
    Secret(
        "API_KEY", ("AKIA", "ASIA", "AGPA", "AROA"), re.compile(r"(?<![A-Z0-9])(?:AKIA|ASIA|AGPA|AROA)[A-Z0-9]{16}")
    ),
    Secret("API_KEY", ("AIza",), re.compile(r"AIza[\w-]{30,45}")),
    Secret("API_KEY", ("ya29.",), re.compile(r"ya29\.[\w-]{20}")),
    Secret("API_KEY", ("GOCSPX-",), re.compile(r"GOCSPX-[\w-]{20}")),
    Secret("API_KEY", ("ghp_", "gho_", "ghu_", "ghs_", "ghr_"), re.compile(r"gh[pousr]_[A-Za-z0-9]{20}")),
    Secret("API_KEY", ("github_pat_",), re.compile(r"github_pat_\w{20}")),
    Secret("API_KEY", ("glpat-", "gldt-", "glrt-"), re.compile(r"gl(?:pat|dt|rt)-[\w-]{16}")),
    Secret("API_KEY", ("xox",), re.compile(r"xox[abeoprs]-[A-Za-z0-9-]{10}")),
    Secret("API_KEY", ("hooks.slack.com",), re.compile(r"hooks\.slack\.com/services/T\w{6,12}/B\w{6,12}/\w{16}")),
    Secret("API_KEY", ("sk-", "pk-"), re.compile(r"(?<![\w-])[sp]k-(?:[a-z]{2,12}-){0,3}(?=[\w-]{0,40}\d)[\w-]{16}")),
    Secret("API_KEY", ("k_live_", "k_test_"), re.compile(r"[prs]k_(?:live|test)_[A-Za-z0-9]{10}")),
    Secret("API_KEY", ("whsec_",), re.compile(r"whsec_[A-Za-z0-9+/]{20}")),
    Secret("API_KEY", ("hf_",), re.compile(r"(?<!\w)hf_[A-Za-z0-9]{20}")),
    Secret("API_KEY", ("npm_",), re.compile(r"(?<!\w)npm_[A-Za-z0-9]{30}")),
    Secret("API_KEY", ("pypi-",), re.compile(r"pypi-[\w-]{20}")),
    Secret("API_KEY", ("dop_v1_", "doo_v1_"), re.compile(r"do[op]_v1_[a-f0-9]{30}")),
    Secret("API_KEY", ("SG.",), re.compile(r"(?<!\w)SG\.[\w-]{16,32}\.[\w-]{16}")),
    Secret("API_KEY", ("SK", "AC"), re.compile(r"(?<!\w)(?:SK|AC)[0-9a-f]{32}(?!\w)")),
    Secret("API_KEY", ("key-",), re.compile(r"(?<!\w)key-[0-9a-f]{32}")),
    Secret("API_KEY", ("hvs.",), re.compile(r"(?<!\w)hvs\.[\w-]{20}")),
    Secret(
        "API_KEY",
        ("lin_api_", "sq0", "shpat_", "shpss_"),
        re.compile(r"(?:lin_api_|sq0(?:atp|csp)-|shp(?:at|ss)_)[\w-]{16}"),
    ),
    Secret(
        "API_KEY",
        ("AccountKey=", "SharedAccess", "sig="),
        re.compile(r"(?:AccountKey|SharedAccessKey|sig)=[\w%+/-]{20}"),
    ),
    Secret(
        "CONNECTION_STRING",
        ("://",),
        re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]{1,20}://[^\s:@/'\"<>]{0,80}:[^\s@/'\"<>]{2,120}@"),
    ),
    Secret("API_KEY", ("earer ", "asic "), re.compile(r"\b(?:[Bb]earer|[Bb]asic) (?=[\w.+/=-]{0,60}\d)[\w.+/=-]{16}")),
)
"""Kinds of secrets with a form of their own, by the issuers' documentation."""

_NAMES = r"(?:pass(?:word|wd|phrase|code)?|pwd|identified by|pin(?: code)?)"
_KEY = (
    rf"(?i:(?P<password>{_NAMES})|secret|token|credentials?|api[ _-]?key"
    r"|(?:api|access|auth|client|private|encryption|signing|account|master)[ _.-]?(?:key|token|secret))"
)
ASSIGNED = re.compile(
    rf"(?P<whose>(?i:\b(?:my|his|her|our|root|admin|wi-?fi|temporary|new) )?)(?<![A-Za-z]){_KEY}"
    r"[A-Za-z0-9_.-]{0,24}[\"'`\])]{0,2}[ \t]{0,3}(?P<sign>:=|=>|[:=]|\b(?:is|are|to)\b|(?=[\"'`]))"
    r"[ \t]{0,3}(?P<quote>[\"'`]{0,3})(?P<value>[^\s\"'`,;<>(){}\[\]|]{4,200})(?P<after>[(\[]?)"
)
"""A name that says secret, a sign that assigns, and a value."""

CHANGED = re.compile(
    r"(?i:password|passcode|pwd)\b[^\n.:=]{0,40}\bto [\"'`]?(?=[^\s]{0,40}\d)(?=[^\s]{0,40}[A-Za-z])\S{6,40}"
)
"""`Reset the password for jdoe to …`"""

SPLIT_NAME = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|_")
"""Where `dbPassword` and `DB_NAMES` come apart, so that the name in ASSIGNED starts a word."""

PLACEHOLDERS = frozenset(
    """
    none null undefined true false string bytes bool optional required example changeme change_me xxxx xxxxx xxxxxx your
    password passwd secret token self input todo incorrect correct invalid valid expired wrong missing empty strong weak
    good secure mandatory needed based used stored hashed encrypted sent being authentication credentials redacted
    masked hidden value text name field identifier case-sensitive least about must have here there this that when which
    """.split()  # noqa: SIM905 - a list of one word a line says no more
)
"""Values that assign nothing: types, placeholders, and what a sentence says about passwords."""

RANDOM = re.compile(r"(?<![\w/+.-])(?=[\w/+=-]{0,80}\d)(?=[\w/+=-]{0,80}[A-Za-z])[\w/+-]{20,200}={0,2}(?![\w/+])")
CONTEXT = re.compile(r"(?i)key|token|secret|passw|credential|auth|session|cookie|bearer|signature|private")
CONTEXT_CHARS = 48
MIN_BITS = {"hex": 3.0, "base64": 4.0}
"""Shannon entropy a character from which a string looks random: English words stay under 3.5 of base64's 6 bits."""


NAMED = re.compile(r"(?i)pass|pwd|\bpin\b|identified|secret|token|credential|key")
LETTERS = re.compile(r"[A-Za-z_.]+(?:->[A-Za-z_]+)*")
REFERENCES = ("http://", "https://", "your", "my_", "os.", "env.", "process.", "$", "config.", "settings.")
MIN_SECRET_CHARS = 4


class Secrets:
    """Finds what opens doors."""

    name = "secrets"

    def find(self, text: str) -> Iterator[Finding]:
        """One finding a kind."""
        found: dict[str, float] = {}
        for secret in SECRETS:
            opened = secret.type not in found and any(opening in text for opening in secret.openings)
            if opened and secret.pattern.search(text):
                found[secret.type] = secret.score
        if _assigns(text):
            found["PASSWORD"] = 0.7
        if not found and _random_in_context(text):
            found["HIGH_ENTROPY_STRING"] = 0.6
        for entity, score in found.items():
            yield Finding(type=entity, score=score, detector=self.name)


def _assigns(text: str) -> bool:
    if not NAMED.search(text):
        return False
    if CHANGED.search(text):
        return True
    split = SPLIT_NAME.sub(" ", text)
    return any(_is_secret(match) for source in {text, split} for match in ASSIGNED.finditer(source))


def _is_secret(match: re.Match[str]) -> bool:
    """A value that no declaration and no sentence about passwords would put there."""
    value = match["value"].strip(".!?:*#$%&\\")
    if len(value) < MIN_SECRET_CHARS or value.lower() in PLACEHOLDERS or value.lower().startswith(REFERENCES):
        return False
    if LETTERS.fullmatch(value):
        # Letters alone are a word or an expression; a quoted one, or one that follows `password:`, is somebody's.
        named = bool(match["password"]) and (match["sign"] in ("=", ":") or bool(match["whose"]))
        return (bool(match["quote"]) or named) and not match["after"] and "." not in value
    return True


def _random_in_context(text: str) -> bool:
    return any(
        _is_random(match[0]) and CONTEXT.search(text, max(0, match.start() - CONTEXT_CHARS), match.start())
        for match in RANDOM.finditer(text)
    )


def _is_random(value: str) -> bool:
    kind = "hex" if re.fullmatch(r"[0-9a-fA-F]+", value) else "base64"
    counts = Counter(value)
    bits = -sum(n / len(value) * math.log2(n / len(value)) for n in counts.values())
    return bits >= MIN_BITS[kind]
