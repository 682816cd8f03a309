"""Images in a job: what is taken, that nobody can look at them, and what a policy may say of them."""

import base64
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from typer.testing import CliRunner

from router import cli
from router.inspection import Inspector
from router.policy.engine import decide
from router.policy.loader import load_policy
from router.policy.model import Policy
from router.policy.sensitivity.differences import differences
from router.redaction.outcome import NotRedacted
from router.redaction.redactor import Redactor
from router.signals import tokens
from router.signals.sensitivity.shipped import DETECTORS
from router.signals.sensitivity.walk import walk
from tidegate.errors import InvalidDocument, ModelMissing
from tidegate.images import MAX_IMAGE_BYTES, MAX_IMAGES
from tidegate.job import Job, Params
from tidegate.lane import Lane, Zone
from tidegate.settings import Settings
from tidegate.signals import Capability, Level
from tidegate.value import problems
from workers.backend import Run, open_backend

HEADS = {"png": b"\x89PNG\r\n\x1a\n", "jpeg": b"\xff\xd8\xff\xe0", "gif": b"GIF89a", "webp": b"RIFF\0\0\0\0WEBP"}
REST = """\
lanes:
  near: {zone: inside, backend: noop, model: tiny, context_tokens: 8000, capabilities: [vision]}
  blind: {zone: inside, backend: noop, model: tiny, context_tokens: 8000}
  far: {zone: outside, backend: openai, model: big, context_tokens: 8000, capabilities: [vision],
        price: {input_usd: 1, output_usd: 2}}
rules:
  - {name: out, when: {sensitivity: [public, internal]}, send: [far, blind, near], why: w}
default: {send: [blind, near], why: d}
"""
OPENED = "images: {level: public, why: product pictures alone}"


def embedded(kind: str = "png", *, content: bytes = b"\0" * 32, head: bytes | None = None) -> str:
    """An image as a URL."""
    whole = (HEADS[kind] if head is None else head) + content
    return f"data:image/{kind};base64,{base64.b64encode(whole).decode()}"


def with_images(*urls: str, text: str = "What is this?", role: str = "user", **more: Any) -> dict[str, Any]:
    """A job, as a producer writes it."""
    parts = [{"type": "text", "text": text}, *({"type": "image_url", "image_url": {"url": url}} for url in urls)]
    return {"messages": [{"role": role, "content": parts}], **more}


def job(*urls: str, **more: Any) -> Job:
    """The same, read."""
    return Job.model_validate(with_images(*(urls or (embedded(),)), **more))


def told(given: dict[str, Any]) -> str:
    """What is wrong with a job."""
    with pytest.raises(ValidationError) as caught:
        Job.model_validate(given)
    return "; ".join(problems(caught.value))


@pytest.fixture(scope="module")
def inspector() -> Iterator[Inspector]:
    """The shipped one, without the gate."""
    made = Inspector(detectors=[make() for make in DETECTORS], timeout_s=30.0)
    yield made
    made.close()


def policy(folder: Path, said: str = "") -> Policy:
    """A policy that says this of sensitivity."""
    path = folder / "policy.yaml"
    path.write_text(f"version: 1\n{f'sensitivity: {{{said}}}' if said else ''}\n{REST}")
    return load_policy(path)


# The contract


@pytest.mark.parametrize("url", [*map(embedded, HEADS), "https://example.com/a.png?size=2#x"])
def test_images_are_taken_and_travel_as_they_are(url: str) -> None:
    """Embedded ones of four kinds, and addresses; the wire form says the same."""
    taken = job(url)
    assert Job.from_json(taken.to_json()) == taken
    (image,) = taken.turns()[0].images
    assert image.image_url.url == url
    assert taken.turns()[0].text == "What is this?"


