"""Who is blamed when a worker's process dies, on a real store: deaths are played, as leases that lapse."""

import random
from dataclasses import dataclass, field

import pytest
from doubles import RecordingDoorbell

from tidegate.client import Client
from tidegate.lane import Zone
from tidegate.ledger import states
from tidegate.ledger.line import Taken
from tidegate.ledger.record import Record
from tidegate.ledger.states import State
from workers import blame
from workers.janitor import Janitor

LANE = "local"


@dataclass
class Works:
    """A lane's jobs, and processes of some slots each that run them."""

    client: Client
    janitor: Janitor
    slots: int = 8
    jobs: list[str] = field(default_factory=list)
    runs: dict[str, dict[str, int]] = field(default_factory=dict)
    """By process: the jobs that it runs, and their fences."""
    born: int = 0

    def place(self, count: int = 1) -> list[str]:
        """Jobs in the lane's line."""
        made = [self.client.submit({"text": "x"}) for _ in range(count)]
        for job_id in made:
            move = states.place(lane=LANE, zone="inside", changes={}, nudge_s=1e6, note={})
            self.client.ledger.apply(job_id, move)
        self.jobs += made
        return made

    def start(self) -> str:
        """Another process."""
        self.born += 1
        self.runs[f"w{self.born}"] = {}
        return f"w{self.born}"

    def fill(self, process: str) -> list[str]:
        """It takes jobs while it has slots and there are any. Returns what it runs."""
        claim = states.claim(worker=process, lease_s=1e6)
        while len(self.runs[process]) < self.slots:
            taken = self.client.ledger.line.take(LANE, zone=Zone.INSIDE, claim=claim, woken=True)
            if not isinstance(taken, Taken):
                break
            self.runs[process][taken.record.id] = taken.claim.fence
        return list(self.runs[process])

    def finish(self, process: str, *jobs: str) -> None:
        """Runs that end well."""
        for job_id in jobs:
            move = states.succeed(fence=self.runs[process].pop(job_id), changes={}, note={})
            self.client.ledger.apply(job_id, move)

    def kill(self, process: str) -> None:
        """It dies with all that it runs; the janitor finds out, and another one starts."""
        self.lapse(*self.runs.pop(process))
        self.start()

    def lapse(self, *jobs: str) -> None:
        """Their time has come."""
        redis = self.client.ledger.redis
        for job_id in jobs:
            redis.hset(f"tg:job:{job_id}", "look_at", "1")
            redis.zadd("tg:agenda", {job_id: 1.0})
        self.janitor.sweep()

    def records(self) -> list[Record]:
        """All jobs."""
        return self.client.ledger.get_many(self.jobs)

    def wake(self) -> bool:
        """The pauses of those who wait are over. Returns whether there is anything left to do."""
        found = self.records()
        self.lapse(*(one.id for one in found if one.state is State.WAITING))
        return not all(one.state.ended for one in found)


@pytest.fixture
def works(client: Client, doorbell: RecordingDoorbell) -> Works:
    """A lane without processes."""
    janitor = Janitor(ledger=client.ledger, doorbell=doorbell, nudge_s=1e6, max_crashes=2, period_s=1.0)
    return Works(client, janitor)


