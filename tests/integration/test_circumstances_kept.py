"""What routers share in the store: conversations that were sensitive, rules in overflow, copies, recorded decisions."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from doubles import SECRET, RecordingDoorbell, ScriptedBackend, answer, decision, lane, signals
from typer.testing import CliRunner

from router import cli
from router.placement import Placement
from router.policy.loader import policy_from
from router.policy.model import Policy
from router.recorded import Decisions
from router.shadow import Shadows
from router.signals.conversation import Conversations
from router.signals.overflow import Overflows, Standing
from tidegate import clearance as clearances
from tidegate import connections
from tidegate.client import Client
from tidegate.connections import StoreClient
from tidegate.decision import Decision
from tidegate.documents import parse
from tidegate.errors import Conflict, ContentRefused, StoreUnavailable, UnknownJob
from tidegate.job import Job
from tidegate.keys import Keyring, keyring, signer
from tidegate.lane import Lane, Zone
from tidegate.ledger.states import State
from tidegate.ledger.store import Ledger
from tidegate.settings import Settings
from tidegate.signals import Finding, Level, Sensitivity
from tidegate.vault import Seals, Vault
from workers.backend import Run
from workers.lease import Leases
from workers.outcomes import Outcomes
from workers.tasks import Running

FREE = "{input_usd: 0, output_usd: 0}"
INSIDE, OUTSIDE = lane("shade"), lane("shade", zone=Zone.OUTSIDE)


def ring(*keys: bytes) -> Keyring:
    """An inside keyring; the last key seals."""
    return Keyring(Zone.INSIDE, {f"k{index}": key * 32 for index, key in enumerate(keys)})


def conversations(redis: StoreClient, *keys: bytes, keep_s: int = 600) -> Conversations:
    """One router's view."""
    return Conversations(redis, ring(*(keys or (b"a",))), keep_s=keep_s)


def found(level: Level, *types: str, least: Level | None = None) -> Any:
    """Signals of a job in which these types were found."""
    findings = tuple(Finding(type=name, score=0.9, detector="names") for name in types)
    return signals().model_copy(update={"sensitivity": Sensitivity(level=level, findings=findings, least=least)})


def talk(conversation: str | None = "c-1", tenant: str = "default") -> Job:
    """A job of a conversation."""
    return Job(text="go on", conversation_id=conversation, tenant=tenant)


def test_once_sensitive_the_rest_of_the_conversation_is(redis: StoreClient) -> None:
    """Each later turn is as guarded as the most guarded one, in every router, and says why."""
    assert conversations(redis).stuck(talk(), found(Level.PUBLIC)).sensitivity.level is Level.PUBLIC
    conversations(redis).stuck(talk(), found(Level.RESTRICTED, "IBAN_CODE"))
    conversations(redis).stuck(talk(), found(Level.PERSONAL, "PERSON"))
    later = conversations(redis).stuck(talk(), found(Level.PUBLIC)).sensitivity
    assert (later.level, later.types) == (Level.RESTRICTED, ("IBAN_CODE", "PERSON"))
    assert later.cause == "an earlier job of this conversation was restricted"
    assert {finding.detector for finding in later.findings} == {"conversation"}


def test_what_the_producer_asked_for_stays_asked_for(redis: StoreClient) -> None:
    """A hint of one turn holds for the later ones, so that no policy narrows it."""
    conversations(redis).stuck(talk(), found(Level.PERSONAL, least=Level.PERSONAL))
    later = conversations(redis).stuck(talk(), found(Level.PUBLIC)).sensitivity
    assert (later.level, later.least) == (Level.PERSONAL, Level.PERSONAL)


@pytest.mark.parametrize("other", [talk("c-2"), talk(tenant="acme"), talk(None)], ids=["another", "tenant", "none"])
def test_conversations_do_not_touch_each_other(redis: StoreClient, other: Job) -> None:
    """The same id of another tenant is another conversation; a job without one is alone."""
    conversations(redis).stuck(talk(), found(Level.PERSONAL, "PERSON"))
    given = found(Level.PUBLIC)
    assert conversations(redis).stuck(other, given) == given


