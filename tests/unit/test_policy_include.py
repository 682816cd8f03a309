"""Includes: lanes of several files laid together, every mistake with the file in which it stands."""

from pathlib import Path

import pytest

from router.policy.loader import load_policy
from tidegate.errors import InvalidDocument
from tidegate.lanes import read_lanes

NEAR = "  near: {zone: inside, backend: llama_cpp, model: tiny, context_tokens: 1024}\n"
FAR = "  far: {zone: outside, backend: openai, model: gpt-4o-mini, context_tokens: 8000}\n"
REST = "rules:\n  - {name: r, send: far, why: w, when: {sensitivity: public}}\ndefault: {send: near, why: d}\n"

ONLY = (
    "an included file holds lanes, budgets and sensitivity only; "
    "expected one of: version, include, lanes, budgets, sensitivity"
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the files of a test lie."""
    return tmp_path


def write(folder: Path, **files: str) -> Path:
    """Write the files; `main` is the policy."""
    for name, text in files.items():
        (folder / f"{name}.yaml").write_text("version: 1\n" + text)
    return folder / "main.yaml"


def problems_of(path: Path) -> list[str]:
    """What is wrong with a policy, without the folder."""
    with pytest.raises(InvalidDocument) as caught:
        load_policy(path)
    return [
        problem.replace(f"{path.parent.resolve()}/", "").replace(f"{path.parent}/", "")
        for problem in caught.value.problems
    ]


def test_lanes_come_from_other_files(folder: Path) -> None:
    """For the router and for workers alike, through any number of files."""
    path = write(folder, main="include: a.yaml\n" + REST, a="include: [b.yaml]\nlanes:\n" + NEAR, b="lanes:\n" + FAR)
    assert set(load_policy(path).lanes) == set(read_lanes(path)) == {"near", "far"}


def test_the_version_follows_what_the_included_files_say(folder: Path) -> None:
    """Where a lane stands changes nothing; what it says does."""
    whole = load_policy(write(folder, main="lanes:\n" + NEAR + FAR + REST)).version
    apart = load_policy(write(folder, main="include: a.yaml\nlanes:\n" + NEAR + REST, a="lanes:\n" + FAR)).version
    other = load_policy(
        write(folder, main="include: a.yaml\nlanes:\n" + NEAR + REST, a="lanes:\n" + FAR.replace("4o-mini", "4.1"))
    )
    assert whole == apart != other.version


def test_a_file_may_be_included_twice_over(folder: Path) -> None:
    """Two files that both include a third are no circle, and its lanes are there once."""
    path = write(
        folder,
        main="include: [a.yaml, b.yaml]\n" + REST,
        a="include: c.yaml\nlanes:\n" + NEAR,
        b="include: c.yaml\nlanes: {}\n",
        c="lanes:\n" + FAR,
    )
    assert set(load_policy(path).lanes) == {"near", "far"}


@pytest.mark.parametrize(
    ("files", "said"),
    [
        (
            {"main": "include: main.yaml\nlanes:\n" + NEAR + FAR + REST},
            ["main.yaml:2:10: include: includes in a circle: main.yaml -> main.yaml"],
        ),
        (
            {
                "main": "include: [a.yaml]\n" + REST,
                "a": "lanes:\n" + NEAR + FAR + "include: b.yaml\n",
                "b": "lanes: {}\ninclude: a.yaml\n",
            },
            ["b.yaml:3:10: include: includes in a circle: a.yaml -> b.yaml -> a.yaml"],
        ),
        (
            {"main": "include: [a.yaml, 5]\nlanes:\n" + NEAR + FAR + REST},
            [
                "main.yaml:2:11: include[0]: no such file",
                "main.yaml:2:19: include[1]: should be the path of a file, relative to this one",
            ],
        ),
        (
            {"main": "include: /etc/hosts\nlanes:\n" + NEAR + FAR + REST},
            ["main.yaml:2:10: include: should be the path of a file, relative to this one"],
        ),
        (
            {"main": "include: ${X}.yaml\nlanes:\n" + NEAR + FAR + REST},
            ["main.yaml:2:10: include: should be the path of a file, relative to this one"],
        ),
        (
            {"main": "include: a.yaml\nlanes:\n" + NEAR + REST, "a": "lanes:\n" + FAR + "  barn: {}\n"},
            ["a.yaml:4:3: lanes.barn.zone: is missing"],
        ),
        (
            {
                "main": "include: a.yaml\nlanes:\n" + NEAR + REST,
                "a": "lanes:\n" + FAR.replace("mini", "mini, modle: x"),
            },
            ["a.yaml:3:61: lanes.far.modle: unknown field; did you mean 'model'?"],
        ),
        (
            {"main": "include: a.yaml\nlanes:\n" + NEAR + REST, "a": "lanes:\n" + FAR + REST},
            [
                f"a.yaml:4:1: rules: {ONLY}",
                f"a.yaml:6:1: default: {ONLY}",
            ],
        ),
        ({"main": "include: a.yaml\nlanes:\n" + NEAR + FAR + REST, "a": "lanes: [\n"}, ["a.yaml:3:1: "]),
        (
            {"main": "include: a.yaml\nlanes:\n" + NEAR + FAR + REST, "a": "lanes: {}\nlanes: {}\n"},
            ["a.yaml:3:1: lanes: given twice; the first is on line 2"],
        ),
    ],
)
def test_what_is_wrong_is_told_where_it_stands(folder: Path, files: dict[str, str], said: list[str]) -> None:
    """In whichever file that is."""
    found = problems_of(write(folder, **files))
    assert all(any(one.startswith(start) for one in found) for start in said), found


def test_a_lane_stands_in_one_place(folder: Path) -> None:
    """A second one of the same name is an error, even where both say the same; nothing is overridden."""
    path = write(folder, main="include: a.yaml\nlanes:\n" + NEAR + FAR + REST, a="lanes:\n" + FAR)
    (problem,) = problems_of(path)
    assert problem == "main.yaml:5:3: lanes.far: there is such a lane in a.yaml on line 3"


def test_a_chain_of_files_ends(folder: Path) -> None:
    """A policy includes fifty files at most."""
    files = {f"f{number}": f"include: f{number + 1}.yaml\nlanes: {{}}\n" for number in range(60)}
    found = problems_of(write(folder, main="include: f0.yaml\nlanes:\n" + NEAR + FAR + REST, **files))
    assert [problem.split(": ", 2)[2] for problem in found] == ["more than 50 files are included"]
