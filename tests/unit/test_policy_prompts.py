"""Prompts by name: strict about variables, and no value can reach beyond its place."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.prompts import Prompt, Turn, read_prompts, resolve
from tidegate.errors import InvalidDocument, InvalidJob
from tidegate.job import Job, PromptRef

PROMPTS = {
    "greet": Prompt(
        messages=(Turn(role="system", content="Cost: $$5"), Turn(role="user", content="Hello ${name} of ${place}!"))
    )
}


def job(variables: dict[str, str], *, prompt: str = "greet") -> Job:
    """A job that names a prompt."""
    return Job(prompt=PromptRef(name=prompt, variables=variables), tenant="acme")


def problems_of(given_job: Job) -> tuple[str, ...]:
    """What is wrong with a job's prompt."""
    with pytest.raises(InvalidJob) as caught:
        resolve(given_job, PROMPTS)
    return caught.value.problems


def test_a_prompt_becomes_messages_and_the_rest_of_the_job_stays() -> None:
    """The resolved job is an ordinary one."""
    resolved = resolve(job({"name": "Ann", "place": "Oslo"}), PROMPTS)
    assert [(turn.role, turn.text) for turn in resolved.turns()] == [
        ("system", "Cost: $5"),
        ("user", "Hello Ann of Oslo!"),
    ]
    assert (resolved.prompt, resolved.tenant) == (None, "acme")
    assert Job.from_json(resolved.to_json()) == resolved


def test_a_job_without_a_prompt_is_left_alone() -> None:
    """Nothing is filled into a producer's own text."""
    plain = Job(text="Hello ${name}")
    assert resolve(plain, PROMPTS) is plain


def test_each_wrong_variable_is_named() -> None:
    """What is missing, what is too much, and what was probably meant."""
    assert problems_of(job({"nam": "Ann"})) == (
        "prompt.variables.name: is missing",
        "prompt.variables.place: is missing",
        "prompt.variables.nam: the prompt has no such variable; did you mean 'name'?",
    )


def test_a_key_that_is_no_plain_name_is_not_repeated() -> None:
    """It may be somebody's text, and errors go on record."""
    (said,) = problems_of(job({"name": "Ann", "place": "Oslo", "Ann Lee, born 1980": "x"}))
    assert said == "prompt.variables: the prompt has no such variable; expected one of: name, place"


def test_an_unknown_prompt_is_told_with_the_nearest_name() -> None:
    """A producer's slip of the pen."""
    assert problems_of(job({}, prompt="great")) == ("prompt.name: no such prompt; did you mean 'greet'?",)


@given(st.text(), st.text())
def test_no_value_reaches_beyond_its_place(name: str, place: str) -> None:
    """A value that looks like a variable stays what it is."""
    resolved = resolve(job({"name": "${place}" + name, "place": place}), PROMPTS)
    assert resolved.turns()[1].text == "Hello ${place}" + name + " of " + place + "!"


def test_a_file_of_prompts_is_read_with_all_its_mistakes(tmp_path: Path) -> None:
    """A dollar that starts no variable is found when the file is read, not when a job comes."""
    path = tmp_path / "prompts.yaml"
    path.write_text(
        "version: 1\nprompts:\n  a:\n    messages:\n    - {role: user, content: 'costs $5'}\n"
        "  b: {messages: [{role: user, content: '${}'}]}\n"
    )
    with pytest.raises(InvalidDocument) as caught:
        read_prompts(path)
    assert [problem.removeprefix(str(path)) for problem in caught.value.problems] == [
        ":5:29: prompts.a.messages[0].content: a '$' that starts no ${variable}; write $$ for a dollar",
        ":6:40: prompts.b.messages[0].content: a '$' that starts no ${variable}; write $$ for a dollar",
    ]
    path.write_text("version: 1\nprompts: {a: {mesages: []}}\n")
    with pytest.raises(InvalidDocument, match="did you mean 'messages'"):
        read_prompts(path)


def test_a_policy_without_prompts_needs_no_file(tmp_path: Path) -> None:
    """Prompts are optional."""
    assert read_prompts(tmp_path / "none.yaml") == {}
