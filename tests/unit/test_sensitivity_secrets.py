"""Secrets: talk about them is none; where one is found its place is told; and no text takes long."""

import time

import pytest
from drawn_keys import RANDOM, SECRETS, Draw, types

from router.signals.sensitivity.secrets import HINTS
from router.signals.sensitivity.views.view import View

_DRAW = Draw(11)
chars, hexes = _DRAW.chars, _DRAW.hexes


@pytest.mark.parametrize(
    "text",
    [
        "How do I reset my password?",
        "The password is incorrect.",
        "My password is not working, and his password is expired.",
        "password: str",
        "password: Optional[str] = None",
        "Change the password to something better.",
        "password = getpass()",
        "password = os.environ['DB_PASSWORD']",
        "password=args.password",
        "password=password",
        "password: ${DB_PASSWORD}",
        "password: {{ vault_password }}",
        "password: <your password>",
        "password: YOUR_PASSWORD",
        "password: ********",
        "PASSWORD=changeme",
        "--password <password>",
        "--token TOKEN",
        "token = request.headers.get('x')",
        "token = tokens[0]",
        "max_tokens: 4096",
        'tokenizer = "bert-base-uncased-2018"',
        'fetch(url, {credentials: "include"})',
        "def login(user, password): ...",
        "Write a function that checks whether a password is strong.",
        "Passwords must have 8-20 characters.",
        "the password is 12 characters long",
        'print("Enter your password: ")',
        "First pass: determine the types. Second pass: emit code.",
        "Either pass `verbose=True` or nothing.",
        "pass: 95%, fail: 5%",
        "api_key=os.environ['API_KEY']",
        "api_key = 'YOUR_API_KEY'",
        "Authorization: Bearer <token>",
        "Authorization: Bearer $TOKEN",
        "sk-xxxxxxxxxxxxxxxxxxxxxxxx",
        "export OPENAI_API_KEY=sk-…",
        "https://user:password@example.com/",
        "postgresql://user:pass@localhost/db",
        "The key is under the doormat",
        "the secret: always salt the water",
        "see https://example.com/a:b/c@d",
        "commit 3f786850e387550fdab836ed7e6dc881de23001b",
        "signed off, sha256:" + hexes(64),
        "key: https://github.com/org/keyring/commit/" + hexes(40),
        "The token expires after an hour.",
        "task-force sk-learn and scikit-learn",
        "sk-a-very-long-css-class-name-for-buttons",
        "re_compile_the_pattern_once_and_keep_it",
        "from openai.auth import x509_workload_identity",
        '{"type": "object", "properties": {"password": {"type": "string"}}}',
        "| method | password | token |\n|---|---|---|\n| basic | yes | no |",
        "def login(name, password, token=None):\n    return name, password\n",
        "mailto:bob1@example.com",
        "the password for this exercise is 8-12 characters long",
        "connect('localhost', 'database')",
        "my zip code is 35350",
        "error code 4821",
        "recovery phrase: write down the words that you see on the screen and keep them in a safe place for later",
        "ratio 10:20:30:40:50",
        "2001:db8:85a3:8d3:1319",
        "docker run -p 8080:80 nginx",
        "mkdir -p build/output",
        "ssh -p 2222 host",
        "curl -u user https://api.example",
        "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABgQ" + chars(80),
    ],
)
def test_it_lets_talk_be(text: str) -> None:
    """Questions, declarations, calls, placeholders, public keys and hashes are no secrets."""
    assert types(text) == set()


@pytest.mark.parametrize(
    ("text", "secrets"),
    [
        ("password=hunter2, and pw: kl3tter", {"hunter2", "kl3tter"}),
        ('{"password": "two words", "token": "a1b2c3d4e5"}', {"two words", "a1b2c3d4e5"}),
        ("the password is hunter2.", {"hunter2"}),
        ("postgres://app:s3cr3t@db:5432/prod", {"s3cr3t"}),
        ("curl -u bob:kl3tter https://api.example", {"kl3tter"}),
        (f"first ghp_{RANDOM} then ghp_{RANDOM[::-1]}", {f"ghp_{RANDOM}", f"ghp_{RANDOM[::-1]}"}),
    ],
)
def test_it_says_where(text: str, secrets: set[str]) -> None:
    """Every secret, when all are asked for, without the words around it."""
    assert {text[span.start : span.end] for span in SECRETS.find(View(text), every=True)} == secrets


def test_a_private_key_is_found_to_its_end() -> None:
    """What is redacted is the body, and not just its first line."""
    body = "\n".join(chars(64) for _ in range(20))
    text = f"before -----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY----- after"
    (span,) = (span for span in SECRETS.find(View(text), every=True) if span.type == "PRIVATE_KEY")
    assert text[: span.start] == "before "
    assert text[span.end :] == " after"


def test_one_a_type_is_enough() -> None:
    """Unless every one is asked for."""
    assert len(list(SECRETS.find(View("password=hunter2 password=hunter3")))) == 1


def test_it_trusts_the_gate() -> None:
    """What the gate did not see is not looked for."""
    text = "ghp_" + RANDOM
    assert not list(SECRETS.find(View(text, hints=frozenset())))
    assert list(SECRETS.find(View(text, hints=frozenset({"secret_github"}))))
    assert "secret_github" in HINTS


@pytest.mark.parametrize(
    "text",
    [
        "eyJaaaaaaaaa." * 8_000,
        "password " * 10_000,
        "password=" * 11_000,
        "a://a:" * 15_000,
        "a1" * 50_000,
        "curl -u " * 12_000,
        "mysql " * 16_000,
        "Server=a;" * 11_000,
        "cookie: a=" * 10_000,
        "-----BEGIN PRIVATE KEY-----\n" * 3_500,
        "word " * 20_000,
        "MIIEpAIBAAKCAQEA " * 6_000,
        "a:1:" * 25_000,
        '"name": "password", ' * 5_000,
        "name,password\n" * 7_000,
        ",password," * 10_000,
    ],
)
def test_it_takes_linear_time(text: str) -> None:
    """No text of a hundred thousand characters takes long."""
    started = time.process_time()
    list(SECRETS.find(View(text), every=True))
    assert time.process_time() - started < 4