@pytest.mark.parametrize(
    ("url", "why"),
    [
        (embedded(head=b"PK\x03\x04"), "no image of the kind"),
        (embedded("gif", head=HEADS["png"]), "no image of the kind"),
        ("data:image/png;base64,%%%%", "not base64"),
        ("data:image/png;base64,iVBORw0KGgo=\n", "not base64"),
        ("data:image/png;base64,", "no image of the kind"),
        ("data:image/svg+xml;base64,PHN2Zz4=", "should be data:"),
        ("data:image/png,iVBORw0KGgo", "should be data:"),
        ("data:text/plain;base64,aGVsbG8=", "should be data:"),
        ("http://example.com/a.png", "https"),
        ("https://user:secret@example.com/a.png", "https"),
        ("https://", "https"),
        ("https://exa mple.com/a.png", "https"),
        ("https://example.com/\u00e4.png", "https"),
        ("https://[::1", "https"),
        ("https://example.com/" + "a" * 3000, "2048"),
        ("file:///etc/passwd", "https"),
        ("gs://bucket/a.png", "https"),
        ("", "should be data:"),
    ],
)
def test_what_is_no_image_is_told_by_its_field(url: str, why: str) -> None:
    """Where it stands and what was expected, and nothing of the URL itself."""
    said = told(with_images(url))
    assert said.startswith("messages[0].content.parts[1].image_url.image_url.url: ")
    assert why in said
    assert "secret" not in said
    assert "passwd" not in said


def test_images_are_bounded() -> None:
    """In size and number, and to the turns of users."""
    assert "at most 5,000,000 bytes" in told(with_images(embedded(content=b"\0" * MAX_IMAGE_BYTES)))
    assert "at most 20 images" in told(with_images(*[embedded()] * (MAX_IMAGES + 1)))
    for role in ("system", "developer", "assistant", "tool"):
        assert "a user's message" in told(with_images(embedded(), role=role))


@pytest.mark.parametrize("part", [{"type": "input_audio"}, {"type": 7}, 3, None, {"type": ["text"]}])
def test_a_part_of_another_kind_is_told(part: Any) -> None:
    """A sound, say: the list has texts and images."""
    said = told({"messages": [{"role": "user", "content": [part]}]})
    assert said == "messages[0].content.parts[0]: a part's type should be text or image_url"


def test_a_part_without_a_type_is_a_text() -> None:
    """As it always was."""
    found = Job.model_validate({"messages": [{"role": "user", "content": [{"text": "hello"}]}]})
    assert found.turns()[0].text == "hello"


# What is measured


def test_an_image_needs_eyes_and_room() -> None:
    """The lane must be able to see, and an image counts as a large one."""
    turns = job(embedded(), embedded()).turns()
    assert Capability.VISION in tokens.needs(turns, Params())
    assert tokens.estimate(turns, Params()) >= 2 * tokens.IMAGE_TOKENS
    assert Capability.VISION not in tokens.needs(Job(text="hello").turns(), Params())


def test_nobody_looks_at_an_image(inspector: Inspector) -> None:
    """So its job is unknown, and says why; an image is no text that a detector could take for a secret."""
    seen = inspector.inspect(job(embedded(content=bytes(range(256)) * 40))).sensitivity
    assert (seen.level, seen.cause) == (Level.UNKNOWN, "inspection: image: binary")
    assert seen.coverage is not None
    assert seen.coverage.skipped == ("image: binary",)
    assert seen.coverage.chars < 100
    assert seen.findings == ()


def test_an_address_of_an_image_is_text() -> None:
    """It may say more than it should."""
    walked = walk(job("https://example.com/erika.mustermann@example.org.png"))
    assert any("erika.mustermann@example.org" in text for text in walked.strings)
    assert walked.images
    assert walked.problems == ()


def test_what_stands_beside_an_image_is_still_looked_at(inspector: Inspector, tmp_path: Path) -> None:
    """A policy that takes images for harmless takes nothing else for it."""
    rules = policy(tmp_path, OPENED).sensitivity
    card = "my card is 4111 1111 1111 1111"
    assert inspector.inspect(job(text=card), rules=rules).sensitivity.level is Level.RESTRICTED
    there = job("https://example.com/erika.mustermann@example.org.png")
    assert inspector.inspect(there, rules=rules).sensitivity.level is Level.PERSONAL


