# ruff: noqa: RUF001 - letters that look like others are the matter
"""Identifiers: numbers that stand for one person are found in many countries' words, and other numbers are not."""

import random
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.signals.sensitivity.identifiers import HINTS, Identifiers
from router.signals.sensitivity.views.view import View

IDENTIFIERS = Identifiers()


def types(text: str) -> set[str]:
    """The kinds found in a text."""
    return {span.type for span in IDENTIFIERS.find(View(text))}


@pytest.mark.parametrize(
    "text",
    [
        # North.
        "Mitt personnummer är 811228-9874.",
        "personnummer: 198112289874",
        "Fødselsnummer 15108695088",
        "Mit CPR-nummer er 070761-4285",
        "henkilötunnus 131052-308T",
        "Kennitala mín er 120174-3399",
        "isikukood 36805280109",
        "Personas kods: 161175-19997",
        "asmens kodas 33309240064",
        # West.
        "my NI number is AB 12 34 56 C",
        "National Insurance: QQ123456C",
        "UTR 1955839661",
        "PPS number 6433435F",
        "numéro de sécurité sociale 2 95 10 99 126 111 93",
        "n° sécu : 295109912611193",
        "numéro fiscal : 07 01 987 765 493",
        "rijksregisternummer 85.07.30-033.28",
        "BSN 111222333",
        "mijn burgerservicenummer is 1112.22.333",
        # Centre.
        "Meine Steuer-ID lautet 36 574 261 809",
        "Rentenversicherungsnummer 65 170839 J 008",
        "Personalausweisnummer L01X00T471",
        "Krankenversichertennummer A123456780",
        "SVNR 1237 010180",
        "AHV-Nummer 756.9217.0769.85",
        "PESEL 44051401359",
        "dowód osobisty ABA300000",
        "rodné číslo 710319/2745",
        "TAJ szám: 111 111 110",
        # South.
        "mi DNI es 54362315K",
        "NIE: X-2482300-W",
        "número de afiliación 28/12345678/40",
        "contribuinte 501 964 843",
        "cartão de cidadão 00000000 0 ZZ4",
        "codice fiscale RCCMNL83S18D969H",
        "ΑΜΚΑ 01013099997",
        "CNP 1630615123457",
        "ЕГН 7523169263",
        "OIB 33392005961",
        "EMŠO 0101006500006",
        "TC kimlik no 17291716060",
        # East.
        "ИНН 500100732259",
        "СНИЛС 112-233-445 95",
        "паспорт 45 08 123456",
        "РНОКПП 1759013776",
        "ЖСН 900101300123",
        # Americas.
        "My SIN is 046 454 286",
        "social insurance number 123-456-782",
        "OHIP 1234-567-890 AB",
        "EIN 12-3456789",
        "his MBI is 1EG4-TE5-MK73",
        "alien registration number A123456789",
        "last four of my SSN: 4321",
        "CPF 390.533.447-05",
        "meu cpf é 39053344705",
        "CNPJ 16.727.230/0001-97",
        "título de eleitor 1234 5678 9012",
        "CURP BOXW310820HNERXN09",
        "RFC GODE561231GR8",
        "CUIT 20-05536168-2",
        "mi cédula es 1.023.456.789",
        "RUT 12.531.909-2",
        "Cédula dominicana 001-1391820-5",
        # Asia.
        "Aadhaar: 2341 2341 2346",
        "my aadhar no. 234123412346",
        "आधार 2341 2341 2346",
        "PAN ACUPA7085R",
        "Voter ID WKH1186253",
        "マイナンバー 6214 9832 0257",
        "주민등록번호 971013-9019902",
        "身份证号 360426199101010071",
        "HKID A123456(3)",
        "身分證字號 A123456789",
        "NRIC S1234567D",
        "MyKad 770305-02-1234",
        "NIK 3171011708450001",
        "บัตรประชาชน 1-2345-45678-78-1",
        "CCCD 012345678901",
        "CNIC 34201-0891231-8",
        "Emirates ID 784-1990-1234567-1",
        "الرقم القومي 29001010123456",
        "کد ملی 0499370899",
        "תעודת זהות 123456782",
        # Africa, Oceania.
        "ID number 7503305044089",
        "BVN 22212345678",
        "Ghana card GHA-123456789-0",
        "TFN 123 456 782",
        "Medicare card 2123 45670 1",
        "IRD number 49-098-576",
        # Papers.
        "passport number X1234567",
        "Mon passeport 12AB34567",
        "Reisepass C01X0006H",
        "护照 E12345678",
        "Führerschein B072RRE2I55",
        "permis de conduire 123456789012",
        "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<",
        "L898902C36UTO7408122F1204159ZE184226B<<<<<10",
        # After the number, across a line, in a table.
        "111222333 is my BSN",
        "S1234567D (NRIC)",
        "name,bsn\nJan,111222333",
        '{"pesel": "44051401359"}',
        # A wrong check digit is still somebody's number.
        "BSN 111222334",
        "PESEL 44051401358",
        "my aadhaar is 2341 2341 2347",
    ],
)
def test_it_finds_what_a_word_announces(text: str) -> None:
    """In the words of the country or in English, before or after the number, with and without separators."""
    assert types(text) & {"NATIONAL_ID", "US_SSN"}


