"""Pulling a model from the Hugging Face Hub, or from whatever HF_ENDPOINT names: the only file that downloads.

The file is fetched into `.partial/` beside the models, checked, and only then moved into place with its manifest; a
pull that was interrupted goes on where it stopped. `hf_hub_download` starts from zero in a new process, which hurts
at gigabytes, so its parts are used instead: `get_hf_file_metadata` and `http_get`.
"""

import errno
import os
import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tidegate.errors import MissingExtra, Misuse, StorageFull, TidegateError, Unavailable
from tidegate.settings import Settings
from workers.models import checksum, gguf
from workers.models.catalogue import MANIFEST_SUFFIX, Pulled, known, manifest_of

try:
    import httpx2
    from huggingface_hub import constants, get_hf_file_metadata, hf_hub_url
    from huggingface_hub.errors import (
        FileMetadataError,
        GatedRepoError,
        HfHubHTTPError,
        HFValidationError,
        OfflineModeIsEnabled,
        RemoteEntryNotFoundError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )
    from huggingface_hub.file_download import http_get
    from huggingface_hub.utils import (  # type: ignore[attr-defined]  # public, but exported lazily
        WeakFileLock,
        build_hf_headers,
        disable_progress_bars,
    )
except ImportError:
    raise MissingExtra("models", needed_for="pulling models") from None

_SHA256 = re.compile(r"[0-9a-f]{64}")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
SPARE_BYTES = 50_000_000
"""Free space that stays free: a disk that is full to the last byte takes the ledger down with it."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What to pull."""

    repo: str
    file: str
    name: str | None = None
    revision: str | None = None
    sha256: str | None = None


@dataclass(frozen=True, kw_only=True)
class _Remote:
    """The file as the hub describes it, pinned to one commit."""

    url: str
    commit: str
    etag: str
    size_bytes: int
    headers: dict[str, str]

    @property
    def sha256(self) -> str | None:
        """The hub's own checksum; it has one for large files only."""
        return self.etag if _SHA256.fullmatch(self.etag) else None


def pull(wanted: Wanted, settings: Settings) -> Pulled:
    """Fetch, check and place one file. Raises Misuse, Unavailable, StorageFull with one clear message."""
    name = _name(wanted, settings)
    folder = settings.models_folder
    with _translated(wanted), _quiet():
        partial = folder / ".partial" / name
        partial.mkdir(parents=True, exist_ok=True)
        with WeakFileLock(partial.with_suffix(".lock")):
            remote = _located(wanted)
            if (here := _already(wanted, remote, name, settings)) is not None:
                return here
            file = _fetched(remote, partial / re.sub(r"[^A-Za-z0-9]", "", remote.etag)[:64])
            manifest = _checked(file, wanted, remote, name=name)
            file.replace(folder / manifest.file)
            _written(folder / f"{manifest.file}{MANIFEST_SUFFIX}", manifest)
            shutil.rmtree(partial)
    return manifest


def _name(wanted: Wanted, settings: Settings) -> str:
    name = wanted.name or Path(wanted.file).name.removesuffix(".gguf")
    if not _NAME.fullmatch(name) or name.endswith(".gguf"):
        raise Misuse("a name has at most 64 letters, digits and _ . -, and does not end in .gguf: give one with --name")
    if any(entry.name == name and entry.origin == "shipped" for entry in known(settings)):
        raise Misuse(f"{name} is the name of a shipped model: give another with --name")
    if wanted.sha256 is not None and not _SHA256.fullmatch(wanted.sha256.lower()):
        raise Misuse("--sha256 is 64 hexadecimal digits")
    return name


def _located(wanted: Wanted) -> _Remote:
    """Ask the hub; the token is read by its library from HF_TOKEN or its own file and sent to the hub only."""
    endpoint = os.environ.get("HF_ENDPOINT") or constants.ENDPOINT
    headers = build_hf_headers()
    url = hf_hub_url(wanted.repo, wanted.file, revision=wanted.revision, endpoint=endpoint)
    found = get_hf_file_metadata(url, headers=headers, endpoint=endpoint)
    if not (found.commit_hash and found.etag and found.size):
        raise Unavailable(f"{endpoint} does not answer like a hub: no commit, ETag or size for {wanted.file}")
    pinned = hf_hub_url(wanted.repo, wanted.file, revision=found.commit_hash, endpoint=endpoint)
    return _Remote(url=pinned, commit=found.commit_hash, etag=found.etag, size_bytes=found.size, headers=headers)


