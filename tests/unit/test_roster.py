"""Lanes that change while jobs run: nobody fails, the old backend ends its jobs and closes, the new one takes over."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from doubles import lane

from tidegate.errors import InvalidDocument, ModelMissing, NoMemory, RunTimedOut
from tidegate.job import Params
from tidegate.lane import Lane
from tidegate.result import Answer
from workers.backend import Backend, Run
from workers.follow import Follower
from workers.roster import Roster

BOUND_S = 30.0


@dataclass
class Slow:
    """A backend whose jobs end when the test says so."""

    lane: Lane
    house: "House"
    go: threading.Event = field(default_factory=threading.Event)
    started: threading.Event = field(default_factory=threading.Event)
    closed: threading.Event = field(default_factory=threading.Event)

    def warm(self, *, timeout_s: float) -> None:
        """Fail, where the house says so."""
        assert timeout_s > 0
        error = self.house.error(self)
        if error is not None:
            raise error

    def answer(self, run: Run, *, stop: threading.Event, on_text: Callable[[str], None] | None = None) -> Answer:
        """Wait, then say who answered."""
        assert run
        assert not stop.is_set()
        assert on_text is None
        assert not self.closed.is_set()
        self.started.set()
        assert self.go.wait(BOUND_S)
        return Answer(text="", model=self.lane.model)

    def close(self) -> None:
        """Note it."""
        self.closed.set()


@dataclass
class House:
    """Opens backends, and may have too little room for two."""

    opened: list[Slow] = field(default_factory=list)
    broken: frozenset[str] = frozenset()
    narrow: bool = False

    def open(self, of: Lane) -> Backend:
        """One more."""
        self.opened.append(Slow(of, self))
        return self.opened[-1]

    def error(self, wanted: Slow) -> Exception | None:
        """What goes wrong when it gets ready."""
        if wanted.lane.model in self.broken:
            return ModelMissing("not a GGUF file")
        if self.narrow and any(one is not wanted and not one.closed.is_set() for one in self.opened):
            return NoMemory("no room for both")
        return None


def a_run(timeout_s: float = BOUND_S) -> Run:
    """Any job."""
    return Run(job_id="j", attempt=1, messages=(), params=Params(), timeout_s=timeout_s)


@contextmanager
def at_work(house: House) -> Iterator[tuple[Roster, ThreadPoolExecutor]]:
    """A roster of one lane, and threads for its jobs."""
    roster = Roster({"local": lane(model="old")}, house.open)
    with ThreadPoolExecutor() as threads:
        try:
            yield roster, threads
        finally:
            for one in house.opened:
                one.go.set()


def job(roster: Roster) -> Answer:
    """One job of the lane, as it is now."""
    return roster.backend(roster.lanes["local"]).answer(a_run(), stop=threading.Event())


def test_jobs_that_run_end_where_they_began_and_new_ones_go_to_the_new_model() -> None:
    """The old backend is closed after its last job, not before."""
    house = House()
    with at_work(house) as (roster, threads):
        first = threads.submit(job, roster)
        assert eventually(lambda: bool(house.opened))
        assert house.opened[0].started.wait(BOUND_S)
        roster.change(lane(model="new"))
        old, new = house.opened
        new.go.set()
        assert job(roster).model == "new"
        assert not old.closed.is_set()
        old.go.set()
        assert first.result(BOUND_S).model == "old"
        assert old.closed.wait(BOUND_S)


def test_without_room_for_both_new_jobs_wait_for_the_new_model() -> None:
    """The old one ends its job, is closed, and then the new one opens; nobody fails."""
    house = House(narrow=True)
    with at_work(house) as (roster, threads):
        first = threads.submit(job, roster)
        assert eventually(lambda: bool(house.opened))
        assert house.opened[0].started.wait(BOUND_S)
        change = threads.submit(roster.change, lane(model="new"))
        assert eventually(lambda: roster._posts["local"]._shift is None)
        second = threads.submit(job, roster)
        with pytest.raises(RunTimedOut, match="being replaced"):
            roster.backend(roster.lanes["local"]).answer(a_run(timeout_s=0.01), stop=threading.Event())
        house.opened[0].go.set()
        assert first.result(BOUND_S).model == "old"
        change.result(BOUND_S)
        house.opened[-1].go.set()
        assert second.result(BOUND_S).model == "new"
        assert [one.closed.is_set() for one in house.opened] == [True, True, False]


@pytest.mark.parametrize("narrow", [False, True])
def test_what_cannot_be_opened_replaces_nothing(*, narrow: bool) -> None:
    """The old model goes on, also where it had to be closed first."""
    house = House(narrow=narrow, broken=frozenset({"new"}))
    with at_work(house) as (roster, threads):
        first = threads.submit(job, roster)
        assert eventually(lambda: bool(house.opened))
        house.opened[0].go.set()
        assert first.result(BOUND_S).model == "old"
        roster.change(lane(model="new"))
        house.opened[-1].go.set()
        assert job(roster).model == "old"
        assert roster.lanes["local"].model == "old"


def test_a_lane_without_a_job_yet_opens_as_it_is_when_one_comes() -> None:
    """Nothing is opened for a change that nobody uses yet."""
    house = House()
    with at_work(house) as (roster, _):
        roster.change(lane(model="new"))
        assert not house.opened
        roster.backend(lane(model="old"))
        assert [one.lane.model for one in house.opened] == ["new"]


@dataclass
class Desk:
    """A policy file and a model's file that a follower looks at."""

    folder: Path
    lanes: dict[str, Lane] = field(default_factory=lambda: {"local": lane(model="old")})
    broken: bool = False
    changes: list[Lane] = field(default_factory=list)

    @property
    def policy(self) -> Path:
        """The policy file."""
        return self.folder / "policy.yaml"

    @property
    def model(self) -> Path:
        """The model's file."""
        return self.folder / "model.gguf"

    def read(self) -> dict[str, Lane]:
        """What stands in the policy file."""
        if self.broken:
            raise InvalidDocument(("broken",))
        return self.lanes

    def follower(self) -> Follower:
        """One that has looked at all of it."""
        self.policy.write_text("1")
        self.model.write_text("1")
        roster = Roster(self.lanes, House().open)

        def note(of: Lane) -> None:
            self.changes.append(of)
            roster.lanes[of.name] = of

        roster.change = note  # type: ignore[method-assign]
        return Follower(
            roster, read=self.read, policy_files=lambda: (self.policy,), model_file=lambda _lane: self.model
        )