@pytest.mark.parametrize(
    "text",
    [
        "AB123456C",
        "811228-9874",
        "131052-308T",
        "070761-4285",
        "295109912611193",
        "85.07.30-033.28",
        "756.9217.0769.85",
        "710319/2745",
        "54362315K",
        "X2482300W",
        "RCCMNL83S18D969H",
        "112-233-445 95",
        "390.533.447-05",
        "16.727.230/0001-97",
        "BOXW310820HNERXN09",
        "20-05536168-2",
        "12.531.909-2",
        "2341 2341 2346",
        "ACUPA7085R",
        "971013-1234567",
        "360426199101010071",
        "A123456(3)",
        "S1234567D",
        "34201-0891231-8",
        "1EG4-TE5-MK73",
    ],
)
@pytest.mark.parametrize("sentence", ["{}", "Please file {} today.", "a, {}, b", '{{"x": "{}"}}'])
def test_it_finds_a_form_that_speaks_for_itself(sentence: str, text: str) -> None:
    """Letters, separators and a check that holds need no word."""
    assert "NATIONAL_ID" in types(sentence.format(text))


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("call +49 171 1234567", "PHONE_NUMBER"),
        ("+81 90-1234-5678", "PHONE_NUMBER"),
        ("0033 6 12 34 56 78", "PHONE_NUMBER"),
        ("+5511912345678", "PHONE_NUMBER"),
        ("06 12 34 56 78", "PHONE_NUMBER"),
        ("090-1234-5678", "PHONE_NUMBER"),
        ("(11) 91234-5678", "PHONE_NUMBER"),
        ("0412 345 678", "PHONE_NUMBER"),
        ("téléphone : 0612345678", "PHONE_NUMBER"),
        ("mi móvil es el 612345678", "PHONE_NUMBER"),
        ("Handynummer 01711234567", "PHONE_NUMBER"),
        ("电话 13812345678", "PHONE_NUMBER"),
        ("телефон 89161234567", "PHONE_NUMBER"),
        ("sort code 12-34-56", "US_BANK_NUMBER"),
        ("12-34-56 12345678", "US_BANK_NUMBER"),
        ("BSB 062-000", "US_BANK_NUMBER"),
        ("IFSC HDFC0000123", "US_BANK_NUMBER"),
        ("routing number 021000021", "US_BANK_NUMBER"),
        ("SWIFT DEUTDEFF, account 12345678", "US_BANK_NUMBER"),
        ("Kontonummer 1234567890", "US_BANK_NUMBER"),
        ("VIN 1HGCM82633A004352", "RECORD_NUMBER"),
        ("1HGCM82633A004352", "RECORD_NUMBER"),
        ("Kennzeichen B-AB 1234", "RECORD_NUMBER"),
        ("IMEI 490154203237518", "RECORD_NUMBER"),
        ("NPI 1234567893", "MEDICAL_LICENSE"),
        ("NHS number 943 476 5919", "UK_NHS"),
    ],
)
def test_it_finds_phones_accounts_and_things(text: str, kind: str) -> None:
    """Each under its own type."""
    assert kind in types(text)


