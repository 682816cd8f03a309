"""Whether what is assigned to a secret's name is a secret: no type, no placeholder, no expression, no talk."""

import re
from typing import NamedTuple


class Assignment(NamedTuple):
    """A name that says secret, and what stands after the sign."""

    name: str
    value: str
    password: bool
    prose: bool
    """Assigned by `is` or `to`, not by `:` or `=`."""
    quoted: bool
    called: bool
    """Followed by a bracket: a call or an index."""
    whose: bool
    """After `my`, `admin`, `wifi`: somebody's."""
    tight: bool
    """Without a space after the sign: a program's line more than a sentence."""


MIN_CHARS = 4
MIN_KEY_CHARS = 8
LONG_KEY_CHARS = 16

PLACEHOLDERS = frozenset(
    """
    none null undefined true false string strings bytes bool boolean integer optional required example changeme
    change_me password passwd pass pwd secret token key api_key apikey self input todo incorrect correct invalid
    valid expired wrong missing empty strong weak good secure mandatory needed based used stored hashed
    encrypted sent being authentication credentials redacted masked hidden value text name field identifier
    case-sensitive least about must have here there this that when which what your user username email include
    omit same-origin yes enabled disabled always never only also just very still really both each more less
    less_than unique random generated visible public private shared short long simple common known unknown
    different same similar protected compromised leaked stolen reset changed checked verified forgotten lost
    created given entered compared important necessary available default blank letters digits numbers characters
    chars words safe easy hard difficult impossible possible able supposed going allowed denied accepted
    rejected read write varchar nvarchar char uuid guid json file path login logout form page link prompt
    manager policy final attribute personal property parameter argument option flag setting column variable
    constant object class method function helper callback handler validator confirmation strength rotation
    recovery protection hashing reuse length complexity requirements rules hint expiry guest nil unset any void
    """.split()  # noqa: SIM905 - a list of one word a line says no more
)
"""Values that assign nothing: types, placeholders, and what a sentence says about passwords."""

DUMMY = re.compile(
    r"(?i)^(?:x{3,}|\*{3,}|\.{3,}|_{3,}|-{3,}|your[_ -]|my[_-](?:pass|secret|token|key|api)|<[^>]*>?$|\$\{|\$\("
    r"|\$env:|\$[a-z_]+$"
    r"|%[({sd]|%\w+%$|\{|#\{|@\w+[/({]|https?:|(?:os|env|process|config|settings|self|this|request|input"
    r"|vault)[.:(\[]"
    r"|getpass|file:|secretref|valuefrom|arn:aws:secretsmanager|ref\+|enc\[|!vault)"
    r"|placeholder|redacted|change[_-]?me|replace|dummy|[_-]here$|x{6}|\u2026|\.\.\.|\*{4}"
)
"""Placeholders of manuals, and references to where the secret is kept."""

LETTERS = re.compile(r"[A-Za-z_.]+(?:->[A-Za-z_]+)*")
REFERENCE = re.compile(
    r"(?i)[a-z_][a-z_.]*(?:pass|pwd|secret|token|key|cred)[a-z_.]*|[a-z_]+(?:\.[a-z_]+)+|[a-z]+_[a-z_]+"
    r"|[a-z_]{2,}=[\w.]*|--[a-z-]+"
)
TYPE = re.compile(
    r"[A-Z]\w+(?:Error|Exception|Type|Str|Field|Input|Model|Schema|Provider|Validator)|Optional|Secret\w*|[A-Z]"
)
TALK = re.compile(r"(?i)\w+(?:ed|ing|ly|ble|ful|en)|\d{1,3}(?:-\d{1,3})?\+?|\d+-(?:bit|char\w*|digit|byte)s?|\d+\.\d+")
ENV = re.compile(r"[A-Z][A-Z0-9_]*")


