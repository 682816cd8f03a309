"""The registry's values: bundles, lines of the history, which entry a rollback means, a file that is being written."""

from pathlib import Path

import pytest

from router.policy.loader import load_policy
from router.policy.registry.bundle import MOST_FILES, Bundle, bundled
from router.policy.registry.desk import _before, _named, unserved
from router.policy.registry.entry import FALLBACK, Entry, Kind
from router.policy.registry.source import Source
from tidegate.errors import InvalidDocument, Misuse
from tidegate.ledger.census import Presence

POLICY = """
version: 1
name: ward
lanes:
  near: {zone: inside, backend: llama_cpp, model: m, context_tokens: 1024}
  far: {zone: outside, backend: openai, model: gpt-4o-mini, context_tokens: 1024}
rules:
  - {name: all, send: near, why: stays}
default: {send: near, why: stays}
"""


def entry(seq: int, kind: Kind = Kind.APPLIED, **changes: object) -> Entry:
    """A line of the history."""
    given = {"seq": seq, "kind": kind, "by": "ada@desk", "at": float(seq), "version": f"ward@{seq:012x}", **changes}
    return Entry.model_validate(given)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A policy file."""
    found = tmp_path / "ward.yaml"
    found.write_text(POLICY)
    return found


def test_a_bundle_means_what_its_file_means(path: Path) -> None:
    """Packed, unpacked and loaded elsewhere, it is the same policy with the same version."""
    bundle = Bundle.unpack(bundled(path).packed())
    assert bundle.load().version == load_policy(path).version


def test_a_bundle_carries_what_its_cases_need(path: Path) -> None:
    """Files of cases and prompts beside the policy go with it, so that a rollback can try them again."""
    (path.parent / "ward.tests.yaml").write_text("tests: []\n")
    (path.parent / "prompts.yaml").write_text("version: 1\nprompts: {}\n")
    (path.parent / "other.yaml").write_text(POLICY)
    assert set(bundled(path).files) == {"ward.yaml", "ward.tests.yaml", "prompts.yaml"}


def test_a_bundle_carries_what_is_included(path: Path) -> None:
    """Files that are included come along with their paths, even from the folder above."""
    inner = path.parent / "wards" / "a.yaml"
    inner.parent.mkdir()
    inner.write_text("include: [../lanes.yaml]\n")
    (path.parent / "lanes.yaml").write_text("include: wards/a.yaml\n")  # a circle ends, too
    found = bundled(inner)
    assert (found.main, set(found.files)) == ("wards/a.yaml", {"wards/a.yaml", "lanes.yaml"})
    with found.unpacked() as main:
        assert (main.parent.parent / "lanes.yaml").read_text() == "include: wards/a.yaml\n"
        assert main.parent.parent.stat().st_mode & 0o077 == 0


def test_too_many_includes_are_an_error(path: Path) -> None:
    """A file that includes without end is told, not followed."""
    for index in range(MOST_FILES + 2):
        (path.parent / f"i{index}.yaml").write_text(f"include: i{index + 1}.yaml\n")
    with pytest.raises(InvalidDocument, match="includes more than"):
        bundled(path.parent / "i0.yaml")


@pytest.mark.parametrize("name", ["/etc/passwd", "../up.yaml", "a/../../b.yaml", ""])
def test_a_bundle_writes_nowhere_else(name: str) -> None:
    """A path out of the folder is refused, whoever made the bundle."""
    with pytest.raises(InvalidDocument, match="no path inside"):
        Bundle(main=name, files={name: POLICY}).load()


def test_errors_of_a_bundle_name_its_own_paths() -> None:
    """The folder that it was unpacked to is nobody's business, and gone by then."""
    with pytest.raises(InvalidDocument) as caught:
        Bundle(main="ward.yaml", files={"ward.yaml": POLICY.replace("send: near, ", "")}).load()
    assert caught.value.problems[0].startswith("ward.yaml:")


@pytest.mark.parametrize("packed", [b"", b"nonsense", Bundle(main="a", files={}).packed()[:-9]])
def test_what_is_no_bundle_is_told(packed: bytes) -> None:
    """An error of ours, not a traceback."""
    with pytest.raises(InvalidDocument):
        Bundle.unpack(packed)


def test_a_rollback_means_the_one_before() -> None:
    """And the next rollback the one before that; past the first comes the configured file."""
    one, two, three = (entry(seq) for seq in (1, 2, 3))
    back = entry(4, Kind.ROLLED_BACK, restores=2)
    again = entry(5, Kind.ROLLED_BACK, restores=1)
    assert _before([one, two, three], FALLBACK) == two
    assert _before([one, two, three, back], FALLBACK) == one
    assert _before([one, two, three, back, again], FALLBACK) is None
    assert _before([one, two, entry(3, slot="bank")], "bank") is None


def test_an_entry_is_named_in_three_ways() -> None:
    """By number, by version and by the beginning of its hash; what is not clear is misuse."""
    history = [entry(1, version="ward@3f9c00000000"), entry(2, version="ward@3f9d00000000"), entry(3, Kind.WITHDRAWN)]
    assert _named(history, "#1").seq == _named(history, "ward@3f9c00000000").seq == _named(history, "3f9c").seq == 1
    for unclear in ("3f9", "#3", "ward", "#9"):
        with pytest.raises(Misuse, match="on record: ward@3f9c00000000"):
            _named(history, unclear)


def test_lanes_that_nobody_serves_are_named(path: Path) -> None:
    """Workers read lanes of their own file; one of the wrong zone serves nothing of ours."""
    policy = load_policy(path)
    near = Presence(name="w1", role="worker", zone="inside", lanes={"near": 1})
    wrong = Presence(name="w2", role="worker", zone="inside", lanes={"far": 1})
    router = Presence(name="r", role="router", lanes={"near": 1, "far": 1})
    assert [one.lane for one in unserved(policy, [router])] == ["near", "far"]
    assert [one.lane for one in unserved(policy, [near, router])] == ["far"]
    (told,) = unserved(policy, [near, wrong])
    assert (told.lane, told.why) == ("far", "the policy has it outside, and its workers are inside")


def test_a_file_that_is_being_written_is_left_alone(path: Path) -> None:
    """A change counts once the file looks the same twice; what was taken is not taken again."""
    source = Source(path)
    source.taken()
    assert not source.changed()
    path.write_text(POLICY + "# a")
    assert not source.changed()
    path.write_text(POLICY + "# ab")
    assert not source.changed()
    assert source.changed()
    source.taken()
    assert not source.changed()
    path.unlink()
    assert [source.changed(), source.changed()] == [False, True]


def test_a_file_that_cannot_be_read_is_tried_again(path: Path) -> None:
    """Until it can be: it may be broken by something that lies elsewhere."""
    source = Source(path)
    source.taken()
    path.write_text("a: [")
    with pytest.raises(InvalidDocument):
        source.taken()
    assert [source.changed() for _ in range(3)][1:] == [True, True]