def test_the_id_of_a_conversation_is_not_stored(redis: StoreClient) -> None:
    """A keyed hash, for a time; what was harmless leaves nothing behind."""
    conversations(redis).stuck(talk("Mrs Quillfeather's case"), found(Level.PUBLIC))
    assert redis.keys("*") == []
    conversations(redis, keep_s=77).stuck(talk("Mrs Quillfeather's case"), found(Level.PERSONAL, "PERSON"))
    (key,) = redis.keys("*")
    assert key.startswith(b"tg:conversation:")
    assert len(key) == len("tg:conversation:") + 40
    assert 0 < redis.ttl(key) <= 77
    other = conversations(redis, b"b").stuck(talk("Mrs Quillfeather's case"), found(Level.PUBLIC))
    assert other.sensitivity.level is Level.PUBLIC


def test_a_new_key_forgets_nothing(redis: StoreClient) -> None:
    """While the old key is still in the ring, what was kept under it counts."""
    conversations(redis, b"a").stuck(talk(), found(Level.PERSONAL, "PERSON"))
    assert conversations(redis, b"a", b"b").stuck(talk(), found(Level.PUBLIC)).sensitivity.level is Level.PERSONAL


def test_a_store_that_is_away_lets_nothing_be_decided(redis: StoreClient) -> None:
    """Nobody knows whether the conversation was sensitive: the job waits."""
    away = connections.connect("redis://127.0.0.1:1/0", timeout_s=0.2)
    with pytest.raises(StoreUnavailable):
        conversations(away).stuck(talk(), found(Level.PUBLIC))


def lapse(redis: StoreClient, policy: str, rule: str) -> None:
    """As if nobody had had to go out for the dwell time."""
    redis.hset(f"tg:overflowing:{policy}", rule, "1.0")


def test_a_rule_enters_and_leaves_overflow_for_all_routers(redis: StoreClient) -> None:
    """It begins once, whoever goes out first, and that it is over is told once, whoever asks first."""
    one, two = Overflows(redis, dwell_s=600), Overflows(redis, dwell_s=600)
    assert one.now("p") == Standing()
    assert [one.enter("p", "r"), two.enter("p", "r")] == [True, False]
    assert two.now("p") == Standing(overflowing=("r",))
    assert two.now("q") == Standing()
    assert one.clear("p", ("r",)) == ()  # it is not over
    lapse(redis, "p", "r")
    assert one.now("p") == two.now("p") == Standing(over=("r",))
    assert [two.clear("p", ("r",)), one.clear("p", ("r",))] == [("r",), ()]
    assert one.now("p") == Standing()


def test_each_job_that_goes_out_keeps_its_rule_in_overflow(redis: StoreClient) -> None:
    """For the dwell time from then on, at least; a router tells the store of a few of them only."""
    kept = Overflows(redis, dwell_s=600)
    kept.enter("p", "r")
    began = float(redis.hget("tg:overflowing:p", "r") or 0)
    assert not kept.hold("p", "r")
    assert float(redis.hget("tg:overflowing:p", "r") or 0) == began
    assert not Overflows(redis, dwell_s=600).hold("p", "r")  # another router, which has not said so yet
    assert float(redis.hget("tg:overflowing:p", "r") or 0) > began
    seconds, _ = redis.time()
    assert began - seconds == pytest.approx(750, abs=60)


def test_who_goes_out_after_it_was_over_begins_anew(redis: StoreClient) -> None:
    """Though the job's router had read that it lasts."""
    lapse(redis, "p", "r")
    assert Overflows(redis, dwell_s=600).hold("p", "r")
    assert Overflows(redis, dwell_s=600).now("p") == Standing(overflowing=("r",))


