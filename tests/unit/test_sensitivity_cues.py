"""Cues: words that give a person away, and those that do not."""

import time

import pytest

from router.signals.sensitivity.cues import Cues
from router.signals.sensitivity.views.view import View


def types(text: str) -> set[str]:
    """The types found in a text."""
    return {span.type for span in Cues().find(View(text))}


@pytest.mark.parametrize(
    ("text", "entity"),
    [
        ("Mr. Slater flew home", "PERSON"),
        ("Please ask Dr Okonkwo", "PERSON"),
        ("My name is Oyelaran", "PERSON"),
        ("I'm Maike Behrens and I have a question", "PERSON"),
        ("Dear Oluwaseun,", "PERSON"),
        ("Hi Anna, can we meet?", "PERSON"),
        ("Best regards,\nMaike Behrens", "PERSON"),
        ("Patient Zanele Khumalo was seen today", "PERSON"),
        ("CC: Emily Williams (sales)", "PERSON"),
        ('{"patient_name": "Karen Perez"}', "PERSON"),
        ("name: hyuuma t. maida", "PERSON"),
        ("please add Ryan P Costa", "PERSON"),
        ("What's your last name? Magnusson", "PERSON"),
        ("DOB: 04/12/1987", "DATE_OF_BIRTH"),
        ("born on 12 March 1990", "DATE_OF_BIRTH"),
        ("6750 Maple Street, Springfield", "ADDRESS"),
        ("P.O. Box 4411", "ADDRESS"),
        ("Burlington, KY 29321", "ADDRESS"),
        ("Hauptstraße 12, Berlin", "ADDRESS"),
        ("12 rue de la Paix", "ADDRESS"),
        ("SW1A 1AA", "ADDRESS"),
        ("the patient was admitted with chest pain", "HEALTH"),
        ("I was diagnosed last year", "HEALTH"),
        ("my mother has breast cancer", "HEALTH"),
        ("metformin 500 mg twice daily", "HEALTH"),
        ("This 61 year old female complaining of stomach pain.", "HEALTH"),
        ("MRN: MRN-3782731", "MEDICAL_RECORD"),
        ("patient id 44781", "MEDICAL_RECORD"),
        ("my card 675937 101 8453 please", "CREDIT_CARD"),
        ("CVV 123", "CREDIT_CARD"),
        ("account number 0044-1234", "US_BANK_NUMBER"),
        ("driver's license D123-4567-8901", "NATIONAL_ID"),
        ("my mobile is 0664 123 4567", "PHONE_NUMBER"),
        ("username: kmart_77", "USERNAME"),
        ("54yo M with T2DM", "HEALTH"),
        ("Pt reports worsening shortness of breath", "HEALTH"),
        ("hemoglobin 9.8", "HEALTH"),
        ("her therapist says so", "HEALTH"),
        ("I feel suicidal", "HEALTH"),
        ("my case number is 2023-CV-01822", "RECORD_NUMBER"),
        ("VIN 1HGCM82633A004352", "RECORD_NUMBER"),
        ("a credit score of 612", "FINANCES"),
        ("user b.harris@corp cannot log in", "EMAIL_ADDRESS"),
        ("write to sunita at acme dot com", "EMAIL_ADDRESS"),
    ],
)
def test_it_finds(text: str, entity: str) -> None:
    """Titles, greetings, roles, fields, places, illness and numbers with a name."""
    assert entity in types(text)


@pytest.mark.parametrize(
    "text",
    [
        "Write a haiku about the sea.",
        "Dear Customer, thank you for your order",
        "Dear Hiring Manager,",
        "Hi there",
        "This is New Zealand",
        "What are the symptoms of the flu?",
        "def name(self) -> str:\n    return self._name",
        "name = str(input())",
        "Column Name: Total Price",
        "Translate to French: Good morning, how are you?",
        "The United States and the European Union signed an agreement.",
        "Sarah has 5 apples and gives 2 to Tom.",
        "A train leaves at 5 and takes 3 hours.",
        "SELECT name FROM users WHERE id = 12345",
        "Our office is in Berlin.",
        "Summarize the history of cancer research.",
        "Look at the dot product of two vectors.",
        "@property and a @ b",
        "Is the case number one of three?",
    ],
)
def test_it_lets_everyday_prompts_be(text: str) -> None:
    """Headings, code, places, sums and general questions name nobody."""
    assert types(text) == set()


@pytest.mark.parametrize("text", ["patient " * 5_000, "i have been " * 3_000, "Aa " * 30_000, "abc apt " * 10_000])
def test_it_takes_linear_time(text: str) -> None:
    """No text made of openings takes long."""
    started = time.process_time()
    types(text)
    assert time.process_time() - started < 3