@pytest.mark.parametrize(
    "text",
    [
        "The population is 123 456 789 people.",
        "In 2018-2019 automobile sales rose.",
        "order 1234567890 of 2024-05-17",
        "timestamp 1700000000000",
        "pi is 3.14159265358979",
        "version 12.345.678",
        "ISBN 978-3-16-148410-0",
        "commit 3f786850e387550fdab836ed7e6dc881de23001b",
        "550e8400-e29b-41d4-a716-446655440000",
        "192.168.10.12 - 10.0.0.1",
        "x = 123456789 + 987654321",
        "def f(a=12345678, b=90123456): return a",
        "It is a sin to waste 300 grams of pasta in a pan for 10 minutes.",
        "The passport office is open from 9 to 17.",
        "RFC 2616 and RFC 7231",
        "Put the card on the table, then count 52 cards.",
        "a tax of 15 percent on 120000 dollars",
        "the targa is a car with 300 hp",
        "License plates come from many states.",
        "The mobile has 8 cores and 128 GB, from 2019-10-01.",
        "1 2 3 4 5 6 7 8 9 10 11 12",
        "01.02.2003 04:05:06",
        "[100, 200, 300, 400, 500, 600]",
        "12345678901234567890",
    ],
)
def test_it_lets_other_numbers_be(text: str) -> None:
    """Amounts, dates, versions, hashes, code, and talk about papers."""
    assert types(text) == set()


@given(
    st.integers(min_value=0, max_value=10**15 - 1), st.sampled_from(["{}", "It took {} steps.", "x = {}", "[{}, 1]"])
)
def test_digits_alone_say_nothing(number: int, sentence: str) -> None:
    """Of ten numbers one passes a check digit: without a word none of up to fourteen digits counts."""
    digits = str(number)
    if len(digits) < 15:
        assert types(sentence.format(digits)) == set()


def test_a_failed_check_weakens_and_never_hides() -> None:
    """The score tells a checked number from a mistyped one."""
    right = max(span.score for span in IDENTIFIERS.find(View("BSN 111222333")))
    wrong = max(span.score for span in IDENTIFIERS.find(View("BSN 111222334")))
    assert right > wrong > 0


def test_a_check_that_breaks_over_a_number_has_not_said_no() -> None:
    """A county that python-stdnum's table lacks: date and check digit held before, so the number counts."""
    assert types("123045202401316750") == {"NATIONAL_ID"}
    assert types("身份证: 123045202401316750") == {"NATIONAL_ID"}


def test_it_says_where() -> None:
    """Every span, when all are asked for, and each is the number itself."""
    text = "BSN 111222333, and the other BSN is 123456782; call +49 171 1234567"
    found = {text[span.start : span.end] for span in IDENTIFIERS.find(View(text), every=True)}
    assert found == {"111222333", "123456782", "+49 171 1234567"}


def test_one_a_type_is_enough() -> None:
    """Unless every one is asked for."""
    assert len(list(IDENTIFIERS.find(View("BSN 111222333, BSN 123456782")))) == 1


def test_it_trusts_the_gate() -> None:
    """What the gate did not see is not looked for."""
    text = "BSN 111222333"
    assert not list(IDENTIFIERS.find(View(text, hints=frozenset())))
    assert list(IDENTIFIERS.find(View(text, hints=frozenset({"identifier_nl_word"}))))
    assert "identifier_nl_word" in HINTS


@pytest.mark.parametrize(
    "text",
    [
        "1 " * 50_000,
        "12-34-56 " * 11_000,
        "+1 " * 33_000,
        "BSN " * 25_000,
        "A1" * 50_000,
        "<" * 100_000,
        "0 1-2/3.4" * 11_000,
    ],
)
def test_it_takes_linear_time(text: str) -> None:
    """No text of a hundred thousand characters takes long."""
    started = time.process_time()
    list(IDENTIFIERS.find(View(text), every=True))
    assert time.process_time() - started < 4


def test_random_digits_with_separators_rarely_alarm() -> None:
    """A form with separators must be a rare one: fewer than one in a hundred grouped numbers counts."""
    draw = random.Random(7)
    texts = [
        f"value {draw.randrange(10**3)} {draw.randrange(10**3):03} {draw.randrange(10**3):03}"
        f" of {draw.randrange(10**6)}.{draw.randrange(100)}"
        for _ in range(2_000)
    ]
    assert sum(bool(types(text)) for text in texts) < 20
