"""Scripts: which letters of a text are not Latin, and whose they are."""

import re
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from typing import NamedTuple

import re2

MOST = 0.6
"""Of all characters, spaces and the tags of a message among them: a text in one script."""


class Script(NamedTuple):
    """A script, what makes a clause in it, and the languages that are written in it, by their codes."""

    name: str
    run: re.Pattern[str]
    letters: int
    runs: int
    languages: frozenset[str]

    def has_clause(self, runs: AbstractSet[str], *, chars: int) -> bool:
        """Whether these are more than a word or a name; in a text that holds little else, less is enough."""
        letters = sum(map(len, runs))
        alone = letters > MOST * chars and letters >= self.letters / 2
        return alone or (len(runs) >= self.runs and letters >= self.letters)


def _spaced(name: str, ranges: str, languages: str) -> Script:
    """An alphabet with spaces. Single letters are formulas, units and smileys; four words are more than a name."""
    return Script(name, re.compile(f"[{ranges}]{{2,}}"), 14, 4, frozenset(languages.split()))


def _unspaced(name: str, ranges: str, languages: str, *, letters: int = 20) -> Script:
    """A script whose words are not told apart by spaces."""
    return Script(name, re.compile(f"[{ranges}]+"), letters, 1, frozenset(languages.split()))


DENSE = 6
"""Characters that make a clause where each stands for a syllable or a word."""

SCRIPTS: tuple[Script, ...] = (
    _spaced("Greek", "\u0370-\u03ff\u1f00-\u1fff", "el grc"),
    _spaced("Cyrillic", "\u0400-\u052f", "ru uk be bg mk sr kk ky mn tg tt ba os"),
    _spaced("Armenian", "\u0530-\u058f", "hy"),
    _spaced("Hebrew", "\u0590-\u05ff", "he hbo yi"),
    _spaced(
        "Arabic",
        "\u0600-\u06ff\u0750-\u077f\u08a0-\u08ff\ufb50-\ufdff\ufe70-\ufeff",
        "ar fa ur ps ug ary arz sdh ku",
    ),
    _spaced("an Indic script", "\u0900-\u0dff", "hi mr ne sa bn as pa gu or ta te kn ml si gom"),
    _unspaced("Thai or Lao", "\u0e00-\u0eff", "th lo"),
    _unspaced("Tibetan or Burmese", "\u0f00-\u109f", "dz bo my"),
    _spaced("Georgian", "\u10a0-\u10ff\u1c90-\u1cbf\u2d00-\u2d2f", "ka"),
    _unspaced("Ethiopic", "\u1200-\u139f", "am ti", letters=DENSE),
    _unspaced("Khmer", "\u1780-\u17ff", "km"),
    _unspaced("Hangul", "\uac00-\ud7a3", "ko", letters=DENSE),
    _unspaced(
        "Japanese or Chinese",
        "\u3041-\u30fa\u30fc-\u30ff\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U0003ffff",
        "ja zh yue wuu",
        letters=DENSE,
    ),
)

OUTSIDE_LATIN = re2.compile("[\u0370-\u1fff\u2d00-\u2d2f\u3041-\ud7a3\ufb50-\ufdff\ufe70-\ufeff\U00020000-\U0003ffff]")


NON_LATIN = frozenset(language for script in SCRIPTS for language in script.languages) - {
    "sr",
    "az",
    "uz",
    "ku",
    "tk",
    "tt",
}
"""Languages that are not written in Latin letters."""


def clauses(text: str) -> Iterator[tuple[Script, str]]:
    """Each script of which a text holds a clause or more, and what is written in it. A name counts once."""
    if not OUTSIDE_LATIN.search(text):
        return
    for script in SCRIPTS:
        runs = {run for run in script.run.findall(text) if not run.isnumeric()}
        if script.has_clause(runs, chars=len(text)):
            yield script, " ".join(runs)
