"""A deployment's key as its calls see it: followed while all runs, refused where it is another's, seen nowhere."""

import asyncio
import pickle
import threading
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tidegate.errors import AuthFailed, NetworkFailed, RunError
from tidegate.lane import Lane, Zone
from tidegate.providerkeys import desk, register
from tidegate.settings import Settings, load
from workers.managed import credentials
from workers.managed.credentials import Credential
from workers.managed.renewing import Renewing

KEY, NEW = "sk-canary-0123456789abcdef", "sk-renewed-0123456789abcdef"
LANE = Lane(name="far", zone=Zone.OUTSIDE, backend="openai", model="m", context_tokens=1000)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """An environment with a key in its folder, and no variable."""
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("OPENAI_API_KEY_FILE", raising=False)
    settings = load(data=tmp_path, environment="staging")
    desk.put(settings, "OPENAI_API_KEY", KEY)
    return settings


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Path]]:
    """Each look at a file."""
    seen: list[Path] = []
    stat = credentials.Watched._stat
    monkeypatch.setattr(credentials.Watched, "_stat", lambda self: (seen.append(self._path), stat(self))[1])
    return iter([seen]).__next__()


def credential(settings: Settings, lane: Lane = LANE) -> Credential:
    """Of the lane's only deployment."""
    return Credential(lane, lane.every_deployment[0], settings)


def file(settings: Settings) -> Path:
    """Where the key lies."""
    return settings.provider_keys_folder / "staging" / "OPENAI_API_KEY"


def test_many_calls_are_few_looks(home: Settings, looks: list[Path]) -> None:
    """Four hundred calls in a moment look at the file once, and at the register once, over all lanes that share it."""
    lanes = [LANE, Lane.model_validate({**LANE.model_dump(), "name": "further"})]
    for one in [credential(home, lane) for lane in lanes for _ in range(200)]:
        assert one.key() == KEY
    assert len(looks) <= 4


