"""Follow: looks at the policy file and at the models' files, and tells the roster what has changed.

A worker reads its lanes when it starts. Afterwards a change of a lane takes effect without a restart, but for two: a
lane that comes or goes, and how many jobs of it run at a time.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tidegate.errors import InvalidDocument, Misuse, RunError
from tidegate.lane import Lane
from tidegate.logs import logger
from workers.roster import OF_THE_ROUTER, Roster

LOOK_S = 1.0
_POLICY = "the policy file"

log = logger(__name__)

Print = tuple[tuple[str, int, int, int], ...]
"""What tells that files changed without reading them: name, time, size and inode of each."""


@dataclass
class Follower:
    """One worker's look at its files, again and again."""

    roster: Roster
    read: Callable[[], Mapping[str, Lane]]
    """The lanes of this worker as the file has them now. Raises InvalidDocument, Misuse."""
    policy_files: Callable[[], tuple[Path, ...]]
    """Where that stands. Asked only after a change: it reads them."""
    model_file: Callable[[Lane], Path | None]
    """The file behind a lane's model; None of a lane that has none here. Raises a RunError."""
    changed: Callable[[], None] = lambda: None
    """Whoever else reads the policy file: told after each change."""
    _seen: dict[str, object] = field(default_factory=dict)
    """The policy file and each lane, as they looked the last time."""
    _taken: dict[str, object] = field(default_factory=dict)
    """As they looked when they were taken, or when that was tried."""

    def __post_init__(self) -> None:
        self._wanted, self._files = dict(self.roster.lanes), self.policy_files()
        looks = {name: self._look_of(lane) for name, lane in self._wanted.items()}
        now = {_POLICY: prints(self._files), **looks}
        self._seen, self._taken = dict(now), dict(now)

    def follow(self, stop: threading.Event) -> None:
        """Look until told to stop."""
        while not stop.wait(LOOK_S):
            try:
                self.look()
            except Exception as exc:  # noqa: BLE001 - what runs goes on, and the next look may see more
                log.error("lanes.unfollowed", error=type(exc).__name__)  # noqa: TRY400 - a traceback may quote a file

    def look(self) -> None:
        """Look once."""
        if self._is_new(_POLICY, prints(self._files)):
            self._wanted |= self._read()
            self.changed()
            self._files = self.policy_files()
        for name, lane in self._wanted.items():
            if self._is_new(name, self._look_of(lane)):
                self.roster.change(lane)
            elif _to_backend(lane) == _to_backend(self.roster.lanes[name]):
                self.roster.adjust(lane)

    def _read(self) -> dict[str, Lane]:
        """Those lanes of ours that are in the file; none where it cannot be read."""
        try:
            found = self.read()
        except (InvalidDocument, Misuse) as exc:
            log.warning("lanes.unreadable", error=type(exc).__name__)  # `tidegate policy check` says more
            return {}
        ours = self.roster.lanes
        if found.keys() != ours.keys() or any(found[name].concurrency != ours[name].concurrency for name in found):
            log.warning("lanes.need_a_restart", changed=sorted(found.keys() ^ ours.keys()))
        return {name: lane for name, lane in found.items() if name in ours}

    def _is_new(self, what: str, now: object) -> bool:
        """Whether it differs from what was taken, and looks the same twice: nobody is in the middle of writing it."""
        rests, self._seen[what] = self._seen[what] == now, now
        if not rests or self._taken[what] == now:
            return False
        self._taken[what] = now
        return True

    def _look_of(self, lane: Lane) -> object:
        """All that makes a new backend necessary."""
        return _to_backend(lane), self._print(lane)

    def _print(self, lane: Lane) -> Print:
        try:
            path = self.model_file(lane)
        except (RunError, Misuse):
            return ()
        return prints((path,)) if path else ()


def prints(files: tuple[Path, ...]) -> Print:
    """Of each file; one that is not there has one too."""
    return tuple(_of(file) for file in files)


def _of(file: Path) -> tuple[str, int, int, int]:
    try:
        stat = file.stat()
    except OSError:
        return (str(file), 0, -1, 0)
    return (str(file), stat.st_mtime_ns, stat.st_size, stat.st_ino)


def _to_backend(lane: Lane) -> dict[str, object]:
    return lane.model_dump(exclude=set(OF_THE_ROUTER))
