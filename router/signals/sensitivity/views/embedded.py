"""Embedded: whole files within a text, as data URIs and as uuencode has them."""

import binascii
import re
from collections.abc import Iterator
from urllib.parse import unquote_to_bytes

from router.signals.sensitivity.views.decoding import BLANK, from_base64
from router.signals.sensitivity.views.edits import Edit
from router.signals.sensitivity.views.reading import Reading
from router.signals.sensitivity.views.unpack import Packed, text_of


def _data_uris(text: str) -> Iterator[Edit]:
    for match in _DATA_URI.finditer(text):
        kind, coded = (match["kind"] or "text/plain").lower(), match["coded"]
        data = from_base64(BLANK.sub("", match["data"])) if coded else unquote_to_bytes(match["data"])
        packed = text_of(data) if data else Packed(None)
        if packed.text is None and not packed.problem:
            packed = Packed(None, f"{kind.partition('/')[0]}: binary" if kind.partition("/")[0] in _KINDS else "binary")
        yield Edit(match.start("data"), match.end("data"), packed.text or " ", packed.problem)


_KINDS = frozenset(("image", "audio", "video", "font", "application", "text"))
_DATA_URI = re.compile(
    r"(?i:data:)(?P<kind>[A-Za-z]{1,20}/[A-Za-z0-9.+-]{1,80})?(?:;[A-Za-z0-9=.-]{1,60}){0,3}(?P<coded>(?i:;base64))?,"
    r"(?P<data>[A-Za-z0-9+/=_%.~!*'():@;,-]{1,20000000})"
)


def _uuencoded(text: str) -> Iterator[Edit]:
    for match in _UU.finditer(text):
        try:
            data = b"".join(binascii.a2b_uu(line) for line in match[1].splitlines())
        except binascii.Error:
            yield Edit(match.start(), match.end(), " ", "undecodable")
            continue
        packed = text_of(data)
        yield Edit(match.start(), match.end(), packed.text or " ", packed.problem or ("" if packed.text else "binary"))


_UU = re.compile(r"begin [0-7]{3,4} [^\n]{1,120}\n((?:[!-`][ -`]{0,64}\n){1,99999})[` ]?\n?end")

EMBEDDED: tuple[Reading, ...] = (
    Reading("data-uri", (r"(?i)data:[a-z/0-9.+;=-]{0,200},",), _data_uris),
    Reading("uuencode", (r"begin [0-7]{3}",), _uuencoded),
)
