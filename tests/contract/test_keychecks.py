"""A producer with the wrong key finds out before its job is accepted."""

import secrets
from typing import Any

import pytest

from tidegate import keychecks
from tidegate.errors import InvalidSettings
from tidegate.keys import Keyring
from tidegate.lane import Zone


def _ring(*keys: bytes) -> Keyring:
    return Keyring(Zone.INSIDE, {f"k{number}": key for number, key in enumerate(keys)})


def test_the_routers_own_keys_are_fine(redis: Any) -> None:
    """What was announced is accepted, the rotated key too."""
    old, new = secrets.token_bytes(32), secrets.token_bytes(32)
    keychecks.announce(redis, [_ring(old, new)])
    keychecks.check(redis, [_ring(old)])
    keychecks.check(redis, [_ring(old, new)])


def test_another_key_under_the_same_id_is_refused_with_what_to_do(redis: Any) -> None:
    """The message names the setting and the id, never the key."""
    keychecks.announce(redis, [_ring(secrets.token_bytes(32))])
    wrong = secrets.token_bytes(32)
    with pytest.raises(InvalidSettings, match="TIDEGATE_INSIDE_KEY_FILE") as refused:
        keychecks.check(redis, [_ring(wrong)])
    assert wrong.hex() not in str(refused.value)


def test_before_a_router_announced_any_key_will_do(redis: Any) -> None:
    """A producer may start first: its jobs wait for a router that has its key."""
    keychecks.check(redis, [_ring(secrets.token_bytes(32))])
