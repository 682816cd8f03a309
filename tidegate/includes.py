"""Includes: the lanes of other files, laid into a document, each thing with its own file and place.

An included file holds lanes and nothing else, so that what decides stands in one file. A lane stands in one place only:
a second one of the same name is an error and never an override.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from tidegate.documents import Document, Place, Steps, read
from tidegate.errors import InvalidDocument

MAX_FILES = 50
"""A policy that includes more is a mistake."""

_KNOWN = ("version", "include", "lanes")


def with_includes(document: Document, path: Path) -> Document:
    """The document with the lanes that it includes; what is wrong with the files is among its flaws. Never raises."""
    if "include" not in document.tree:
        return document
    return _Reader(document, path.resolve()).whole()


class _Reader:
    """One walk through the files."""

    def __init__(self, document: Document, path: Path) -> None:
        self._main = document
        self._path = path
        self._lanes: dict[str, Any] = {}
        self._places: dict[Steps, Place] = {}
        self._flaws: list[str] = []
        self._seen: dict[Path, Document] = {}

    def whole(self) -> Document:
        own = self._main.tree.get("lanes")
        self._take(self._main, self._path, ())
        lanes = self._lanes if self._lanes or own is None or isinstance(own, Mapping) else own
        tree = {key: value for key, value in self._main.tree.items() if key != "include"} | {"lanes": lanes}
        others = {path: place for path, place in self._main.places.items() if path[0] != "lanes" or len(path) == 1}
        places = {**others, **self._places}
        return replace(self._main, tree=tree, places=places, flaws=(*self._main.flaws, *self._flaws))

    def _take(self, document: Document, path: Path, above: tuple[Path, ...]) -> None:
        """The lanes of one file, those that it includes first."""
        self._seen[path] = document
        for step, name in _included(document):
            self._follow(document, step, name, path, (*above, path))
        lanes = document.tree.get("lanes")
        for name, lane in lanes.items() if isinstance(lanes, Mapping) else ():
            self._add(document, name, lane)

    def _follow(self, document: Document, step: Steps, name: object, path: Path, above: tuple[Path, ...]) -> None:
        if not isinstance(name, str) or not name or "\0" in name or Path(name).is_absolute() or "${" in name:
            self._flaw(document, step, "should be the path of a file, relative to this one")
            return
        target = (path.parent / name).resolve()
        if target in above:
            circle = " -> ".join(one.name for one in (*above[above.index(target) :], target))
            self._flaw(document, step, f"includes in a circle: {circle}")
        elif target not in self._seen:
            self._open(document, step, target, above)

    def _open(self, document: Document, step: Steps, target: Path, above: tuple[Path, ...]) -> None:
        if len(self._seen) >= MAX_FILES:
            self._flaw(document, step, f"more than {MAX_FILES} files are included")
            return
        if not target.is_file():
            self._flaw(document, step, "no such file")
            return
        try:
            found = read(target)
        except InvalidDocument as exc:
            self._flaws += exc.problems
            return
        self._flaws += found.flaws
        for key in found.tree:
            if key not in _KNOWN:
                self._flaw(found, (key,), f"an included file holds lanes only; expected one of: {', '.join(_KNOWN)}")
        if found.tree.get("version") != 1:
            self._flaw(found, ("version",), "should be 1")
        self._take(found, target, above)

    def _add(self, document: Document, name: str, lane: Any) -> None:
        here: Steps = ("lanes", name)
        if name in self._lanes:
            other = self._places[here]
            self._flaw(document, here, f"there is such a lane in {other.file} on line {other.name[0]}")
            return
        self._lanes[name] = lane
        self._places |= {
            path: replace(place, file=document.name) for path, place in document.places.items() if path[:2] == here
        }

    def _flaw(self, document: Document, path: Steps, message: str) -> None:
        self._flaws.append(document.at(path, message, value=path[:1] == ("include",)))


def _included(document: Document) -> Iterator[tuple[Steps, object]]:
    names = document.tree.get("include")
    if isinstance(names, list):
        yield from ((("include", index), name) for index, name in enumerate(names))
    elif "include" in document.tree:
        yield ("include",), names
