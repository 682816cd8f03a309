"""Flipped digits: a number that is written upside down, which is read from its end."""

import re
from collections.abc import Iterator

from router.signals.sensitivity.views.edits import Edit
from router.signals.sensitivity.views.reading import Reading

_SIGNS = {
    **dict.fromkeys(map(ord, "\u0196\u21c2"), "1"), 0x1105: "2", 0x0190: "3", 0x3123: "4", 0x03DB: "5", 0x078E: "5",
    0x3125: "7", 0x2C6F: "A", 0x02D9: ".", 0x203E: "_", ord("6"): "9", ord("9"): "6", ord("("): ")", ord(")"): "(",
}  # fmt: skip
_ODD = "[\u0196\u21c2\u1105\u0190\u3123\u03db\u078e\u3125]"
_RUN = re.compile(
    r"(?<![A-Za-z0-9])[0689\u0196\u21c2\u1105\u0190\u3123\u03db\u078e\u3125\u02d9\u203e.()+\u2013 -]{6,40}"
    r"(?![A-Za-z0-9])"
)
MIN_ODD = 2


def _flipped(text: str) -> Iterator[Edit]:
    for match in _RUN.finditer(text):
        run = match[0].rstrip(" .")
        start = match.start() + len(run) - len(run.lstrip())
        run = run.lstrip()
        if len(re.findall(_ODD, run)) >= MIN_ODD:
            yield Edit(start, start + len(run), run[::-1].translate(_SIGNS))


FLIPPED_DIGITS = Reading("flipped_digits", (_ODD,), _flipped)
