"""A YAML file as entries: its nodes with the comments and blank lines that belong to each. Changes nothing.

An entry is a key with its value, or an item of a list. A comment on lines of its own belongs to the entry below it, or,
where it is indented deeper than that, to the end of the block above. A comment behind something belongs to that entry.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from ruamel.yaml import YAML
from ruamel.yaml.nodes import CollectionNode, MappingNode, Node, ScalarNode, SequenceNode


@dataclass(slots=True)
class Entry:
    """One key with its value, or one item (key None), in the order of the file."""

    key: ScalarNode | None
    value: Node
    column: int
    """Where its key or its dash stands: a comment up to here belongs to what follows."""
    children: "list[Entry]" = field(default_factory=list)
    above: list[str] = field(default_factory=list)
    """Comments and blank lines (empty strings) above it."""
    behind: list[str] = field(default_factory=list)
    """Comments on its line."""
    tail: list[str] = field(default_factory=list)
    """Comments after its last child, indented like the children."""

    @property
    def start(self) -> Node:
        """Where it stands in the file."""
        return self.key or self.value

    @property
    def line(self) -> int:
        """The line on which it begins, from 0."""
        return int(self.start.start_mark.line)

    def below(self) -> "Iterator[Entry]":
        """All entries inside, in the order of the file."""
        for child in self.children:
            yield child
            yield from child.below()

    @property
    def commented(self) -> list[str]:
        """All comments inside."""
        return [note for child in self.below() for note in (*child.above, *child.behind, *child.tail) if note]


@dataclass(slots=True)
class Source:
    """A whole file."""

    text: str
    top: Entry
    header: list[str]
    """Comments at the head of the file: they stay there, whatever is ordered below."""

    def raw(self, node: Node) -> str:
        """A node as it is written."""
        return self.text[node.start_mark.index : node.end_mark.index]


def source(text: str) -> Source:
    """Read a file that is known to be sound: a mapping at its top, without anchors and tags."""
    root = YAML(typ="safe", pure=True).compose(text)
    top = _entry(None, root)
    notes = dict(_notes(text, top))
    _attach(top, notes, text.split("\n"))
    return Source(text, top, _header(top))


def _entry(key: ScalarNode | None, value: Node, column: int = 0) -> Entry:
    entry = Entry(key, value, column)
    if isinstance(value, MappingNode):
        entry.children = [_entry(name, inner, int(name.start_mark.column)) for name, inner in value.value]
    elif isinstance(value, SequenceNode):
        dash = int(value.start_mark.column)
        entry.children = [_entry(None, inner, dash) for inner in value.value]
    return entry


def _notes(text: str, top: Entry) -> Iterator[tuple[int, int]]:
    """Each comment, as the line and the column of its `#`: what stands in no scalar and follows a space."""
    lines = text.split("\n")
    taken = _taken(lines, top)
    for number, line in enumerate(lines):
        for column, char in enumerate(line):
            starts = char == "#" and (column == 0 or line[column - 1] in " \t\ufeff")
            if starts and not any(low <= (number, column) < high for low, high in taken.get(number, ())):
                yield number, column
                break


Span = tuple[tuple[int, int], tuple[int, int]]


def _taken(lines: list[str], top: Entry) -> dict[int, list[Span]]:
    """Where scalars stand, by line."""
    taken: dict[int, list[Span]] = {}
    for entry in top.below():
        for node in (entry.key, entry.value):
            if isinstance(node, ScalarNode):
                low = (node.start_mark.line, node.start_mark.column)
                high = (node.end_mark.line, node.end_mark.column)
                if node.style in ("|", ">"):
                    low, high = (node.start_mark.line + 1, 0), (block_end(lines, entry), 0)
                for number in range(low[0], high[0] + 1):
                    taken.setdefault(number, []).append((low, high))
    return taken


def block_end(lines: list[str], entry: Entry) -> int:
    """The line after the last of a block scalar: what is indented deeper than the scalar's parent belongs to it."""
    first = int(entry.value.start_mark.line) + 1
    inner = next((_indent(line) for line in lines[first:] if line.strip()), 0)
    end = first
    for number in range(first, len(lines)):
        if lines[number].strip():
            if _indent(lines[number]) < inner:
                break
            end = number + 1
    return end


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _attach(top: Entry, notes: dict[int, int], lines: list[str]) -> None:
    """Give each comment and each blank line to its entry."""
    entries = list(top.below())
    scalars = set(_inside_scalars(entries, lines))
    waiting: list[tuple[int, str]] = []
    upcoming = iter(entries)
    following = next(upcoming, None)
    latest: Entry | None = None
    for number, line in enumerate(lines):
        own = number in notes and not line[: notes[number]].strip("\ufeff \t")
        if own:
            waiting.append((notes[number], line[notes[number] :].rstrip()))
            continue
        if not line.strip() and number not in scalars:
            waiting.append((-1, ""))
            continue
        begun = latest
        while following is not None and following.line == number:
            if waiting:
                _place(waiting, following, begun, top)
                waiting = []
            latest, following = following, next(upcoming, None)
        if number in notes and latest is not None:
            latest.behind.append(line[notes[number] :].rstrip())
    top.tail += [note for _, note in waiting]


def _inside_scalars(entries: list[Entry], lines: list[str]) -> Iterator[int]:
    """The lines that a scalar of several lines takes: a blank one among them is content."""
    for entry in entries:
        node = entry.value
        if isinstance(node, ScalarNode):
            end = block_end(lines, entry) if node.style in ("|", ">") else int(node.end_mark.line) + 1
            yield from range(int(node.start_mark.line) + 1, end)


def _place(waiting: list[tuple[int, str]], following: Entry, latest: Entry | None, top: Entry) -> None:
    """Comments indented deeper than what follows them end the block above; the others stand above what follows."""
    edge = following.column
    deep = 0
    for index, (column, note) in enumerate(waiting):
        if note and column <= edge:
            break
        deep = index + 1 if note else deep
    if deep and latest is not None:
        for column, note in waiting[:deep]:
            if note:
                _open_block(top, latest, column).tail.append(note)
        waiting = waiting[deep:]
    following.above += [note for _, note in waiting]


def _open_block(top: Entry, latest: Entry, column: int) -> Entry:
    """The innermost block around the latest entry whose children begin at the column or before it."""
    path = _path(top, latest)
    fits = [one for one in path if _is_block(one) and one.children[0].column <= column]
    return fits[-1] if fits else top


def _is_block(entry: Entry) -> bool:
    node = entry.value
    return isinstance(node, CollectionNode) and not node.flow_style and bool(entry.children)


def _path(top: Entry, wanted: Entry) -> list[Entry]:
    if top is wanted:
        return [top]
    for child in top.children:
        found = _path(child, wanted)
        if found:
            return [top, *found]
    return []


def _header(top: Entry) -> list[str]:
    """The comments at the head of the file, down to the last blank line above the first key."""
    if not top.children:
        return []
    first = top.children[0]
    above = first.above
    cut = max((index + 1 for index, note in enumerate(above) if not note), default=len(above))
    first.above = above[cut:]
    return above[:cut]
