"""Entries written again: two columns for each level, dashes indented, one blank line at most, no line needlessly long.

What was written in brackets stays in brackets where it fits on a line; what was written as a block stays a block.
"""

from collections.abc import Iterable, Iterator

from ruamel.yaml.nodes import CollectionNode, MappingNode, ScalarNode, SequenceNode

from router.policy.formatting.order import Kinds, inside, ordered
from router.policy.formatting.scalars import WIDTH, inline, wrapped
from router.policy.formatting.source import Entry, Source, block_end


class Unformattable(Exception):
    """Something that has no canonical form yet; the file stays as it is."""


def lines_of(source: Source, kinds: Kinds) -> list[str]:
    """The file in canonical form."""
    body = list(_Layout(source).block(source.top, kinds, 0))
    if body and not body[0]:
        del body[0]
    header = _once(source.header)
    while header and not header[0]:
        del header[0]
    return [*header, *body]


class _Layout:
    def __init__(self, source: Source) -> None:
        self._source = source
        self._lines = source.text.split("\n")

    def block(self, owner: Entry, kinds: Kinds, indent: int) -> Iterator[str]:
        """The children of an entry, each on lines of its own, and the comments after them."""
        before = 0
        for child, known in _in_order(owner, kinds):
            above = _once(child.above)
            lines = list(self._entry(child, known, indent))
            if not before:
                above = above[1:] if above and not above[0] else above
            elif not indent and max(before, len(lines)) > 1:
                above = _once(["", *above])  # the parts of a file stand apart
            before = len(lines)
            yield from (f"{' ' * indent}{note}" if note else "" for note in above)
            yield from lines
        tail = _once(owner.tail)
        while tail and not tail[-1]:
            del tail[-1]
        yield from (f"{' ' * indent}{note}" if note else "" for note in tail)

    def _entry(self, entry: Entry, kinds: Kinds, indent: int) -> Iterator[str]:
        pad = " " * indent
        key = "-" if entry.key is None else f"{inline(entry.key, self._source.raw(entry.key), flow=False)}:"
        short = self._inline(entry, kinds, flow=False)
        behind = [*entry.behind, *entry.commented] if short is not None else entry.behind
        note = "".join(f"  {text}" for text in behind)
        if short is not None and len(pad) + len(key) + 1 + len(short) <= WIDTH:
            yield f"{pad}{key} {short}".rstrip() + note
        elif isinstance(entry.value, ScalarNode):
            yield from self._long_scalar(entry, entry.value, f"{pad}{key}", note, indent)
        elif entry.key is None and isinstance(entry.value, MappingNode) and entry.children and not entry.behind:
            yield from self._item(entry, kinds, indent)
        else:
            yield f"{pad}{key}{''.join(f'  {text}' for text in entry.behind)}"
            yield from self.block(entry, kinds, indent + 2)

    def _item(self, entry: Entry, kinds: Kinds, indent: int) -> Iterator[str]:
        """A mapping in a list: its first key stands behind the dash; a comment above that key, above the dash."""
        lines = list(self.block(entry, kinds, indent + 2))
        first = next(index for index, line in enumerate(lines) if line.strip() and not line.strip().startswith("#"))
        yield from (f"{' ' * indent}{line.strip()}" for line in lines[:first])
        yield f"{' ' * indent}- {lines[first][indent + 2 :]}"
        yield from lines[first + 1 :]

    def _inline(self, entry: Entry, kinds: Kinds, *, flow: bool) -> str | None:
        """The value on one line, where it can stand so."""
        node = entry.value
        if isinstance(node, ScalarNode):
            if node.style in ("|", ">"):
                return None
            return inline(node, self._source.raw(node), flow=flow)
        if not isinstance(node, CollectionNode) or not node.flow_style or self._has_inner_comments(entry):
            return None
        parts = []
        for child, known in _in_order(entry, kinds):
            value = self._inline(child, known, flow=True)
            if value is None:
                return None
            key = "" if child.key is None else f"{inline(child.key, self._source.raw(child.key), flow=True)}: "
            parts.append((key + value).rstrip() if child.key is not None else value)
        return f"{{{', '.join(parts)}}}" if isinstance(node, MappingNode) else f"[{', '.join(parts)}]"

    def _has_inner_comments(self, entry: Entry) -> bool:
        """Whether a comment stands between the brackets, or there are several behind them."""
        if any(note for child in entry.below() for note in (*child.above, *child.tail)) or entry.tail:
            return True
        end = int(entry.value.end_mark.line)
        behind = [child for child in entry.below() if child.behind]
        if not behind:
            return False
        last = max(child.line for child in entry.below())
        return len(behind) + len(entry.behind) > 1 or last != end or behind[0].line != end

    def _long_scalar(self, entry: Entry, node: ScalarNode, head: str, note: str, indent: int) -> Iterator[str]:
        deeper = " " * (indent + 2)
        if node.style in ("|", ">"):
            yield f"{head} {self._block_header(entry)}{note}"
            yield from (f"{deeper}{line}" if line else "" for line in self._block_lines(entry))
            return
        lines = None if note else wrapped(str(node.value), first=len(head) + 1, indent=indent + 2)
        if lines is None:
            yield f"{head} {inline(node, self._source.raw(node), flow=False)}{note}"
            return
        yield f"{head} {lines[0]}"
        yield from (f"{deeper}{line}" for line in lines[1:])

    def _block_header(self, entry: Entry) -> str:
        header = self._source.raw(entry.value).split("\n", 1)[0].split("#", 1)[0].strip()
        if any(char.isdigit() for char in header):
            raise Unformattable("a block of text that gives its own indentation")
        return header

    def _block_lines(self, entry: Entry) -> list[str]:
        first = int(entry.value.start_mark.line) + 1
        lines = self._lines[first : block_end(self._lines, entry)]
        edge = next((len(line) - len(line.lstrip(" ")) for line in lines if line.strip()), 0)
        return [line[edge:] if line.strip() else "" for line in lines]


def _in_order(owner: Entry, kinds: Kinds) -> Iterator[tuple[Entry, Kinds]]:
    """The children, the keys in the order of the models."""
    if isinstance(owner.value, SequenceNode):
        yield from ((child, inside(kinds, index)) for index, child in enumerate(owner.children))
        return
    by_key = {str(child.key.value): child for child in owner.children if child.key is not None}
    for key in ordered(by_key, kinds):
        yield by_key[key], inside(kinds, key)


def _once(notes: Iterable[str]) -> list[str]:
    """Without a second blank line after a first."""
    kept: list[str] = []
    for note in notes:
        if note or not kept or kept[-1]:
            kept.append(note)
    return kept
