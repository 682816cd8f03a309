"""The tiny model's training data keeps its promises, and the shipped file is the one that the catalogue names."""

import hashlib
import json
from pathlib import Path
from random import Random
from typing import Any

import pytest
from ruamel.yaml import YAML

from models.tiny.recipe import chat, jobs, reviews, tickets

MODELS = Path(__file__).resolve().parents[2] / "models"
# Byte-level tokens are at least one byte long, so bytes bound the tokens from above.
CONTEXT_TOKENS = 1024
SAMPLE = 2_000


@pytest.fixture(scope="module")
def examples() -> list[jobs.Example]:
    """A sample that is large enough to hold every task many times."""
    return [jobs.example(11, index) for index in range(SAMPLE)]


def test_the_same_numbers_give_the_same_example(examples: list[jobs.Example]) -> None:
    """Seed and index alone decide an example, whatever was made before it."""
    assert [jobs.example(11, index) for index in reversed(range(SAMPLE))] == examples[::-1]


def test_another_seed_gives_other_examples(examples: list[jobs.Example]) -> None:
    """Two seeds share almost nothing, so fresh prompts can be drawn for a measurement."""
    others = {chat.prompt(jobs.example(12, index).messages) for index in range(SAMPLE)}
    shared = sum(chat.prompt(example.messages) in others for example in examples)
    assert shared < SAMPLE * 0.02


def test_every_task_occurs(examples: list[jobs.Example]) -> None:
    """The mixture leaves no task out, foreign requests included."""
    assert {example.task for example in examples} == {*jobs.tasks(), jobs.FOREIGN}


def test_every_example_fits_the_context(examples: list[jobs.Example]) -> None:
    """Prompt, answer and end token stay far below the context, counted in bytes."""
    whole = (chat.prompt(example.messages) + (example.answer or "") + chat.END for example in examples)
    assert max(len(text.encode()) for text in whole) < CONTEXT_TOKENS


def test_no_slot_stays_open(examples: list[jobs.Example]) -> None:
    """No prompt and no answer shows a brace of the grammar."""
    texts = [message.content for example in examples for message in example.messages]
    assert not [text for text in texts if "{" in text or "}" in text]


def test_only_foreign_requests_have_no_answer(examples: list[jobs.Example]) -> None:
    """What the model can do has an answer; what it cannot do has none."""
    assert all((example.answer is None) == (example.task == jobs.FOREIGN) for example in examples)


def test_contact_answers_are_json_copied_from_the_text() -> None:
    """Each value of a contact stands in the prompt letter by letter, or is null."""
    for index in range(500):
        example = jobs.example_of("contact", Random(f"contact:{index}"))
        found: dict[str, str | None] = json.loads(example.answer or "")
        assert set(found) <= {"name", "email", "phone"}
        assert all(value is None or value in chat.prompt(example.messages) for value in found.values())


@pytest.mark.parametrize(
    ("task", "plain", "keys"),
    [
        ("sentiment", set(reviews.LABELS), {"sentiment"}),
        ("triage", set(tickets.CATEGORIES), {"category", "urgent"}),
        ("urgency", {"yes", "no"}, {"urgent"}),
    ],
)
def test_labels_are_plain_or_json(task: str, plain: set[str], keys: set[str]) -> None:
    """A label comes as one of its words or as a JSON object with known keys."""
    for index in range(300):
        answer = jobs.example_of(task, Random(f"{task}:{index}")).answer or ""
        assert answer in plain or set(json.loads(answer)) <= keys


def test_upper_case_answers_are_the_text_in_upper_case() -> None:
    """Such an answer has no lower-case letter and occurs, whatever its case, in the prompt."""
    for index in range(300):
        example = jobs.example_of("upper", Random(f"upper:{index}"))
        answer = example.answer or ""
        assert answer == answer.upper()
        assert answer in chat.prompt(example.messages).upper()


def test_control_tokens_never_occur_in_a_message(examples: list[jobs.Example]) -> None:
    """A message cannot end a turn by its text."""
    texts = [message.content for example in examples for message in example.messages]
    assert not [text for text in texts if any(token in text for token in chat.CONTROL_TOKENS)]


def test_the_catalogue_names_the_shipped_files() -> None:
    """Size and SHA-256 of each catalogued file are those of the file in the checkout."""
    catalogue: dict[str, Any] = YAML(typ="safe").load((MODELS / "catalogue.yaml").read_text(encoding="utf-8"))
    assert catalogue["models"]
    for model in catalogue["models"]:
        content = (MODELS / model["file"]).read_bytes()
        found = (len(content), hashlib.sha256(content).hexdigest())
        assert found == (model["size_bytes"], model["sha256"]), model["name"]


def test_the_report_is_about_the_shipped_file() -> None:
    """The measured accuracy belongs to the very file that is shipped."""
    report: dict[str, Any] = json.loads((MODELS / "tiny" / "report.json").read_text(encoding="utf-8"))
    content = (MODELS / "tiny" / report["model"]).read_bytes()
    assert report["sha256"] == hashlib.sha256(content).hexdigest()
    assert report["fresh"]["prompts"] >= 600