def _already(wanted: Wanted, remote: _Remote, name: str, settings: Settings) -> Pulled | None:
    """The manifest of this very file, where it was pulled before and is still whole."""
    path = settings.models_folder / f"{name}.gguf{MANIFEST_SUFFIX}"
    if not path.is_file():
        return None
    manifest = manifest_of(path)
    same = (manifest.repo, manifest.repo_file, manifest.revision) == (wanted.repo, wanted.file, remote.commit)
    file = settings.models_folder / manifest.file
    expected = wanted.sha256.lower() if wanted.sha256 else manifest.sha256
    whole = same and expected == manifest.sha256 and file.is_file() and checksum.sha256(file) == expected
    return manifest if whole else None


def _fetched(remote: _Remote, path: Path) -> Path:
    """The whole file, from where an earlier pull stopped."""
    with path.open("ab") as file:
        done = file.tell()
        if done > remote.size_bytes:
            file.truncate(done := 0)
        _check_room(path.parent, remote.size_bytes - done)
        http_get(remote.url, file, resume_size=done, headers=remote.headers, expected_size=remote.size_bytes)
    return path


def _check_room(folder: Path, needed_bytes: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < needed_bytes + SPARE_BYTES:
        raise StorageFull(f"{needed_bytes:,} bytes to fetch, {free:,} free in {folder.parent}")


def _checked(file: Path, wanted: Wanted, remote: _Remote, *, name: str) -> Pulled:
    """Hold the file to every checksum that is known. A file that fails is deleted: resuming would keep the damage."""
    actual = checksum.sha256(file)
    for expected, whose in ((remote.sha256, "the hub"), (wanted.sha256.lower() if wanted.sha256 else None, "--sha256")):
        if expected is not None and actual != expected:
            file.unlink()
            raise Unavailable(f"{wanted.file}: checksum {actual}, but {whose} says {expected}; nothing was kept")
    try:
        head = gguf.read(file)
    except gguf.NotGguf as exc:
        file.unlink()
        raise Unavailable(f"{wanted.file} is {exc}; nothing was kept") from None
    return Pulled(
        name=name,
        file=f"{name}.gguf",
        repo=wanted.repo,
        repo_file=wanted.file,
        revision=remote.commit,
        sha256=actual,
        size_bytes=remote.size_bytes,
        context_tokens=head.context_tokens,
        licence=head.licence,
    )


def _written(path: Path, manifest: Pulled) -> None:
    draft = path.with_name(f".{path.name}")
    draft.write_text(manifest.model_dump_json(indent=2) + "\n")
    draft.replace(path)


@contextmanager
def _quiet() -> Iterator[None]:
    """A progress bar is for somebody who watches."""
    if not sys.stderr.isatty():
        disable_progress_bars()
    yield


@contextmanager
def _translated(wanted: Wanted) -> Iterator[None]:
    """The hub library's errors -> ours. Their own words may hold URLs with credentials, so none is passed on."""
    try:
        yield
    except (OSError, HFValidationError, httpx2.HTTPError) as exc:
        raise _ours(exc, wanted) from None


def _ours(exc: Exception, wanted: Wanted) -> TidegateError:
    if isinstance(exc, OSError) and exc.errno in (errno.ENOSPC, errno.EDQUOT):
        return StorageFull("the disk is full; the part that arrived is kept for the next pull")
    response = getattr(exc, "response", None)
    ours, words = next((ours, words) for theirs, ours, words in ERRORS if isinstance(exc, theirs))
    return ours(
        words.format(
            repo=wanted.repo,
            where=wanted.repo + (f"@{wanted.revision}" if wanted.revision else ""),
            file=wanted.file,
            revision=wanted.revision,
            status=response.status_code if response is not None else "with an error",
            kind=type(exc).__name__,
            why=getattr(exc, "strerror", None) or "the transfer was cut; run it again to go on",
        )
    )


ERRORS: tuple[tuple[type[Exception], type[TidegateError], str], ...] = (
    (HFValidationError, Misuse, "{repo} is no name of a repository; expected OWNER/NAME"),
    (OfflineModeIsEnabled, Unavailable, "HF_HUB_OFFLINE is set: nothing is pulled"),
    (GatedRepoError, Unavailable, "{where} is gated: accept its terms on the hub, then set HF_TOKEN"),
    (RepositoryNotFoundError, Unavailable, "the hub has no repository {repo}, or needs an HF_TOKEN that may read it"),
    (RevisionNotFoundError, Unavailable, "{repo} has no revision {revision}"),
    (RemoteEntryNotFoundError, Unavailable, "{where} has no file {file}"),
    (FileMetadataError, Unavailable, "the hub does not say enough about {file} to pull it"),
    (HfHubHTTPError, Unavailable, "the hub answered {status} for {file} of {where}"),
    (httpx2.HTTPError, Unavailable, "the hub cannot be reached ({kind}); run it again to go on"),
    (OSError, Unavailable, "{file} was not pulled: {why}"),
)
"""The hub library's error -> ours and its words; the first that fits."""
