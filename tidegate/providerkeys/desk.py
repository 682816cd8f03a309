"""What an operator does with provider keys: put one down, look what there is, take one away."""

import contextlib
import os
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tidegate import keyfiles
from tidegate.errors import InvalidSettings, Misuse, StorageFull
from tidegate.lane import Lane
from tidegate.providerkeys import register, secretfile
from tidegate.providerkeys.places import DOCUMENTS, Place, environment_of, folder, name_of, place_of
from tidegate.providerkeys.register import Entry
from tidegate.settings import Settings

_NAME = re.compile(r"[A-Z][A-Z0-9_]*")
_ENVIRONMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}")


@dataclass(frozen=True, kw_only=True)
class Found:
    """One key, without itself."""

    name: str
    environment: str
    place: str
    there: bool
    age_s: float | None
    """Since its file was written; None of a variable, or where there is nothing."""
    fingerprint: str | None
    used: bool
    """Whether it is what this installation's lanes are called with."""
    lanes: tuple[str, ...]
    problem: str | None
    """Why it cannot be used as it is."""


def put(settings: Settings, name: str, key: str) -> tuple[Path, str]:
    """Keep a key for this installation's environment: on the register first, then in its file, which is replaced whole.

    Returns the file and the fingerprint. Raises Misuse, InvalidSettings, StorageFull.
    """
    named(name)
    if not secretfile.plain(key):
        raise Misuse("this is no key: one line of printable ASCII without spaces is expected; nothing was changed")
    fingerprint, path = enter(settings, name, key), folder(settings) / name
    try:
        for made in (settings.provider_keys_folder, path.parent):
            made.mkdir(mode=0o700, parents=True, exist_ok=True)
        if path.exists():
            path.chmod(0o600)  # a new file keeps the old one's mode
        keyfiles.replace(path, key)
        if os.geteuid() == 0:  # who reads it is the folder's owner
            owner = settings.provider_keys_folder.stat()
            for made in (path.parent, path):
                os.chown(made, owner.st_uid, owner.st_gid)
    except OSError as exc:
        raise StorageFull(f"{path}: the key cannot be kept: {exc.strerror}") from None
    return path, fingerprint


def enter(settings: Settings, name: str, key: str) -> str:
    """Put a key on the register for this installation's environment. Returns its fingerprint. Raises Misuse."""
    here, path = environment_of(settings), register.path_of(settings)
    if register.refusal(register.read(path), key=key, environment=here) is not None:
        raise Misuse(f"this key is registered for another environment than {here}; each wants a key of its own")
    entry = Entry(here, named(name), register.fingerprint(key), time.strftime("%Y-%m-%d", time.gmtime()))
    register.add(path, entry)
    return entry.fingerprint


def present(settings: Settings, name: str) -> str:
    """The key of this name that a process with this environment would use. Raises Misuse where there is none."""
    place = place_of(named(name), settings)
    if not place.there:
        raise Misuse(f"no key {name} here: neither a variable {name}, nor {name}_FILE, nor {place.label}")
    return place.read()


def remove(settings: Settings, name: str) -> Path:
    """Delete a key's file in this installation's environment. Raises Misuse where there is none."""
    path = folder(settings) / named(name)
    try:
        path.unlink()
    except FileNotFoundError:
        known = ", ".join(sorted(file.name for file in _files(path.parent))) or "none"
        raise Misuse(f"no key {name} of {environment_of(settings)} in {path.parent}; there is: {known}") from None
    except OSError as exc:
        raise StorageFull(f"{path}: the key cannot be removed: {exc.strerror}") from None
    return path


def every(settings: Settings, lanes: Mapping[str, Lane]) -> Iterator[Found]:
    """The keys that lanes name, found or missing, and all in the folder, of every environment."""
    users: dict[str, list[str]] = {}
    for lane in (lane for lane in lanes.values() if lane.backend not in DOCUMENTS):
        for name in sorted({name_of(lane, one) or "" for one in lane.every_deployment} - {""}):
            users.setdefault(name, []).append(lane.name)
    here, files = environment_of(settings), list(_in_folders(settings))
    known = _Known.of(settings)
    ours = {name: place_of(name, settings) for name in sorted({*users, *(n for e, n, _ in files if e == here)})}
    for name, place in ours.items():
        yield _found(here, place, known, used=True, lanes=tuple(users.get(name, ())))
    for environment, name, path in files:
        if environment != here or ours[name].path != path:
            place = Place(name=name, path=path, strict=True)
            yield _found(environment, place, known, used=False, lanes=())


def named(name: str) -> str:
    """A key's name, as a lane may write it. Raises Misuse."""
    if not _NAME.fullmatch(name):
        # Not quoted: somebody may have put the key itself here.
        raise Misuse(
            "a key's name is what a lane calls it, in capitals, as OPENAI_API_KEY; the key is never an argument"
        )
    return name


@dataclass(frozen=True)
class _Known:
    """The register, or why it cannot be read."""

    entries: tuple[Entry, ...] = ()
    broken: str | None = None

    @classmethod
    def of(cls, settings: Settings) -> "_Known":
        try:
            return cls(register.read(register.path_of(settings)))
        except InvalidSettings as exc:
            return cls(broken=str(exc))


def _found(environment: str, place: Place, known: _Known, *, used: bool, lanes: tuple[str, ...]) -> Found:
    fingerprint = problem = age_s = None
    if not place.there:
        problem = "not there"
    else:
        try:
            key = place.read()
            fingerprint = register.fingerprint(key)
            problem = known.broken or register.refusal(known.entries, key=key, environment=environment)
        except InvalidSettings as exc:
            problem = str(exc)
        if place.path is not None:
            with contextlib.suppress(OSError):
                age_s = max(0.0, time.time() - place.path.stat().st_mtime)
    return Found(
        name=place.name,
        environment=environment,
        place=place.label,
        there=place.there,
        age_s=age_s,
        fingerprint=fingerprint,
        used=used,
        lanes=lanes,
        problem=problem,
    )


def _in_folders(settings: Settings) -> Iterator[tuple[str, str, Path]]:
    try:
        folders = sorted(path for path in settings.provider_keys_folder.iterdir() if path.is_dir())
    except OSError:
        return
    for path in folders:
        if _ENVIRONMENT.fullmatch(path.name):
            yield from ((path.name, file.name, file) for file in _files(path))


def _files(path: Path) -> list[Path]:
    try:
        return sorted(file for file in path.iterdir() if _NAME.fullmatch(file.name))
    except OSError:
        return []
