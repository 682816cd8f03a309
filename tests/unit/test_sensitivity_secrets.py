"""Secrets: what opens doors is found, and talk about it is not."""

import time

import pytest

from router.signals.sensitivity.secrets import Secrets

RANDOM = "qX7v9LkP2mZ4wT8rB3nY6cD1fG5hJ0sA"


def types(text: str) -> set[str]:
    """The kinds found in a text."""
    return {finding.type for finding in Secrets().find(text)}


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("AKIA" + "IOSFODNN7EXAMPLE", "API_KEY"),
        ("key: AIza" + RANDOM + "abc", "API_KEY"),
        ("ghp_" + RANDOM, "API_KEY"),
        ("github_pat_" + RANDOM, "API_KEY"),
        ("glpat-" + RANDOM, "API_KEY"),
        ("xoxb-123456789012-" + RANDOM, "API_KEY"),
        ("sk-proj-" + RANDOM, "API_KEY"),
        ("sk-ant-api03-" + RANDOM, "API_KEY"),
        ("sk_live_" + RANDOM, "API_KEY"),
        ("hf_" + RANDOM, "API_KEY"),
        ("Authorization: Bearer " + RANDOM, "API_KEY"),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIE", "PRIVATE_KEY"),
        ("-----BEGIN OPENSSH PRIVATE KEY-----", "PRIVATE_KEY"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmN", "JWT"),
        ("postgres://app:s3cr3t@db.internal:5432/prod", "CONNECTION_STRING"),
        ("redis://:hunter2@cache:6379/0", "CONNECTION_STRING"),
        ("DefaultEndpointsProtocol=https;AccountKey=" + RANDOM + "==", "API_KEY"),
        ("password=hunter2", "PASSWORD"),
        ("DB_PASSWORD: 'battery horse'", "PASSWORD"),
        ('dbPassword = "swordfish"', "PASSWORD"),
        ("my password is swordfish", "PASSWORD"),
        ("IDENTIFIED BY 'u2P@A1fuP1g$'", "PASSWORD"),
        ("Reset the password for user jdoe to Winter2024!", "PASSWORD"),
        ("the wifi password is Tr0ub4dor&3", "PASSWORD"),
        ('{"client_secret": "8f14e45fceea167a"}', "PASSWORD"),
        ("session cookie " + RANDOM, "HIGH_ENTROPY_STRING"),
    ],
)
def test_it_finds(text: str, kind: str) -> None:
    """Forms of issuers, assignments, and random strings that somebody calls a secret."""
    assert kind in types(text)


@pytest.mark.parametrize(
    "text",
    [
        "How do I reset my password?",
        "The password is incorrect.",
        "password: str",
        "Change the password to something better.",
        "password = getpass()",
        "token = request.headers.get('x')",
        "def login(user, password): ...",
        "Write a function that checks whether a password is strong.",
        "api_key=os.environ['API_KEY']",
        "The key is under the doormat",
        "see https://example.com/a:b/c@d",
        "commit 3f786850e387550fdab836ed7e6dc881de23001b",
        "The token expires after an hour.",
        "task-force sk-learn and scikit-learn",
    ],
)
def test_it_lets_talk_be(text: str) -> None:
    """Questions, declarations, calls and hashes are no secrets."""
    assert types(text) == set()


@pytest.mark.parametrize("text", ["eyJaaaaaaaaa." * 8_000, "password " * 10_000, "a://a:" * 15_000, "a1" * 50_000])
def test_it_takes_linear_time(text: str) -> None:
    """No text of a hundred thousand characters takes long."""
    started = time.process_time()
    types(text)
    assert time.process_time() - started < 2
