"""Includes: lanes and budgets of other files, and what they say about sensitivity, laid into a document with its place.

An included file holds these and nothing else, so that what decides stands in one file. A lane, a budget, or an entity
type stands in one place only: a second one of the same name is an error and never an override. Lists are joined.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from tidegate.documents import Document, Place, Steps, read
from tidegate.errors import InvalidDocument

MAX_FILES = 50
"""A policy that includes more is a mistake."""

SENSITIVITY = "sensitivity"

NAMED: Mapping[str, str] = {"lanes": "lane", "budgets": "budget"}
"""Parts that are mappings by name, and what one of each is called."""

_KNOWN = ("version", "include", *NAMED, SENSITIVITY)


def with_includes(document: Document, path: Path) -> Document:
    """The document with what it includes; what is wrong with the files is among its flaws. Never raises."""
    if "include" not in document.tree:
        return document
    return _Reader(document, path.resolve()).whole()


class _Reader:
    """One walk through the files."""

    def __init__(self, document: Document, path: Path) -> None:
        self._main = document
        self._path = path
        self._named: dict[str, dict[str, Any]] = {part: {} for part in NAMED}
        self._section: dict[str, Any] = {}
        """What is said about sensitivity."""
        self._places: dict[Steps, Place] = {}
        self._flaws: list[str] = []
        self._seen: dict[Path, Document] = {}

    def whole(self) -> Document:
        self._take(self._main, self._path, ())
        tree = {key: value for key, value in self._main.tree.items() if key != "include"}
        joined = {part for part, found in self._named.items() if found or part == "lanes"}
        for part in joined:
            own = self._main.tree.get(part)
            if own is None or isinstance(own, Mapping):
                tree[part] = self._named[part]
        if self._section and isinstance(tree.get(SENSITIVITY, {}), Mapping):
            tree[SENSITIVITY] = self._section
            joined.add(SENSITIVITY)
        others = {path: place for path, place in self._main.places.items() if path[0] not in joined or len(path) == 1}
        places = {**others, **self._places}
        return replace(self._main, tree=tree, places=places, flaws=(*self._main.flaws, *self._flaws))

    def _take(self, document: Document, path: Path, above: tuple[Path, ...]) -> None:
        """What one file holds, what it includes first."""
        self._seen[path] = document
        for step, name in _included(document):
            self._follow(document, step, name, path, (*above, path))
        for part in NAMED:
            ones = document.tree.get(part)
            for name, one in ones.items() if isinstance(ones, Mapping) else ():
                self._add(document, (part, name), one)
            if part in document.tree and not isinstance(ones, Mapping) and document is not self._main:
                self._flaw(document, (part,), "should be a mapping")
        self._join(document)

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
                self._flaw(
                    found,
                    (key,),
                    f"an included file holds lanes, budgets and sensitivity only; expected one of: {', '.join(_KNOWN)}",
                )
        if found.tree.get("version") != 1:
            self._flaw(found, ("version",), "should be 1")
        self._take(found, target, above)

    def _add(self, document: Document, here: tuple[str, str], one: Any) -> None:
        part, name = here
        if name in self._named[part]:
            other = self._places[here]
            self._flaw(document, here, f"there is such a {NAMED[part]} in {other.file} on line {other.name[0]}")
            return
        self._named[part][name] = one
        self._places |= {
            path: replace(place, file=document.name) for path, place in document.places.items() if path[:2] == here
        }

    def _join(self, document: Document) -> None:
        """What the file says about sensitivity, behind what was said before."""
        section = document.tree.get(SENSITIVITY)
        if isinstance(section, Mapping):
            for key, said in section.items():
                self._join_part(document, (SENSITIVITY, key), said)
        elif SENSITIVITY in document.tree and document is not self._main:
            self._flaw(document, (SENSITIVITY,), "should be a mapping")

    def _join_part(self, document: Document, here: Steps, said: Any) -> None:
        before = self._section.get(str(here[1]))
        if isinstance(said, Mapping) and isinstance(before, Mapping):
            for name in said.keys() & before.keys():
                other = self._places[(*here, name)]
                self._flaw(document, (*here, name), f"it stands in {other.file} on line {other.name[0]} already")
            said = {**said, **before}
        shift = len(before) if isinstance(said, list) and isinstance(before, list) else 0
        self._section[str(here[1])] = [*before, *said] if shift and before else said
        for path, place in document.places.items():
            if path[: len(here)] == here:
                self._places.setdefault(_shifted(path, len(here), shift), replace(place, file=document.name))

    def _flaw(self, document: Document, path: Steps, message: str) -> None:
        self._flaws.append(document.at(path, message, value=path[:1] == ("include",)))


def _shifted(path: Steps, depth: int, shift: int) -> Steps:
    """The path of an item of a list that others were put before."""
    step = path[depth] if len(path) > depth else None
    return (*path[:depth], step + shift, *path[depth + 1 :]) if shift and isinstance(step, int) else path


def _included(document: Document) -> Iterator[tuple[Steps, object]]:
    names = document.tree.get("include")
    if isinstance(names, list):
        yield from ((("include", index), name) for index, name in enumerate(names))
    elif "include" in document.tree:
        yield ("include",), names