def test_decisions_are_recorded_and_exported(
    redis: StoreClient, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In order, with their times; the command prints them as JSON lines, and no text is among them."""
    kept = Decisions.opened(redis, settings)
    for number in range(5):
        kept.add(f"j-{number}", decision("near"))
    read = list(kept.since())
    assert [one.job for one in read] == [f"j-{number}" for number in range(5)]
    assert read[0].at <= read[-1].at
    assert list(kept.since(read[-1].at + 1)) == []
    where = connections.addresses(settings)
    monkeypatch.setenv("TIDEGATE_BROKER_URL", where.broker)
    monkeypatch.setenv("TIDEGATE_STORE_URL", where.store)
    result = CliRunner().invoke(cli.app, ["policy", "decisions", "export", "--since", "1h"])
    assert (result.exit_code, result.stdout) == (0, "".join(f"{one.to_json()}\n" for one in read))
    assert CliRunner().invoke(cli.app, ["policy", "decisions", "export", "--since", "soon"]).exit_code == 2


def test_decisions_are_kept_no_longer_than_wanted(redis: StoreClient) -> None:
    """By age, by number, and not at all where somebody wants none."""
    kept = Decisions(redis, keep_s=3600, most=200)
    redis.xadd("tg:decisions", {b"d": b"{}"}, id="1000-0")
    assert list(kept.since()) == []
    assert kept.trim() == 1
    for number in range(500):
        kept.add(f"j-{number}", decision("near"))
    assert 200 <= len(list(kept.since())) < 400
    Decisions(redis, keep_s=0, most=200).add("none", decision("near"))
    assert "none" not in [one.job for one in kept.since()]


def test_a_store_that_is_away_costs_the_recording_only() -> None:
    """A decision that cannot be recorded has been made all the same."""
    away = connections.connect("redis://127.0.0.1:1/0", timeout_s=0.2)
    Decisions(away, keep_s=60, most=10).add("j", decision("near"))


def policy_with(shade: Lane, *, promises: str = "") -> Policy:
    """A policy that has this lane beside `near`; what its rules say does not matter here."""
    text = f"""
version: 1
lanes:
  near: {{zone: inside, backend: llama_cpp, model: m, context_tokens: 4096}}
  {shade.name}: {{zone: {shade.zone.value}, backend: {shade.backend}, model: m, context_tokens: 4096, price: {FREE}}}
default: {{send: near, why: stays}}
{promises}
"""
    return policy_from(parse(text), name="stage")


class Theatre:
    """A job placed with a copy, and workers for both."""

    def __init__(self, client: Client, settings: Settings, doorbell: RecordingDoorbell) -> None:
        self.client, self.settings, self.doorbell = client, settings, doorbell
        self.placement = Placement(client.ledger, client.vault, doorbell, signer(settings), nudge_s=settings.nudge_s)
        self.shadows = Shadows(client.ledger, client.vault, self.placement, nudge_s=settings.nudge_s)

    def placed(self, given: Decision, shade: Lane) -> tuple[str, str | None]:
        """A job on its lane, and its copy."""
        job = Job(text=SECRET)
        job_id = self.client.submit(job)
        record = self.client.record(job_id)
        self.placement.place(record, job, given, rewritten=False)
        return job_id, self.shadows.follow(record, job, given, policy=policy_with(shade))

    def run(self, job_id: str, on: Lane, said: Callable[[Run, threading.Event], Any]) -> None:
        """A worker of the lane, with its zone's key only."""
        ledger = self.client.ledger
        Running(
            name="w",
            ledger=ledger,
            vault=Vault(ledger.redis, Seals({on.zone: keyring(self.settings, on.zone)})),
            outcomes=Outcomes(ledger, self.doorbell, nudge_s=self.settings.nudge_s),
            leases=Leases(ledger, lease_s=30),
            verifier=lambda: signer(self.settings).verifier,
            lanes={on.name: on},
            backend=lambda _: ScriptedBackend(said),
            result_keep_s=600,
        ).run(job_id)

    def due(self) -> int:
        """Settle as if every copy's time had come."""
        for copy in self.client.ledger.redis.zrange("tg:shadows", 0, -1):
            self.client.ledger.redis.zadd("tg:shadows", {copy: 0})
        return self.shadows.settle()


@pytest.fixture
def theatre(client: Client, settings: Settings, doorbell: RecordingDoorbell) -> Theatre:
    """On an empty store."""
    return Theatre(client, settings, doorbell)


def wants(shade: str | None = "shade", *, level: Level = Level.PUBLIC, cleared: tuple[str, ...] = ()) -> Decision:
    """A decision for `near` that wants a copy."""
    return decision("near", *cleared, cleared=cleared).model_copy(update={"shadow": shade, "signals": signals(level)})


def says(text: str) -> Callable[[Run, threading.Event], Any]:
    """A backend that answers."""
    return lambda _run, _stop: answer(text)


def refuses(_run: Run, _stop: threading.Event) -> Any:
    """A backend that does not."""
    raise ContentRefused("no")


def test_a_copy_runs_and_the_agreement_is_on_both_records(theatre: Theatre) -> None:
    """The producer gets the answer of the job's own lane; the copy's answer is compared, and gone."""
    job_id, copy = theatre.placed(wants(), INSIDE)
    assert copy is not None
    record = theatre.client.record(copy)
    assert (record.state, record.lane, record.shadow_of, record.priority) == (State.PLACED, "shade", job_id, 9)
    assert theatre.doorbell.rings[-2:] == [("near", job_id), ("shade", copy)]
    theatre.run(copy, INSIDE, says('{"b": 1, "a": 2}'))
    assert theatre.due() == 0
    theatre.run(job_id, lane("near"), says('{"a": 2, "b": 1}'))
    with pytest.raises(UnknownJob):
        theatre.client.result(copy, timeout_s=0)
    assert theatre.due() == 1
    for one in (job_id, copy):
        assert (theatre.client.record(one).agreement, theatre.client.record(one).length_ratio) == (1.0, 1.0)
    assert theatre.client.result(job_id, timeout_s=0).text == '{"a": 2, "b": 1}'
    assert theatre.client.ledger.redis.keys(f"tg:vault:{copy}:*") == []
    assert theatre.due() == 0


def test_a_copy_outside_is_sealed_and_cleared_as_every_job(theatre: Theatre) -> None:
    """With a clearance of its own, for its lane alone; a worker with the outside key runs it."""
    job_id, copy = theatre.placed(wants(cleared=("api",)), OUTSIDE)
    record = theatre.client.record(copy or "")
    cleared = clearances.verified(record.clearance, signer(theatre.settings).verifier)
    assert (cleared.job_id, cleared.lanes, record.zone) == (copy, ("shade",), "outside")
    theatre.run(copy or "", OUTSIDE, says("b"))
    theatre.run(job_id, lane("near"), says("a"))
    assert theatre.due() == 1
    assert theatre.client.record(job_id).agreement == 0.0


@pytest.mark.parametrize("level", [Level.PERSONAL, Level.RESTRICTED, Level.UNKNOWN])
def test_what_is_sensitive_is_not_copied_to_the_outside(theatre: Theatre, redis: StoreClient, level: Level) -> None:
    """Not even where a decision says so."""
    job_id, copy = theatre.placed(wants(level=level), OUTSIDE)
    assert copy is None
    assert redis.keys("tg:vault:*:outside:*") == []
    assert theatre.client.record(job_id).state is State.PLACED


def test_a_copy_keeps_the_operators_promises(theatre: Theatre) -> None:
    """A guarantee that bars the lane for this job bars it for its copy."""
    barred = policy_with(OUTSIDE, promises="guarantees: [{name: mine, when: {tenant: default}, never: {lanes: shade}}]")
    record = theatre.client.record(theatre.client.submit(Job(text=SECRET)))
    assert theatre.shadows.follow(record, Job(text=SECRET), wants(), policy=barred) is None


@pytest.mark.parametrize(
    ("shade", "given"), [(lane("another"), wants()), (INSIDE, wants(None))], ids=["no such lane", "no shadow"]
)
def test_where_there_is_no_copy_the_job_is_placed(theatre: Theatre, shade: Lane, given: Decision) -> None:
    """A lane that is not the one wanted, or none wanted at all."""
    job_id, copy = theatre.placed(given, shade)
    assert copy is None
    assert theatre.client.record(job_id).state is State.PLACED


def test_a_copy_that_cannot_be_made_changes_nothing(theatre: Theatre) -> None:
    """That a favour failed is a line in the log, not an error of the job."""
    record = theatre.client.record(theatre.client.submit(Job(text=SECRET)))
    away = Ledger(connections.connect("redis://127.0.0.1:1/0", timeout_s=0.2))
    shadows = Shadows(away, theatre.client.vault, theatre.placement, nudge_s=1.0)
    assert shadows.follow(record, Job(text=SECRET), wants(), policy=policy_with(INSIDE)) is None
    with pytest.raises(StoreUnavailable):
        shadows.settle()


def test_a_copy_that_fails_is_no_dead_letter(theatre: Theatre) -> None:
    """It is logged with its reason; nobody is alarmed, and the job's answer stands."""
    job_id, copy = theatre.placed(wants(), INSIDE)
    theatre.run(copy or "", INSIDE, refuses)
    assert theatre.client.record(copy or "").state is State.DEAD
    theatre.run(job_id, lane("near"), says("a"))
    assert theatre.due() == 1
    assert list(theatre.client.ledger.dead()) == []
    assert theatre.client.record(job_id).agreement is None
    assert theatre.client.result(job_id, timeout_s=0).text == "a"


def test_a_job_that_is_given_up_takes_its_copy_along(theatre: Theatre) -> None:
    """There is nothing to compare with any more."""
    job_id, copy = theatre.placed(wants(), INSIDE)
    theatre.client.cancel(job_id)
    assert theatre.due() == 1
    assert theatre.client.record(copy or "").state is State.CANCELLED
    with pytest.raises(Conflict):
        theatre.client.cancel(job_id)