# What a policy may say


def test_a_job_with_an_image_stays_inside(inspector: Inspector, tmp_path: Path) -> None:
    """On the lane that can see."""
    decision = decide(policy(tmp_path), inspector.inspect(job()))
    assert decision.lanes == ("near",)
    assert decision.cleared == ()


@pytest.mark.parametrize("level", ["public", "internal"])
def test_a_policy_may_take_images_for_harmless(inspector: Inspector, tmp_path: Path, level: str) -> None:
    """It says so aloud, with a reason; the record still says that nobody looked."""
    opened = policy(tmp_path, f"images: {{level: {level}, why: product pictures alone}}")
    assert opened.sensitivity.loosened == (
        f"IMAGE: {level}, shipped as unknown: product pictures alone (policy.yaml:2)",
    )
    signals = inspector.inspect(job(), rules=opened.sensitivity)
    assert signals.sensitivity.level == level
    assert signals.sensitivity.types == ("IMAGE",)
    assert signals.sensitivity.coverage is not None
    assert signals.sensitivity.coverage.skipped == ("image: binary",)
    decision = decide(opened, signals)
    assert decision.lanes == ("far", "near")
    assert decision.cleared == ("far",)
    assert inspector.inspect(Job(text="hello"), rules=opened.sensitivity).sensitivity.types == ()


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("images: {level: personal, why: x}", "should be public or internal"),
        ("images: {level: unknown, why: x}", "should be public or internal"),
        ("images: {level: public}", "why"),
        ("images: harmless", "images"),
    ],
)
def test_a_policy_says_it_whole(tmp_path: Path, said: str, why: str) -> None:
    """A level that keeps nothing inside, and the reason."""
    with pytest.raises(InvalidDocument, match=why):
        policy(tmp_path, said)


def test_a_type_named_image_opens_nothing(inspector: Inspector, tmp_path: Path) -> None:
    """Only the field of its own does."""
    named = policy(tmp_path, "types: {IMAGE: {level: public, why: x}}")
    assert inspector.inspect(job(), rules=named.sensitivity).sensitivity.level is Level.UNKNOWN


def test_the_change_is_told(tmp_path: Path) -> None:
    """Whoever compares two policies sees that images may leave by one of them."""
    before, after = policy(tmp_path), policy(tmp_path, OPENED)
    assert [(one.what, one.loosens) for one in differences(before, after)] == [("IMAGE: unknown -> public", True)]


def test_the_policy_is_formatted_and_checked(tmp_path: Path) -> None:
    """The commands know the field."""
    path = tmp_path / "policy.yaml"
    policy(tmp_path, OPENED)
    runner = CliRunner()
    checked = runner.invoke(cli.policy_app, ["check", str(path), "--json"])
    (loosened,) = json.loads(checked.stdout)["loosened"]
    assert loosened.startswith("IMAGE: public, shipped as unknown: product pictures alone (")
    assert runner.invoke(cli.policy_app, ["fmt", str(path)]).exit_code in (0, 1)


# What follows


def test_an_image_cannot_be_redacted(inspector: Inspector) -> None:
    """Nobody knows what would have to be covered."""

    def readings(_text: str) -> Any:
        raise AssertionError("nothing is read")

    with pytest.raises(NotRedacted, match="image"):
        Redactor(inspector=inspector, readings=readings).redact(job())


def test_the_local_engine_says_that_it_sees_nothing() -> None:
    """Rather than answer a question about a picture without it; the next lane may see."""
    lane = Lane(name="local", zone=Zone.INSIDE, backend="llama_cpp", model="tidegate-tiny", context_tokens=512)
    backend = open_backend(lane, Settings())
    run = Run(job_id="j", attempt=1, messages=job().turns(), params=Params(), timeout_s=5.0)
    try:
        with pytest.raises(ModelMissing, match="sees no images"):
            backend.answer(run, stop=threading.Event())
    finally:
        backend.close()
