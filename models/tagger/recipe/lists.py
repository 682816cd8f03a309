"""Reads the word lists and templates that lie beside the code: `[section]` lines, then entries."""

import re
from functools import cache
from pathlib import Path

# `[native script]` is a section; `[{stamp}] …`, `[Your Name];…` and `[user]` before a line break are not.
_SECTION = re.compile(r"^\[[a-z_ -]+\]$")
_HERE = Path(__file__).parent


@cache
def words(name: str) -> dict[str, tuple[str, ...]]:
    """The lists of `words/<name>.txt`: entries between blanks, or between semicolons where a line has any."""
    return {
        section: tuple(dict.fromkeys(entry for line in lines for entry in _entries(line)))
        for section, lines in _sections(_HERE / "words" / f"{name}.txt").items()
    }


@cache
def templates(name: str) -> dict[str, tuple[str, ...]]:
    r"""The templates of `templates/<name>.txt`, one a line; `\n` and `\t` are what they look like."""
    return {
        section: tuple(line.replace(r"\n", "\n").replace(r"\t", "\t").replace("{noun}s", "{nouns}") for line in lines)
        for section, lines in _sections(_HERE / "templates" / f"{name}.txt").items()
    }


@cache
def template_files() -> tuple[str, ...]:
    """The names of all files of templates, in order."""
    return tuple(sorted(path.stem for path in (_HERE / "templates").glob("*.txt")))


def _entries(line: str) -> list[str]:
    if ";" in line:
        return [entry.strip() for entry in line.split(";") if entry.strip()]
    return line.split()


def _sections(path: Path) -> dict[str, list[str]]:
    sections: dict[str, list[str]] = {}
    current: list[str] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line.strip() or line.startswith("#: "):
            continue
        if _SECTION.match(line):
            current = sections.setdefault(line[1:-1], [])
        else:
            current.append(line)
    return sections