@pytest.mark.parametrize(("seed", "processes", "slots"), [(1, 1, 8), (2, 2, 8), (3, 3, 3), (4, 1, 24)])
def test_one_killer_takes_no_innocent_along(works: Works, seed: int, processes: int, slots: int) -> None:
    """It is found after five processes. Whoever ran beside it succeeds, however long the runs are."""
    rng, works.slots = random.Random(seed), slots
    before, (killer,), after = works.place(20), works.place(), works.place(20)
    for _ in range(processes):
        works.start()
    while works.wake():
        for process in list(works.runs):
            running = works.fill(process)
            if killer in running:
                works.kill(process)
            else:
                works.finish(process, *rng.sample(running, (len(running) + 1) // 2))
    found = {one.id: one for one in works.records()}
    assert (found[killer].reason, found[killer].crashes) == ("poison", blame.most(2))
    assert {found[job_id].state for job_id in (*before, *after)} == {State.SUCCEEDED}
    assert max(found[job_id].crashes for job_id in (*before, *after)) <= blame.SUSPECT
    assert works.client.ledger.redis.keys("tg:held:*") == []


def test_random_deaths_of_busy_processes_condemn_nobody(works: Works) -> None:
    """Jobs that were near two deaths and more succeed all the same: before, each of them would have been poison."""
    rng = random.Random(5)
    jobs = works.place(60)
    for _ in range(2):
        works.start()
    rounds = 0
    while works.wake():
        rounds += 1
        for process in list(works.runs):
            running = works.fill(process)
            if len(running) > 1 and (rounds <= 2 or rng.random() < 0.15):
                works.kill(process)
            else:
                works.finish(process, *running)
    found = works.records()
    assert {one.state for one in found} == {State.SUCCEEDED}
    assert sum(one.crashes >= 2 for one in found) >= 8
    assert len(jobs) == len(found)


def test_suspects_run_beside_no_other_suspect(works: Works) -> None:
    """What died three times in company waits while its process runs another such; others run beside them."""
    jobs, process = works.place(4), works.start()
    for _ in range(blame.SUSPECT):
        assert sorted(works.fill(process)) == sorted(jobs)
        works.kill(process)
        process = next(iter(works.runs))
        works.wake()
    (fresh,) = works.place()
    first = set(works.fill(process))
    assert fresh in first
    (suspect,) = first - {fresh}
    found = {one.id: one for one in works.records()}
    assert {found[job_id].state for job_id in jobs if job_id != suspect} == {State.WAITING}
    assert [event.move for event in works.client.ledger.history(jobs[-1])][-1] == "set_apart"
    assert set(works.fill(works.start())) == set()  # they wait; in another process one of them may run
    works.wake()
    (other,) = set(works.fill("w5"))
    assert other in set(jobs) - {suspect}
    works.finish(process, suspect)
    works.wake()
    assert set(works.fill(process)) > {fresh}


def test_who_was_alone_is_told_from_who_had_company(works: Works) -> None:
    """One of several that lapse one after the other had company, also the last of them."""
    jobs, process = works.place(3), works.start()
    works.fill(process)
    ledger = works.client.ledger
    assert not any(ledger.alone(job_id) for job_id in jobs)
    for job_id in jobs:
        assert not ledger.alone(job_id)
        works.lapse(job_id)
    assert [one.blamed for one in works.records()] == [0, 0, 0]


def test_one_that_was_taken_from_a_process_meanwhile_was_company(works: Works) -> None:
    """A job that was cancelled after the other's last sign of life may have died with it; before that, it did not."""
    (gone, left), process = works.place(2), works.start()
    works.fill(process)
    ledger = works.client.ledger
    works.client.cancel(gone)
    assert not ledger.alone(left)
    ledger.apply(left, states.renew(fence=works.runs[process][left], lease_s=1e6))
    assert ledger.alone(left)
    works.lapse(left)
    assert works.client.record(left).blamed == 1


def test_one_that_ended_by_its_own_worker_s_word_was_no_company(works: Works) -> None:
    """A process that still said so was alive then."""
    (done, left), process = works.place(2), works.start()
    works.fill(process)
    works.finish(process, done)
    assert works.client.ledger.alone(left)


def test_what_an_earlier_release_began_blames_nobody(works: Works) -> None:
    """Nobody wrote down what ran beside it; and what such a release left in the list is no company."""
    (old, new), ledger = works.place(2), works.client.ledger
    works.start()
    works.fill("w1")
    ledger.redis.zrem("tg:held:w1", old)
    assert not ledger.alone(old)
    assert ledger.alone(new)
    ledger.redis.zadd("tg:held:w1", {"cancelled-by-an-earlier-release": 3})
    assert ledger.alone(new)
    assert ledger.redis.zrange("tg:held:w1", 0, -1) == [new.encode()]


def test_a_redriven_letter_is_no_suspect(works: Works) -> None:
    """Whoever sends it again means it: it begins with a clean record."""
    (job_id,), ledger = works.place(), works.client.ledger
    for _ in range(2):
        process = works.start()
        works.fill(process)
        works.kill(process)
    letter = works.client.record(job_id)
    assert (letter.reason, letter.crashes, letter.blamed) == ("poison", 2, 2)
    ledger.apply(job_id, states.redrive(rev=letter.rev, redrives=1, deadline_in_s=100.0, by="op"))
    again = works.client.record(job_id)
    assert (again.crashes, again.blamed, again.apart) == (0, 0, 0)
