"""Of which jobs an engine may keep the beginning of a prompt for the tenant's next one."""

import pytest
from doubles import decision, record, signals

from tidegate.signals import Level
from workers.opening import _guarded


@pytest.mark.parametrize("level", list(Level))
def test_only_what_was_judged_public_leaves_anything_behind(level: Level) -> None:
    """Every other level may be personal, the one for what could not be judged above all."""
    decided = decision("local").model_copy(update={"signals": signals(level)})
    assert _guarded(record(decision=decided.to_json())) == (level is not Level.PUBLIC)


def test_what_nobody_judged_is_guarded() -> None:
    """A job without a decision on record."""
    assert _guarded(record())