def test_a_file_that_changes_is_taken_once_when_it_has_come_to_rest(tmp_path: Path) -> None:
    """Neither in the middle of its writing, nor twice."""
    desk = Desk(tmp_path)
    follower = desk.follower()
    follower.look()
    assert not desk.changes
    desk.model.write_text("12")
    follower.look()
    desk.model.write_text("123")
    follower.look()
    assert not desk.changes
    for _ in range(3):
        follower.look()
    assert [one.model for one in desk.changes] == ["old"]


def test_a_lane_that_changes_in_the_policy_is_changed_here(tmp_path: Path) -> None:
    """A new model is a new backend; another time limit is not; a broken file changes nothing."""
    desk = Desk(tmp_path)
    follower = desk.follower()
    desk.lanes = {"local": lane(model="old", timeout_s=7.0)}
    desk.policy.write_text("22")
    for _ in range(3):
        follower.look()
    assert not desk.changes
    assert follower.roster.lanes["local"].timeout_s == 7.0
    desk.broken = True
    desk.policy.write_text("333")
    for _ in range(3):
        follower.look()
    desk.broken = False
    desk.lanes = {"local": lane(model="new"), "other": lane("other")}
    desk.policy.write_text("4444")
    for _ in range(4):
        follower.look()
    assert [one.model for one in desk.changes] == ["new"]


def eventually(holds: Callable[[], bool]) -> bool:
    """Whether it comes true in time."""
    waited = threading.Event()
    for _ in range(int(BOUND_S / 0.01)):
        if holds():
            return True
        waited.wait(0.01)
    return holds()
