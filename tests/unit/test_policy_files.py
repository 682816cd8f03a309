"""The shipped policy, its schema and its prompts: they hold, and they do what their comments say."""

import json

import genai_prices
import pytest
from jsonschema import Draft202012Validator

from router.commands.detectors import detectors
from router.policy.analysis.prove import prove
from router.policy.cases.trial import try_policy
from router.policy.engine import decide
from router.policy.loader import load_policy
from router.policy.schema import schema
from router.prompts import read_prompts
from tidegate.documents import read
from tidegate.lane import Zone
from tidegate.lanes import read_lanes
from tidegate.settings import Settings
from tidegate.signals import Band, Complexity, LaneLoad, Level, Sensitivity, Signals

FOLDER = Settings().home / "policies"
DEFAULT = FOLDER / "default.yaml"
SHIPPED = ("default", "clinic", "bank", "software-team")


def signals(level: Level, band: Band, *, tokens: int, wait_s: float = 0.0) -> Signals:
    """Signals of a job while the local lane has this wait."""
    return Signals(
        sensitivity=Sensitivity(level=level),
        complexity=Complexity(band=band),
        tokens=tokens,
        max_tokens=256,
        load={"local-small": LaneLoad(wait_s=wait_s)},
    )


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_policy_holds_without_a_warning(name: str) -> None:
    """What we ship is what we ask of others."""
    assert load_policy(FOLDER / f"{name}.yaml").warnings == ()


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_policy_decides_its_cases_and_is_proven(name: str) -> None:
    """Each has cases for every rule, and no job breaks what it promises."""
    tried = try_policy(FOLDER / f"{name}.yaml", open_inspector=detectors)
    assert [trial.case.name for trial in tried.trials if not trial.passed] == []
    assert [rule for rule, cases in tried.rules.items() if not cases and rule != "default"] == []
    assert prove(load_policy(FOLDER / f"{name}.yaml")).holds


@pytest.mark.parametrize(
    ("job", "rule", "lanes"),
    [
        (("personal", "simple", 50, 0), "sensitive-stays-inside", ["local-small"]),
        (("restricted", "complex", 50, 99), "sensitive-stays-inside", ["local-small"]),
        (("unknown", "moderate", 50, 99), "sensitive-stays-inside", ["local-small"]),
        (("public", "simple", 300, 20), "simple-runs-local", ["local-small"]),
        (("internal", "simple", 300, 21), "simple-runs-local", ["openai-small", "local-small"]),
        (("public", "simple", 301, 0), "the-rest-goes-small", ["openai-small", "openai-large"]),
        (("public", "moderate", 50, 0), "the-rest-goes-small", ["openai-small", "openai-large"]),
        (("public", "unknown", 50, 0), "the-rest-goes-small", ["openai-small", "openai-large"]),
        (("public", "complex", 50, 0), "complex-goes-large", ["openai-large"]),
        (("public", "simple", 30_001, 0), "long-goes-large", ["openai-large"]),
    ],
)
def test_the_shipped_policy_does_what_its_comments_say(
    job: tuple[str, str, int, float], rule: str, lanes: list[str]
) -> None:
    """One case for each rule and each edge: level, band, tokens, seconds of wait for the local lane."""
    level, band, tokens, wait_s = job
    seen = signals(Level(level), Band(band), tokens=tokens, wait_s=wait_s)
    decision = decide(load_policy(DEFAULT), seen)
    assert (decision.rule, list(decision.lanes), decision.cause) == (rule, lanes, None)


def test_every_job_of_the_local_lane_fits_its_model() -> None:
    """The longest job that the rule sends to the local lane leaves room for a whole answer of the usual length."""
    lane = read_lanes(DEFAULT)["local-small"]
    assert 300 * 4 / lane.chars_per_token + 256 <= lane.context_tokens


def test_prices_of_the_outside_lanes_are_known() -> None:
    """A job outside has a cost on record, so its model must be in the price table that we ship with."""
    for lane in read_lanes(DEFAULT).values():
        if lane.zone is Zone.OUTSIDE:
            usage = genai_prices.Usage(input_tokens=1_000_000, output_tokens=0)
            assert genai_prices.calc_price(usage, lane.model, provider_id="openai").total_price > 0


def test_the_schema_beside_the_policies_is_the_generated_one() -> None:
    """Editors must complete what the loader accepts. To renew: tidegate policy schema > policies/schema.json."""
    assert json.loads((FOLDER / "schema.json").read_text()) == schema()


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_policy_fits_the_schema(name: str) -> None:
    """What the loader accepts, an editor does not underline."""
    assert (
        list(Draft202012Validator(schema()).iter_errors(json.loads(json.dumps(read(FOLDER / f"{name}.yaml").tree))))
        == []
    )


def test_the_schema_underlines_what_is_misspelt() -> None:
    """An unknown condition, a name inside a lane, and a policy with neither lanes nor files to include."""
    validator = Draft202012Validator(schema())
    Draft202012Validator.check_schema(schema())
    tree = json.loads(json.dumps(read(DEFAULT).tree))
    tree["rules"][0]["when"]["sensitivty"] = "personal"
    tree["lanes"]["local-small"]["name"] = "other"
    assert len(list(validator.iter_errors(tree))) == 2
    del tree["lanes"]
    del tree["include"]
    assert len(list(validator.iter_errors(tree))) == 2


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_policy_names_its_schema(name: str) -> None:
    """The first line is what editors read."""
    assert (FOLDER / f"{name}.yaml").read_text().startswith("# yaml-language-server: $schema=schema.json\n")


def test_the_shipped_prompts_can_be_read() -> None:
    """Each says what it is for and takes at least one variable."""
    prompts = read_prompts(FOLDER / "prompts.yaml")
    assert set(prompts) == {"sentiment", "ticket-triage", "visit-summary"}
    assert all(prompt.about and prompt.variables for prompt in prompts.values())