def is_secret(found: Assignment) -> bool:
    """A value that no declaration and no sentence about passwords would put there."""
    value = found.value.strip(".!?:*#$%&\\")
    if len(value) < MIN_CHARS or value.lower() in PLACEHOLDERS or DUMMY.search(found.value) or found.called:
        return False
    if found.prose and TALK.fullmatch(value):
        return False
    return _is_password(found, value) if found.password else _is_key(found, value)


def _is_password(found: Assignment, value: str) -> bool:
    """Letters alone are a word or an expression; a quoted one, or one that follows `password:`, is somebody's."""
    if found.quoted:
        return not _is_talk(value)
    if not LETTERS.fullmatch(value):
        return not REFERENCE.fullmatch(value)
    if REFERENCE.fullmatch(value) or TYPE.fullmatch(value):
        return False
    if found.name.lower() == "pass":
        return found.whose or found.tight
    return not found.prose or found.whose


def _is_key(found: Assignment, value: str) -> bool:
    """Long or mixed; letters alone only in an environment file, or in quotes after a name that is not just `token`."""
    letters, digits = any(map(str.isalpha, value)), any(map(str.isdigit, value))
    if " " in value:
        return False
    if letters and digits:
        return len(value) >= MIN_KEY_CHARS and (found.quoted or not REFERENCE.fullmatch(value))
    if not letters or found.prose or found.name.lower() == "token":
        return False
    env = ENV.fullmatch(found.name) is not None
    return (found.quoted or env) and (env or len(value) >= LONG_KEY_CHARS) and not ENV.fullmatch(value)


MANY_WORDS = 5
LABEL = re.compile(
    r"(?i)[.?!:]$|\b(?:enter|your|please|must|confirm|password|passphrase|token|secret|the|is|are|for|of|to|with"
    r"|not|invalid)\b"
)
"""What a quoted value of several words holds when it is a label or a message."""


def _is_talk(value: str) -> bool:
    """A sentence in quotes, as a label or a message has one."""
    return " " in value and (value.count(" ") >= MANY_WORDS or LABEL.search(value) is not None)


def meant(value: str) -> bool:
    """Whether a password is one, and not the word `password` of a manual."""
    return value.lower().strip(".!?,;") not in PLACEHOLDERS and not DUMMY.search(value)


def mixed(value: str) -> bool:
    """A password that is no word: letters and digits, or signs among them."""
    value = value.rstrip(".!?,;:")
    if len(value) < MIN_CHARS or not meant(value) or NO_PASSWORD.fullmatch(value):
        return False
    return any(map(str.isalpha, value)) and not WORDS.fullmatch(value)


def odd(value: str) -> bool:
    """A password that is no word and no number: letters and digits."""
    return mixed(value) and any(map(str.isdigit, value))


def one_word(value: str) -> bool:
    """What an element holds: no sentence, no type."""
    return " " not in value and meant(value)


WORDS = re.compile(r"[^\W\d_]+(?:[-_./'\u2019,:;]{1,3}[^\W\d_]*)*")
"""Letters, also with what joins words: `case-sensitive`, `user/admin`, `don't`."""

NO_PASSWORD = re.compile(
    r"(?i)(?:sha|md|utf|base|aes|rsa|oauth|argon|bcrypt|pbkdf|http|ipv|rfc|cve|wpa|wep|web|log|win|[oskvx]|[12]fa)"
    r"[-_]?\d{0,4}(?:[.-]\w{1,6}){0,3}s?"
    r"|\d+(?:st|nd|rd|th|[a-z]{1,2})|\d+[-\u2013]?(?:\d+)?-?(?:bit|char\w*|digit|byte|day|hour|min\w*|sec\w*|week"
    r"|month|year|time)s?"
    r"|[$\u20ac\xa3]?[\d.,:/%+-]+[a-z%]{0,2}|\w+\([^)]*\)?|https?:.*|[\w.+-]+@[\w-]+\.[\w.-]+|[\w-]+\.(?:py|js|ts"
    r"|md|txt"
    r"|json|ya?ml|html?|php|csv|xml|sh)"
)
"""Names of techniques, ordinals, amounts, calls, links, addresses and files."""
