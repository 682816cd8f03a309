"""Bundle: a policy file with what it includes, its cases and its prompts, as one value that can lie in the store.

A bundle is loaded by the same loader as a file: it is written to a private folder and read from there, so that a policy
means the same wherever it comes from.
"""

import os
import tempfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

from router.policy.cases.trial import files_of
from router.policy.loader import load_policy
from router.policy.model import Policy
from tidegate.documents import read
from tidegate.errors import InvalidDocument
from tidegate.value import Value

MOST_FILES = 50
"""A policy that includes more is a mistake."""

_MOST_BYTES = 64 * 1024 * 1024


class Bundle(Value):
    """The files of a policy by their paths, relative to one folder; and which of them is the policy."""

    main: str
    files: dict[str, str]

    def load(self) -> Policy:
        """The policy. Raises InvalidDocument with every error, told by the bundle's own paths."""
        with self.unpacked() as path:
            try:
                return load_policy(path)
            except InvalidDocument as exc:
                folder = f"{_root(path, self.main)}{os.sep}"
                raise InvalidDocument(tuple(problem.replace(folder, "") for problem in exc.problems)) from None

    @contextmanager
    def unpacked(self) -> Iterator[Path]:
        """The policy as a file in a folder that only we can read, for as long as the block runs."""
        with tempfile.TemporaryDirectory(prefix="tidegate-policy-") as folder:
            root = Path(folder).resolve()
            for name, text in self.files.items():
                path = root / _inside(name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
            yield root / _inside(self.main)

    def packed(self) -> bytes:
        """Small enough to lie in the store many times."""
        return zlib.compress(self.to_json().encode())

    @classmethod
    def unpack(cls, packed: bytes) -> "Bundle":
        """Read what `packed` made. Raises InvalidDocument."""
        try:
            return cls.from_json(zlib.decompressobj().decompress(packed, _MOST_BYTES))
        except (ValueError, zlib.error) as exc:
            raise InvalidDocument((f"<bundle>:1:1: cannot be read ({type(exc).__name__})",)) from None


def bundled(path: Path) -> Bundle:
    """The file and all that it includes. Raises InvalidDocument where one cannot be read as YAML."""
    texts = {**_gathered(path.resolve()), **_beside(path.resolve())}
    root = Path(os.path.commonpath([file.parent for file in texts]))
    files = {file.relative_to(root).as_posix(): text for file, text in texts.items()}
    return Bundle(main=path.resolve().relative_to(root).as_posix(), files=files)


def _gathered(path: Path) -> dict[Path, str]:
    found: dict[Path, str] = {}
    waiting = [path]
    while waiting:
        file = waiting.pop()
        if file in found:
            continue
        if len(found) == MOST_FILES:
            raise InvalidDocument((f"{path}:1:1: includes more than {MOST_FILES} files",))
        tree = read(file).tree  # bounded, and told with its place where it is no YAML
        found[file] = _text(file)
        waiting += [(file.parent / name).resolve() for name in _included(tree)]
    return found


def _beside(path: Path) -> dict[Path, str]:
    """What its cases need: without the files of cases and the prompts that they name no rollback could be tried."""
    files = (*files_of(path), path.with_name("prompts.yaml"))
    return {file: _text(file) for file in files if file.is_file()}


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as exc:
        raise InvalidDocument((f"{file}:1:1: cannot be read ({type(exc).__name__})",)) from None


def _included(tree: Mapping[str, Any]) -> list[str]:
    names = tree.get("include")
    return [name for name in (names if isinstance(names, list) else [names]) if isinstance(name, str)]


def _inside(name: str) -> str:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or not path.parts:
        raise InvalidDocument((f"<bundle>:1:1: '{name}' is no path inside a bundle",))
    return str(path)


def _root(path: Path, main: str) -> Path:
    return path.parents[len(PurePosixPath(main).parts) - 1]
