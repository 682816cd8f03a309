"""Presidio's recognisers behind gates: what they find, and that gates and short cuts lose nothing."""

import logging
import socket
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("presidio_analyzer")

from presidio_analyzer import AnalyzerEngine, RecognizerRegistry

from router.signals.sensitivity import presidio as module
from router.signals.sensitivity.detector import GaveUpError
from router.signals.sensitivity.levels import LEVELS, counts
from router.signals.sensitivity.presidio import LANGUAGE, NOT_PHONES, Presidio, Words
from router.signals.sensitivity.views.view import View
from tidegate.signals import Finding

PRESIDIO = Presidio()

FRAGMENTS = (
    *"""
    alice@hospital.local bob@example.com @ http://example.com 4111111111111111 4111-1111-1111-1112 078-05-1120 219099999
    123 45 6789 912-70-1234 943 476 5919 401-555-0123 +44 20 7946 0958 (212) 555-0199 DE89370400440532013000 GB82WEST
    12345698765432 10.0.0.1 2001:db8::8a2e:370:7334 fe80::1 ::1 1::2 00:1A:2B:3C:4D:5E 0012.3456.789A H1234567 AB1234567
    A12345678 31195855 12345678901 1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2 bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq
    2024-01-31 12:30:45 account bank card credit driver license passport travel social security ssn phone call nhs tax
    itin wallet the is a my of number , . : - ( ) é ½ 7
    """.split(),  # noqa: SIM905
    "\n",
)


def types(text: str) -> set[str]:
    """What counts in a text."""
    spans = PRESIDIO.find(View(text))
    return {span.type for span in spans if counts(Finding(type=span.type, score=span.score, detector="presidio"))}


@pytest.mark.parametrize(
    ("text", "entity"),
    [
        ("write to alice@hospital.local", "EMAIL_ADDRESS"),
        ("write to alice@example.com", "EMAIL_ADDRESS"),
        ("SSN 123-45-6789", "US_SSN"),
        ("pay with 4111111111111111", "CREDIT_CARD"),
        ("pay with 4111111111111112", "CREDIT_CARD"),
        ("IBAN DE89370400440532013000", "IBAN_CODE"),
        ("iban de89 3704 0044 0532 0130 00", "IBAN_CODE"),
        ("IBAN DE89370400440532013001", "IBAN_CODE"),
        ("call +1 (212) 555-0199", "PHONE_NUMBER"),
        ("call 650-636-4884", "PHONE_NUMBER"),
        ("from 192.0.2.17", "IP_ADDRESS"),
        ("from fe80::1ff:fe23:4567:890a", "IP_ADDRESS"),
        ("on 00:1A:2B:3C:4D:5E", "MAC_ADDRESS"),
        ("my bank account 31195855", "US_BANK_NUMBER"),
        ("passport A12345678", "US_PASSPORT"),
    ],
)
def test_it_finds(text: str, entity: str) -> None:
    """Valid numbers, mistyped ones, and addresses at internal domains."""
    assert entity in types(text)


@pytest.mark.parametrize(
    "text",
    [
        "hello, world",
        "l[::2] and l[1::2] and std::add",
        "listen on 127.0.0.1 or 0.0.0.0",
        "on 2024-01-31 at 12:30:45, and 03-11-2000",
        "see https://example.com/a/b?c=1",
        "order 31195855",
        "550e8400-e29b-41d4-a716-446655440000",
    ],
)
def test_it_lets_harmless_things_be(text: str) -> None:
    """Slices, loopback, dates, links and bare numbers are nobody's."""
    assert types(text) == set()


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from(FRAGMENTS), min_size=1, max_size=12).map(" ".join))
def test_gates_lose_nothing(text: str) -> None:
    """Whatever Presidio's own engine would count with the same recognisers, the gated detector counts as well."""
    slow = {
        result.entity_type
        for result in ENGINE.analyze(text, LANGUAGE)
        if result.score >= LEVELS[result.entity_type].least and result.entity_type != "PHONE_NUMBER"
    }
    assert slow <= types(text)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(FRAGMENTS), min_size=1, max_size=8).map(" ".join))
def test_the_phone_gate_loses_nothing_but_what_is_no_phone(text: str) -> None:
    """Numbers of seven digits and more are asked for, but what borrows digits of a timestamp, a date or an address."""
    found = [(r.start, r.end) for r in ENGINE.analyze(text, LANGUAGE) if r.entity_type == "PHONE_NUMBER"]
    taken = [match.span() for match in NOT_PHONES.finditer(text)]
    real = [
        (start, end)
        for start, end in found
        if sum(map(str.isdigit, text[start:end])) >= 7 and not any(start < b and a < end for a, b in taken)
    ]
    assert not real or "PHONE_NUMBER" in types(text)


ENGINE = AnalyzerEngine(
    registry=RecognizerRegistry(recognizers=list(PRESIDIO.recognizers)),
    nlp_engine=Words(),
    supported_languages=[LANGUAGE],
)


def test_a_patterns_timeout_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    """Presidio skips a pattern that runs out of time; a job judged without it would leave."""
    monkeypatch.setattr(module, "REGEX_TIMEOUT_S", 0)
    with pytest.raises(GaveUpError, match="pattern timeout"):
        list(PRESIDIO.find(View("write to alice@example.com")))


def test_patterns_have_little_time() -> None:
    """Presidio's own minute for each of forty patterns is no deadline."""
    assert module.pattern_recognizer.REGEX_TIMEOUT_SECONDS == module.REGEX_TIMEOUT_S
    assert module.iban_recognizer.REGEX_TIMEOUT_SECONDS == module.REGEX_TIMEOUT_S


def test_no_network_is_touched(monkeypatch: pytest.MonkeyPatch) -> None:
    """The list of public suffixes stays where it is."""

    def refuse(*_args: object, **_kwargs: object) -> None:
        raise AssertionError("somebody asked the network")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    assert "EMAIL_ADDRESS" in types("write to alice@some-new-domain.example, bob@x.co.uk")


def test_presidio_logs_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """It would log the IBAN that it cannot check."""
    with caplog.at_level(logging.DEBUG):
        logging.getLogger("presidio-analyzer").error("Failed to validate text %s", "DE89370400440532013000")
        types("IBAN DE89370400440532013001")
    assert caplog.text == ""


def test_many_hits_take_no_quadratic_time() -> None:
    """Two thousand account numbers are looked at in the time of a breath."""
    text = "account " + " ".join(str(31_195_855 + n) for n in range(2_000))
    started = time.process_time()
    assert "US_BANK_NUMBER" in types(text)
    assert time.process_time() - started < 3
