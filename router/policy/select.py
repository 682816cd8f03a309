"""Which of several policies decides a job: by its tenant and by the installation's environment. Pure.

The most particular one decides: for the tenant in this environment, then for the tenant, then for the environment, then
the one that is for nobody in particular. Two that would claim the same job with the same right are an error, and so
are two that mean different lanes by one name: workers serve lanes by name, whichever policy sent the job.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import combinations

from router.policy.model import Policy


def choose(policies: Iterable[Policy], *, tenant: str, environment: str | None) -> Policy:
    """The policy for a tenant's job. Raises LookupError where none is for it, not even one for everybody."""
    fitting = [policy for policy in policies if _fits(policy, tenant, environment)]
    if not fitting:
        raise LookupError("no policy is for this tenant, and none for everybody")
    # By name where two claim it with the same right, so that every router chooses alike.
    return min(fitting, key=lambda policy: (*(not named for named in _particular(policy)), policy.name))


def chooser(environment: str | None) -> Callable[[Mapping[str, Policy], str], Policy]:
    """`choose` for one installation, over policies that are kept by some key."""
    return lambda policies, tenant: choose(policies.values(), tenant=tenant, environment=environment)


def clashes(policies: Iterable[Policy]) -> Iterator[str]:
    """What is wrong between policies that stand side by side."""
    for one, other in combinations(tuple(policies), 2):
        yield from _same_claim(one, other)
        for lane in sorted(one.lanes.keys() & other.lanes.keys()):
            if one.lanes[lane] != other.lanes[lane]:
                yield f"{one.name} and {other.name} mean different lanes by '{lane}': let both include it from one file"


def _same_claim(one: Policy, other: Policy) -> Iterator[str]:
    if one.name == other.name:
        yield f"two policies are called {one.name}"
    if _particular(one) != _particular(other):
        return
    tenants, environments = (_both(mine, its) for mine, its in zip(_claims(one), _claims(other), strict=True))
    if tenants is not None and environments is not None:
        whose = " in ".join(filter(None, (", ".join(tenants), ", ".join(environments)))) or "everybody"
        yield f"{one.name} and {other.name} are both for {whose}"


def _both(mine: frozenset[str], its: frozenset[str]) -> tuple[str, ...] | None:
    """The names that both claim; none named on either side means all; None where they never meet."""
    shared = tuple(sorted(mine & its))
    return shared if shared or not mine else None


def _claims(policy: Policy) -> tuple[frozenset[str], frozenset[str]]:
    if policy.scope is None:
        return frozenset(), frozenset()
    return frozenset(policy.scope.tenants or ()), frozenset(policy.scope.environments or ())


def _particular(policy: Policy) -> tuple[bool, bool]:
    tenants, environments = _claims(policy)
    return bool(tenants), bool(environments)


def _fits(policy: Policy, tenant: str, environment: str | None) -> bool:
    tenants, environments = _claims(policy)
    return (not tenants or tenant in tenants) and (not environments or environment in environments)
