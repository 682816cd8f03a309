"""Passwords and keys by the name that they are assigned to: a name that says secret, a sign, and a value.

RE2 finds the names, at a hundredth of the cost of `re`, and what the value says is read there.
"""

import re
from collections.abc import Iterator

import re2

from router.signals.sensitivity.detector import Span
from router.signals.sensitivity.secrets.values import Assignment, is_secret
from router.signals.sensitivity.views.view import View

HINT = "secret_assigned"

LONG = (
    "password|passwd|passphrase|passcode|pass_?key|passwort|kennwort|contraseña|contrasena|mot de passe|wachtwoord"
    "|senha|lösenord"
)
"""Names of a password, wherever they stand in a word: `PGPASSWORD`, `userPassword`."""

SHORT = (
    "pass|passw|pwd|psw|pw|psk|pin|pin code|pin number|identified by|wpa2? key|clave|hasło|haslo|mdp|parola"
    "|пароль|Пароль|密码|密碼|パスワード|비밀번호"
)
"""Names of a password that are a word, or a part of one that starts with a capital or after a sign."""

KEY = (
    "secret|token|credentials?|api[ _-]?keys?"
    "|(?:api|app|access|auth|client|consumer|private|encryption|signing|signature|account|master|shared|licen[cs]e"
    "|recovery|backup|activation|subscription|service|bot|session|refresh|webhook|security|storage)"
    "[ _.-]?(?:keys?|tokens?|secrets?|codes?|pat)"
)
"""Names of keys and tokens, in the same places."""

WIDE_COLON = "\uff1a"
SIGN = (
    rf"(?:\b(?:is now|is|are|was|to|ist|est|es|är|jest|=)[ \t]{{0,3}})?(?::=|=>|={{1,2}}|:|{WIDE_COLON})"
    r"|\b(?:is now|is|are|was|ist|est|es|to)\b"
)

_START = "(?:(?<![A-Za-z])|(?<=[a-z0-9])(?=[A-Z]))"
_END = "(?![a-z]|(?<=[A-Z])[A-Z])"

ASSIGNED = re.compile(
    rf"(?:(?P<password>(?i:{LONG})|{_START}(?i:{SHORT}){_END})|{_START}(?i:{KEY}){_END})"
    rf"[\w.-]{{0,24}}[\"'`\])*]{{0,4}}[ \t]{{0,3}}(?P<sign>{SIGN}|(?<=[ \t])(?=[\"']))"
    r"[ \t]{0,3}[NbrufL]?(?P<quote>(?:\"{3}|'{3}|[\"'`])?)(?P<value>[^\s\"'`,;<>(){}\[\]|]{4,200}"
    r"|(?<=[\"'`])[^\s\"'`,;:)\]}][^\"'`\n]{3,198}(?=[\"'`]))(?P<after>[(\[]?)",
    re.ASCII,
)
HINTS = {
    HINT: (
        (
            rf"(?i)(?:{LONG}|{SHORT}|{KEY})[\w.-]*[\"'`\])*]*[ \t]*"
            rf"(?::|{WIDE_COLON}|=|is\s|are\s|was\s|to\s|ist\s|est?\s|är|jest|[\"'`])"
        ),
    )
}
NAMED = re2.compile(HINTS[HINT][0])
NAMES = re2.compile(f"(?i){LONG}|{SHORT}|{KEY}")

WHOSE = re.compile(
    r"(?i)\b(?:my|his|her|our|their|your|root|admin|wi-?fi|temporary|temp|new|default|initial|login|user) ?$"
)
WHOSE_CHARS = 12
MAX_VALUE_CHARS = 200


def spans(view: View) -> Iterator[Span]:
    """The values."""
    if not view.may_hold(HINT):
        return
    done = 0
    for named in NAMED.finditer(view.text):
        match = _assigned(view.text, max(done, named.start()), named.end())
        if match is None:
            continue
        assignment = _read(view.text, match)
        if is_secret(assignment):
            start = match.start("value")
            done = start + len(assignment.value)
            yield Span("PASSWORD" if assignment.password else "API_KEY", 0.7, start, done)


def _assigned(text: str, start: int, end: int) -> re.Match[str] | None:
    """The assignment of the first name, or else of another in the same word: `compass_password: …`."""
    match = ASSIGNED.match(text, start)
    if match or not NAMES.search(text[start + 1 : end]):
        return match
    return ASSIGNED.search(text, start + 1, end + MAX_VALUE_CHARS)


def _read(text: str, match: re.Match[str]) -> Assignment:
    """A quoted value ends with its quote, a bare one with the word, without the sentence's punctuation."""
    start, quote, sign = match.start("value"), match["quote"][:1], match["sign"]
    end = text.find(quote, start, start + MAX_VALUE_CHARS) if quote else -1
    value = text[start:end] if end > start and "\n" not in text[start:end] else match["value"].rstrip(".!?:*\\")
    return Assignment(
        name=text[match.start() : match.start("sign")].strip(" \t\"'`*])"),
        value=value,
        password=match["password"] is not None,
        prose=not sign.endswith(("=", ":", WIDE_COLON, ">")) and not (sign == "" and quote),
        quoted=bool(quote),
        called=bool(match["after"]),
        whose=WHOSE.search(text, max(0, match.start() - WHOSE_CHARS), match.start()) is not None,
        tight=text[start - 1] in "=:",
    )
