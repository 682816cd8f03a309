"""Who is computed in a step, and who is let in next."""

from hypothesis import given
from hypothesis import strategies as st

from workers.local import schedule
from workers.local.schedule import Reading, Share, Waiting


@given(
    sequences=st.lists(st.builds(Reading, st.integers(), st.integers(1, 500), st.integers(0, 9), st.booleans())),
    tokens=st.integers(1, 64),
    chunk=st.integers(1, 64),
)
def test_a_step_keeps_its_bounds_and_starves_no_writer(sequences: list[Reading], tokens: int, chunk: int) -> None:
    """Writers get a token each while there is room; prompts share what is left, and at most a chunk beside writers."""
    shares = schedule.step(sequences, tokens=tokens, chunk=chunk)
    writers = sum(found.writing for found in sequences)
    read = sum(share.size for share in shares[min(writers, tokens) :])
    assert sum(share.size for share in shares) <= tokens
    assert len(shares) >= min(writers, tokens)
    assert read <= (chunk if writers else tokens)
    assert bool(shares) == bool(sequences)


@given(sizes=st.lists(st.integers(1, 40)), mixed=st.integers(1, 64))
def test_a_step_in_parts_is_the_same_step(sizes: list[int], mixed: int) -> None:
    """Nobody is left out, the order stays, and only a single prompt may fill a part beyond its bound."""
    shares = [Share(seq, size, wanted=True) for seq, size in enumerate(sizes)]
    parts = list(schedule.calls(shares, mixed_tokens=mixed))
    assert [share for part in parts for share in part] == shares
    assert all(len(part) == 1 or sum(share.size for share in part) <= mixed for part in parts)
    assert all(parts)


def test_the_foremost_is_not_overtaken_for_want_of_room() -> None:
    """Else a large job would wait for ever behind small ones."""
    waiting = [Waiting(0, cells=50, priority=1), Waiting(1, cells=5, priority=5)]
    assert schedule.admitted(waiting, running=1, slots=4, cells=20, alone=False) is None
    found = schedule.admitted(waiting, running=1, slots=4, cells=50, alone=False)
    assert found is waiting[0]
