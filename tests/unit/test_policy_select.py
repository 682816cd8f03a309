"""Several policies side by side: the most particular one decides, and two equal claims are told."""

from typing import Any

import pytest

from router.policy.loader import policy_from
from router.policy.model import Policy
from router.policy.select import choose, chooser, clashes
from tidegate.documents import Document
from tidegate.errors import InvalidDocument


def policy(name: str, *, model: str = "t", **scope: list[str]) -> Policy:
    """A policy of this name for these tenants and environments."""
    tree: dict[str, Any] = {
        "version": 1,
        "name": name,
        "lanes": {"near": {"zone": "inside", "backend": "llama_cpp", "model": model, "context_tokens": 1000}},
        "default": {"send": "near", "why": "d"},
        **({"for": scope} if scope else {}),
    }
    return policy_from(Document("<test>", tree), name="file")


EVERYBODY, STAGING = policy("everybody"), policy("staging", environments=["staging"])
BANK, BANK_STAGING = (
    policy("bank", tenants=["bank", "fraud"]),
    policy("both", tenants=["bank"], environments=["staging"]),
)
ALL = (EVERYBODY, STAGING, BANK, BANK_STAGING)


@pytest.mark.parametrize(
    ("tenant", "environment", "chosen"),
    [
        ("shop", None, EVERYBODY),
        ("shop", "production", EVERYBODY),
        ("shop", "staging", STAGING),
        ("bank", "production", BANK),
        ("bank", "staging", BANK_STAGING),
        ("fraud", "staging", BANK),
    ],
)
def test_the_most_particular_policy_decides(tenant: str, environment: str | None, chosen: Policy) -> None:
    """Tenant and environment before tenant, before environment, before everybody; in any order of the files."""
    assert choose(ALL, tenant=tenant, environment=environment) is chosen
    assert choose(reversed(ALL), tenant=tenant, environment=environment) is chosen
    assert chooser(environment)({str(index): one for index, one in enumerate(ALL)}, tenant) is chosen


def test_nobodys_job_has_no_policy() -> None:
    """Without one for everybody there may be none: who asks has to know."""
    with pytest.raises(LookupError):
        choose([BANK], tenant="shop", environment=None)


def test_equal_claims_are_told() -> None:
    """Two that are for the same jobs, by name; two that are for different ones, or differ in rank, are in order."""
    assert list(clashes(ALL)) == []
    assert list(clashes([BANK, policy("other", tenants=["fraud"])])) == ["bank and other are both for fraud"]
    assert list(clashes([EVERYBODY, policy("more")])) == ["everybody and more are both for everybody"]
    assert list(clashes([BANK, policy("bank", tenants=["x"])])) == ["two policies are called bank"]


def test_a_lane_means_the_same_in_all_policies() -> None:
    """Workers serve it by name, whichever policy sent the job."""
    other = policy("other", model="another", tenants=["x"])
    assert list(clashes([EVERYBODY, other])) == [
        "everybody and other mean different lanes by 'near': let both include it from one file"
    ]


def test_a_scope_that_names_nobody_is_refused() -> None:
    """It would never be chosen, or always."""
    with pytest.raises(InvalidDocument, match="give tenants, environments, or both"):
        policy_from(
            Document("<test>", {"version": 1, "lanes": {}, "for": {}, "default": {"send": "near", "why": "d"}}),
            name="x",
        )