def test_a_new_key_is_used_within_a_second_and_at_once_where_one_asks(
    home: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No restart: the next look finds it."""
    one = credential(home)
    before = one.mark()
    assert one.key() == KEY
    desk.put(home, "OPENAI_API_KEY", NEW)
    assert one.key() == KEY
    assert one.mark(at_once=True) != before
    assert one.key() == NEW
    desk.put(home, "OPENAI_API_KEY", KEY)
    monkeypatch.setattr(credentials, "LOOK_S", 0)
    assert one.key() == KEY


@pytest.mark.parametrize("spoil", [lambda path: path.write_text(""), Path.unlink, lambda path: path.chmod(0o644)])
def test_a_file_that_is_on_its_way_stops_nothing_and_one_that_stays_away_does(
    home: Settings, monkeypatch: pytest.MonkeyPatch, spoil: Callable[[Path], object]
) -> None:
    """For a few seconds the key goes on that lay there before; then the lane has none, until there is one again."""
    monkeypatch.setattr(credentials, "LOOK_S", 0)
    one = credential(home)
    assert one.key() == KEY
    spoil(file(home))
    assert one.key() == KEY
    credentials._file(file(home), strict=True)._keep_s = 0.0
    with pytest.raises(AuthFailed, match="lane far") as caught:
        one.key()
    assert KEY not in str(caught.value)
    assert one.mark() == ""
    desk.put(home, "OPENAI_API_KEY", NEW)
    assert one.key() == NEW


def test_a_lane_without_a_key_says_where_to_put_one(tmp_path: Path) -> None:
    """All three places are named; a key that comes later is found."""
    settings = load(data=tmp_path)
    lane = Lane.model_validate({**LANE.model_dump(), "key_env": "SOME_KEY"})
    with pytest.raises(AuthFailed, match=r"environment variable SOME_KEY.*SOME_KEY_FILE.*keys provider set SOME_KEY"):
        credential(settings, lane).key()
    desk.put(settings, "SOME_KEY", NEW)
    assert credential(settings, lane).key() == NEW


@pytest.mark.parametrize("by", ["variable", "named file", "folder"])
def test_another_environments_key_is_not_sent(
    home: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    """However it comes, and though it would work; the message names both environments and no key."""
    production = home.model_copy(update={"environment": "production"})
    elsewhere = tmp_path / "given"
    elsewhere.write_text(KEY)
    if by == "variable":
        monkeypatch.setenv("OPENAI_API_KEY", KEY)
    elif by == "named file":
        monkeypatch.setenv("OPENAI_API_KEY_FILE", str(elsewhere))
    else:
        (home.provider_keys_folder / "production").mkdir()
        file(home).rename(home.provider_keys_folder / "production" / "OPENAI_API_KEY")
    with pytest.raises(AuthFailed, match="registered for staging, and this is production") as caught:
        credential(production).key()
    assert KEY not in "".join(traceback.format_exception(caught.value))


def test_where_nobody_can_tell_whose_a_key_is_it_is_not_sent(home: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """A register that became unreadable stops the lane, and the lane comes back with it."""
    monkeypatch.setattr(credentials, "LOOK_S", 0)
    one, path = credential(home), register.path_of(home)
    assert one.key() == KEY
    text = path.read_text()
    path.write_text("nonsense\n")
    with pytest.raises(AuthFailed, match="register:1: expected"):
        one.key()
    path.write_text(text)
    assert one.key() == KEY


def test_a_key_is_seen_in_no_repr_no_pickle_and_no_traceback(home: Settings) -> None:
    """Also where a tool prints every local variable of a failed call, as error reporters do."""
    one = credential(home)
    assert one.key() == KEY
    watched = credentials._file(file(home), strict=True)
    assert KEY not in repr([one, vars(one), watched, vars(watched), credentials._file.cache_info()])
    with pytest.raises(TypeError):
        pickle.dumps(watched)
    register.path_of(home).write_text(f"production OPENAI_API_KEY {register.fingerprint(KEY)} 2026-11-22\n")
    credentials._register(register.path_of(home))._looked_at = -1e9
    with pytest.raises(AuthFailed) as caught:
        one.key()
    told = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    assert KEY not in "".join(told.format())


class Door:
    """A provider that takes one key."""

    def __init__(self, takes: str, one: Credential, *, error: type[RunError] = AuthFailed) -> None:
        self.takes, self._one, self._error = takes, one, error
        self.asked: list[str] = []

    async def send(self, run: Any, on_piece: Any) -> bytes:
        """Say yes or no."""
        self.asked.append(self._one.key())
        if self.asked[-1] != self.takes:
            raise self._error("no")
        return b"yes"

    def read(self, content: bytes, run: Any) -> Any:
        """Nothing."""

    def failure(self, error: Exception) -> RunError:
        """It is ours."""
        assert isinstance(error, RunError)
        return error

    async def close(self) -> None:
        """Nothing."""


def ask(door: Door, one: Credential) -> bytes:
    """One call."""
    return asyncio.run(Renewing(door, one).send(None, None))  # type: ignore[arg-type]


def test_a_refused_key_is_read_again_before_the_lane_is_left(home: Settings) -> None:
    """It was rotated a moment ago: the call goes on with the new one, without a wait."""
    one = credential(home)
    assert one.key() == KEY
    desk.put(home, "OPENAI_API_KEY", NEW)
    door = Door(NEW, one)
    assert ask(door, one) == b"yes"
    assert door.asked == [KEY, NEW]


def test_calls_in_flight_at_a_rotation_all_go_on(home: Settings) -> None:
    """Each of many that were refused finds the new key, not only the one that read it first."""
    one, door = credential(home), Door(KEY, credential(home))
    gate = asyncio.Event()

    async def slow(run: Any, on_piece: Any) -> bytes:
        key = one.key()
        await gate.wait()
        return await Door(door.takes, one).send(run, on_piece) if key == door.takes else _refuse()

    def _refuse() -> bytes:
        raise AuthFailed("no")

    door.send = slow  # type: ignore[method-assign]

    async def all_of_them() -> list[bytes]:
        calls = [asyncio.create_task(Renewing(door, one).send(None, None)) for _ in range(50)]  # type: ignore[arg-type]
        await asyncio.sleep(0)
        desk.put(home, "OPENAI_API_KEY", NEW)
        door.takes = NEW
        gate.set()
        return await asyncio.gather(*calls)

    assert asyncio.run(all_of_them()) == [b"yes"] * 50


@pytest.mark.parametrize(("error", "asked"), [(AuthFailed, [KEY]), (NetworkFailed, [KEY])])
def test_a_key_that_is_still_the_same_is_not_tried_twice(
    home: Settings, error: type[RunError], asked: list[str]
) -> None:
    """A provider that refuses it would refuse it again, and lock us out."""
    one = credential(home)
    door = Door("another", one, error=error)
    with pytest.raises(error):
        ask(door, one)
    assert door.asked == asked


def test_threads_share_one_view(home: Settings) -> None:
    """Many threads at once, while the file changes, see one key or the other and never none."""
    seen: set[str] = set()
    stop = threading.Event()

    def look() -> None:
        one = credential(home)
        while not stop.is_set():
            one.mark(at_once=True)
            seen.add(one.key())

    threads = [threading.Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(20):
        for key in (NEW, KEY):
            desk.put(home, "OPENAI_API_KEY", key)
    stop.set()
    for thread in threads:
        thread.join()
    assert seen <= {KEY, NEW}
    assert seen
