"""Disguises that programs make: code, data formats, encodings that others invented."""

import base64
import binascii
import codecs
import gzip
import ipaddress
import json
import re
import zlib
from random import Random
from urllib.parse import quote

from forms import ALL, DIGITS, GROUPED, Told, compact, digits, form, groups

_NAMES = {"EMAIL": "email", "PHONE": "phone", "CARD": "card_number", "IBAN": "iban", "SSN": "ssn", "IP": "client_ip",
          "API_KEY": "api_key",
    # Of harmless things, for the control.
    "WORDS": "title",
    "NUMBER": "order",
}  # fmt: skip


def _pieces(rng: Random, value: str) -> list[str]:
    """Cut at two or three places."""
    cuts = sorted(rng.sample(range(2, len(value) - 1), min(3, len(value) - 4)))
    return [value[a:b] for a, b in zip([0, *cuts], [*cuts, len(value)], strict=True)]


# --- source code


@form("concatenation", listed=True)
def code_plus(rng: Random, kind: str, value: str) -> Told:
    """The parts of a value as literals with an operator between: "801-" + "56" + "-6230"."""
    quote_ = rng.choice("\"'")
    return " + ".join(f"{quote_}{piece}{quote_}" for piece in _pieces(rng, value))


@form("concatenation")
def code_other_operators(rng: Random, kind: str, value: str) -> Told:
    """The operators of PHP, SQL, VBA, Lua, C and shells."""
    pieces = _pieces(rng, value)
    return rng.choice((
        " . ".join(f"'{x}'" for x in pieces), " || ".join(f"'{x}'" for x in pieces),
        " & ".join(f'"{x}"' for x in pieces), " .. ".join(f'"{x}"' for x in pieces),
        " ".join(f'"{x}"' for x in pieces), " ~ ".join(f'"{x}"' for x in pieces), " <> ".join(f'"{x}"' for x in pieces),
        "CONCAT(" + ", ".join(f"'{x}'" for x in pieces) + ")", "paste0(" + ", ".join(f'"{x}"' for x in pieces) + ")",
        "strcat(" + ", ".join(f'"{x}"' for x in pieces) + ")",
    ))  # fmt: skip


@form("concatenation", whole=True)
def code_variables(rng: Random, kind: str, value: str) -> Told:
    """Pieces in variables that are put together below."""
    pieces, names = _pieces(rng, value), ["a", "b", "c", "d"]
    lines = [f'{name} = "{piece}"' for name, piece in zip(names, pieces, strict=False)]
    used = names[: len(pieces)]
    last = rng.choice(
        (
            f"{_NAMES[kind]} = " + " + ".join(used),
            f'{_NAMES[kind]} = f"' + "".join(f"{{{name}}}" for name in used) + '"',
        )
    )
    return "Explain what this prints:\n" + "\n".join(lines) + f"\n{last}\nprint({_NAMES[kind]})"


@form("concatenation", types=("EMAIL", "SSN", "PHONE", "CARD", "IP"))
def code_format(rng: Random, kind: str, value: str) -> Told:
    """Template and values apart: "%s@%s" % (…), "-".join([…])."""
    parts = re.findall(r"[0-9A-Za-z_]+", value)
    glue = "." if kind in ("EMAIL", "IP") else rng.choice("- ")
    if kind == "EMAIL":
        local, _, domain = value.partition("@")
        return rng.choice(
            (
                f'"%s@%s" % ("{local}", "{domain}")',
                f'"{{}}@{{}}".format("{local}", "{domain}")',
                f'["{local}", "{domain}"].join("@")',
                f'"@".join(("{local}", "{domain}"))',
                f'String.format("%s@%s", "{local}", "{domain}")',
                f"sprintf('%s@%s', '{local}', '{domain}')",
            )
        )
    quoted = ", ".join(f'"{part}"' for part in parts)
    return rng.choice(
        (
            f'"{glue}".join([{quoted}])',
            f"[{quoted}].join('{glue}')",
            f'implode("{glue}", [{quoted}])',
            f"printf '%s{glue}%s{glue}%s' {' '.join(parts)}",
        )
    )


@form("concatenation")
def code_replace(rng: Random, kind: str, value: str) -> Told:
    """A filler that the code takes out again."""
    filler = rng.choice(("XX", "#", "qq", "~", "%%", "zz"))
    every = rng.choice((2, 3))
    filled = filler.join(value[at : at + every] for at in range(0, len(value), every))
    return f'"{filled}".replace("{filler}", "")'


@form("character codes")
def code_chr(rng: Random, kind: str, value: str) -> Told:
    """chr(115)+chr(104)+…, String.fromCharCode(115, 104, …)"""
    codes = [str(ord(char)) for char in value]
    return rng.choice((
        "+".join(f"chr({code})" for code in codes), f"String.fromCharCode({', '.join(codes)})",
        f"bytes([{', '.join(codes)}]).decode()", f"CHAR({','.join(codes)})", " & ".join(f"Chr({code})" for code in codes),
        f"[{','.join(codes)}].map(c => String.fromCharCode(c)).join('')", f"pack('C*', {', '.join(codes)})",
    ))  # fmt: skip


@form("character codes")
def decimal_codes(rng: Random, kind: str, value: str) -> Told:
    """115 104 97 …: ASCII in decimals."""
    return f"{rng.choice((' ', ', ', '-', '.')).join(str(ord(char)) for char in value)} (ascii)"


@form("character codes")
def binary_codes(rng: Random, kind: str, value: str) -> Told:
    """01110011 01101000 …"""
    return rng.choice((" ", "")).join(f"{ord(char):08b}" for char in value)


@form("character codes")
def octal_codes(rng: Random, kind: str, value: str) -> Told:
    r"""\163\150 or 163 150 …"""
    return (
        "".join(f"\\{ord(char):03o}" for char in value)
        if rng.random() < 0.5
        else " ".join(f"{ord(char):03o}" for char in value)
    )


@form("character codes")
def u_plus(rng: Random, kind: str, value: str) -> Told:
    """U+0073 U+0068 …"""
    return " ".join(f"U+{ord(char):04X}" for char in value)


@form("character codes", listed=True)
def backslash_u(rng: Random, kind: str, value: str) -> Told:
    r"""\u0073\u0068, \x73, \u{73}"""
    style = rng.choice(("\\u{:04x}", "\\x{:02x}", "\\u{{{:x}}}"))
    return "".join(style.format(ord(char)) for char in value)


@form("character codes")
def percent_u(rng: Random, kind: str, value: str) -> Told:
    r"""%u0073, \x{73}, \U00000073, &#x73 without a semicolon"""
    style = rng.choice(("%u{:04X}", "\\x{{{:x}}}", "\\U{:08x}", "&#x{:x}", "&#{:07d}"))
    return "".join(style.format(ord(char)) for char in value)


@form("numbers", types=("IP",))
def ip_integer(rng: Random, kind: str, value: str) -> Told:
    """An address as one number, as hexadecimal or octal parts, inside an IPv6 address, or as a reverse name."""
    parts = [int(part) for part in value.split(".")]
    number = int(ipaddress.ip_address(value))
    return rng.choice((
        f"{number} (as a 32-bit integer)", f"0x{number:08X}", ".".join(f"0x{part:02x}" for part in parts),
        ".".join(f"0{part:03o}" for part in parts), f"::ffff:{value}", f"::ffff:{number >> 16:x}:{number & 0xFFFF:x}",
        ".".join(str(part) for part in reversed(parts)) + ".in-addr.arpa", ".".join(f"{part:03}" for part in parts),
        f"http://{number}/", f"64:ff9b::{value}",
    ))  # fmt: skip


@form("numbers", types=DIGITS)
def thousands(rng: Random, kind: str, value: str) -> Told:
    """4,003,267,512,318,839: a spreadsheet took it for an amount."""
    number = int(digits(value))
    return rng.choice(
        (f"{number:,}", f"{number:,}".replace(",", "."), f"{number:,}".replace(",", "'"), f"{number:,}.00")
    )


@form("numbers", types=DIGITS)
def float_of_a_table(rng: Random, kind: str, value: str) -> Told:
    """4003267512318839.0 or 4.003267512318839E+15"""
    text = digits(value)
    return rng.choice((f"{text}.0", f"{text[0]}.{text[1:]}E+{len(text) - 1}", f'="{text}"', f"'{text}", f"#{text}#"))


@form("numbers", types=("CARD", "SSN", "PHONE"))
def literal_with_underscores(rng: Random, kind: str, value: str) -> Told:
    """4003_2675_1231_8839, 0x…, as programs write numbers."""
    text = digits(value)
    return rng.choice(
        (
            f"{int(text):_}",
            "_".join(groups(kind, value)),
            f"{text}n",
            f"{text}L",
            f"BigInt({text})",
            f"Decimal('{text}')",
            f"{hex(int(text))} (hex)",
        )
    )


@form("code in names", types=("EMAIL", "SSN", "PHONE", "CARD", "IP"))
def in_an_identifier(rng: Random, kind: str, value: str) -> Told:
    """mail_shaun_castro_at_acme_dot_io, user801566230, sendTo(shaunCastroAtAcmeDotIo)"""
    if kind == "EMAIL":
        words = re.findall(r"[0-9a-z]+|[@._]", value)
        said = ["at" if word == "@" else "dot" if word == "." else word for word in words if word != "_"]
        camel = "".join(word.capitalize() for word in said)
        return rng.choice(("_".join(said), "-".join(said), f"mailTo{camel}", f"k{camel}"))
    text = digits(value)
    return rng.choice(
        (
            f"user{text}row",
            f"{_NAMES[kind]}{text}x",
            f"v{'_'.join(groups(kind, value))}_final",
            f"cust-{'-'.join(groups(kind, value))}-old",
            f"tmp/{'/'.join(groups(kind, value))}/out.csv",
        )
    )


# --- data formats


@form("fields", whole=True)
def json_parts(rng: Random, kind: str, value: str) -> Told:
    """A field for each part, with other fields between."""
    parts = groups(kind, value)
    labels = {
        "EMAIL": ("mailbox", "domain"), "PHONE": ("country", "area", "exchange", "line", "x"),
        "SSN": ("ssn_area", "ssn_group", "ssn_serial"), "IP": ("o1", "o2", "o3", "o4"),
    }.get(kind, tuple(f"{_NAMES[kind]}_{number}" for number in range(1, len(parts) + 1)))  # fmt: skip
    row = dict(zip(labels, parts, strict=False))
    if rng.random() < 0.4:
        row = {key: part for pair in row.items() for key, part in (pair, (f"{pair[0]}_ok", True))}
    wrap = {"plan": "gold", _NAMES[kind]: row} if rng.random() < 0.5 else row
    return "Validate this payload and name missing fields:\n" + json.dumps(wrap, indent=rng.choice((None, 1)))


@form("fields", whole=True)
def json_list(rng: Random, kind: str, value: str) -> Told:
    """A list of single characters, numbers or groups."""
    text = compact(value) if kind in GROUPED else value
    items: list[object] = rng.choice((list(text), groups(kind, value), [int(c) if c.isdigit() else c for c in text]))
    return f"What type is this field?\n{json.dumps({_NAMES[kind]: items})}"


@form("fields", types=(*GROUPED, "EMAIL"), whole=True)
def csv_columns(rng: Random, kind: str, value: str) -> Told:
    """A column for each part."""
    parts = groups(kind, value)
    sep = rng.choice((",", ";", "\t", "|"))
    head = sep.join(["id", *(f"{_NAMES[kind]}{number}" for number in range(1, len(parts) + 1)), "status"])
    return f"Convert to JSON:\n{head}\n{sep.join([str(rng.randint(1, 99)), *parts, 'open'])}"


@form("fields", types=(*GROUPED, "EMAIL"), whole=True)
def markdown_table(rng: Random, kind: str, value: str) -> Told:
    """A table with a row or a column for each part."""
    parts = groups(kind, value)
    if rng.random() < 0.5:
        rows = "\n".join(f"| {number} | {part} |" for number, part in enumerate(parts, 1))
        return f"Format this table:\n| part of {_NAMES[kind]} | value |\n|---|---|\n{rows}"
    return (
        f"Format this table:\n| {_NAMES[kind]} |{' |' * (len(parts) - 1)}\n|{'---|' * len(parts)}\n"
        f"| {' | '.join(parts)} |"
    )


@form("fields", types=(*GROUPED, "EMAIL"), whole=True)
def xml_parts(rng: Random, kind: str, value: str) -> Told:
    """Attributes, elements or CDATA sections for the parts."""
    parts, tag = groups(kind, value), _NAMES[kind]
    return "Write an XSD for this:\n" + rng.choice((
        f"<{tag} " + " ".join(f'p{number}="{part}"' for number, part in enumerate(parts, 1)) + "/>",
        f"<{tag}>" + "".join(f"<part>{part}</part>" for part in parts) + f"</{tag}>",
        f"<{tag}>" + "".join(f"<![CDATA[{part}]]>" for part in _pieces(rng, value)) + f"</{tag}>",
    ))  # fmt: skip


@form("fields", types=(*GROUPED, "EMAIL"), whole=True)
def yaml_or_ini_parts(rng: Random, kind: str, value: str) -> Told:
    """A line for each part."""
    parts, tag = groups(kind, value), _NAMES[kind]
    return "Is this config valid?\n" + rng.choice((
        f"{tag}:\n" + "\n".join(f"  - '{part}'" for part in parts),
        "\n".join(f"{tag}.{number} = {part}" for number, part in enumerate(parts)),
        "\n".join(f"{tag.upper()}_{number}={part}" for number, part in enumerate(parts)),
        f"{tag}: >-\n" + "\n".join(f"  {part}" for part in parts),
    ))  # fmt: skip


@form("fields", types=(*GROUPED, "EMAIL"))
def url_parameters(rng: Random, kind: str, value: str) -> Told:
    """?p1=801&p2=56&p3=6230"""
    return (
        "https://forms.example.com/step2?"
        + "&".join(f"{_NAMES[kind][0]}{number}={quote(part)}" for number, part in enumerate(groups(kind, value), 1))
        + "&lang=en"
    )


@form("line breaks")
def wrapped(rng: Random, kind: str, value: str) -> Told:
    """Broken over lines as vCards, e-mails, terminals, diffs and quotes break them."""
    glue = rng.choice(("\n ", "\n> ", "\n+", "\n\t", "\\\n", "=\n", "\n# ", "\n// ", "\r\n ", "\n * "))
    return glue.join(_pieces(rng, value))


@form("line breaks", types=(*DIGITS, "IBAN"))
def numbered_lines(rng: Random, kind: str, value: str) -> Told:
    """1) 4003\n2) 2675 …"""
    mark = rng.choice(("{}) ", "{}. ", "- ", "* ", "({}) ", "#{} "))
    return "\n" + "\n".join(mark.format(number) + part for number, part in enumerate(groups(kind, value), 1)) + "\n"


@form("line breaks", types=(*DIGITS, "IBAN"))
def boxes(rng: Random, kind: str, value: str) -> Told:
    """|4|0|0|3|: a form with a box for each character."""
    left, right = rng.choice(
        (("[", "]"), ("|", ""), ("(", ")"), ("⟦", "⟧"), ("<", ">"), ("{", "}"), ("'", "'"), ("☐", ""))
    )
    return "".join(f"{left}{char}{right}" for char in compact(value))


# --- encodings


@form("encodings", listed=True)
def base64_variants(rng: Random, kind: str, value: str) -> Told:
    """Twice, without padding, for URLs, or with words around inside."""
    raw = value.encode()
    sentence = f"my {_NAMES[kind]} is {value} thanks".encode()
    return rng.choice((
        base64.b64encode(base64.b64encode(raw)).decode(), base64.b64encode(raw).decode().rstrip("="),
        base64.urlsafe_b64encode(sentence).decode(), base64.b64encode(sentence).decode(),
    ))  # fmt: skip


@form("encodings", listed=True)
def base32_or_hex(rng: Random, kind: str, value: str) -> Told:
    """base32, hex plain, spaced, with colons or 0x."""
    raw = value.encode()
    return rng.choice(
        (
            base64.b32encode(raw).decode(),
            raw.hex(),
            raw.hex(" "),
            raw.hex(":").upper(),
            ", ".join(f"0x{byte:02x}" for byte in raw),
        )
    )


@form("encodings", listed=True)
def compressed(rng: Random, kind: str, value: str) -> Told:
    """gzip or zlib inside base64."""
    raw = f"{_NAMES[kind]}: {value}\n".encode()
    return base64.b64encode(gzip.compress(raw, mtime=0) if rng.random() < 0.5 else zlib.compress(raw)).decode()


@form("encodings", listed=True)
def percent_and_entities(rng: Random, kind: str, value: str) -> Told:
    """Percent twice, hexadecimal entities, quoted-printable."""
    return rng.choice((
        "".join(f"%25{ord(char):02X}" for char in value), "".join(f"&#x{ord(char):x};" for char in value),
        "".join(f"={ord(char):02X}" for char in value), "".join(f"&amp;#{ord(char)};" for char in value),
    ))  # fmt: skip


@form("encodings")
def base85(rng: Random, kind: str, value: str) -> Told:
    """Ascii85 and base85."""
    raw = value.encode()
    return rng.choice((f"<~{base64.a85encode(raw).decode()}~>", f"{base64.b85encode(raw).decode()} (base85)"))


@form("encodings")
def base64_in_pieces(rng: Random, kind: str, value: str) -> Told:
    """base64 with spaces, dots or line breaks after every few characters, or reversed."""
    text = base64.b64encode(f"{_NAMES[kind]} {value}".encode()).decode()
    return rng.choice(
        (
            " ".join(text[at : at + 4] for at in range(0, len(text), 4)),
            "\n".join(text[at : at + 12] for at in range(0, len(text), 12)),
            ".".join(text[at : at + 6] for at in range(0, len(text), 6)),
            f"{text[::-1]} (base64, reversed)",
            '" + "'.join(text[at : at + 9] for at in range(0, len(text), 9)),
        )
    )


@form("encodings")
def utf16(rng: Random, kind: str, value: str) -> Told:
    """UTF-16 in base64 (as PowerShell takes it), or bytes with zeros between."""
    raw = value.encode("utf-16-le")
    return rng.choice((base64.b64encode(raw).decode(), raw.hex(), "\x00".join(value), raw.hex(" ")))


@form("encodings")
def base64_of_json(rng: Random, kind: str, value: str) -> Told:
    """A token's payload or a cookie: JSON inside base64 inside a URL."""
    text = base64.urlsafe_b64encode(json.dumps({"v": 2, _NAMES[kind]: value, "r": "u"}).encode()).decode().rstrip("=")
    return rng.choice(
        (
            f"session={text}; Path=/",
            f"https://app.example.com/cb?state={text}",
            f"{text}",
            quote(base64.b64encode(json.dumps({_NAMES[kind]: value}).encode()).decode(), safe=""),
        )
    )


@form("encodings", types=("EMAIL",))
def mime_word(rng: Random, kind: str, value: str) -> Told:
    """=?UTF-8?Q?shaun=2Ecastro=40acme=2Eio?=, as mail headers have it."""
    if rng.random() < 0.5:
        return f"=?UTF-8?B?{base64.b64encode(value.encode()).decode()}?="
    return "=?utf-8?Q?" + "".join(c if c.isalnum() else f"={ord(c):02X}" for c in value) + "?="


@form("encodings", types=("EMAIL",))
def utf7(rng: Random, kind: str, value: str) -> Told:
    """shaun+AC4-castro+AEA-acme+AC4-io"""
    return value.replace(".", "+AC4-").replace("@", "+AEA-")


@form("encodings")
def hexdump(rng: Random, kind: str, value: str) -> Told:
    """A memory dump with offsets."""
    raw = f"{_NAMES[kind]}={value}".encode()
    lines = []
    for at in range(0, len(raw), 16):
        part = raw[at : at + 16]
        shown = "".join(chr(byte) for byte in part)
        lines.append(f"{at:08x}  {part.hex(' '):<47}  |{shown}|")
    return "\n" + "\n".join(lines) + "\n"


@form("encodings")
def uuencoded(rng: Random, kind: str, value: str) -> Told:
    """begin 644 …"""
    raw = value.encode()
    body = "".join(binascii.b2a_uu(raw[at : at + 45]).decode() for at in range(0, len(raw), 45))
    return f"\nbegin 644 note.txt\n{body}`\nend\n"


@form("encodings", types=ALL)
def escaped_twice(rng: Random, kind: str, value: str) -> Told:
    r"""\\u0073 inside JSON inside JSON, or regular expressions with their backslashes."""
    return rng.choice((
        "".join(f"\\\\u{ord(char):04x}" for char in value), re.escape(value).replace("@", "\\@").replace("-", "\\-"),
        re.sub(r"([^0-9A-Za-z])", r"[\1]", value), json.dumps(json.dumps({"a": json.dumps({_NAMES[kind]: value})})),
        "^" + re.sub(r"([^0-9A-Za-z])", r"\\\1", value) + "$",
    ))  # fmt: skip


@form("obfuscators", types=("EMAIL",), whole=True)
def cloudflare(rng: Random, kind: str, value: str) -> Told:
    """The e-mail protection of a well-known proxy: each byte xor the first."""
    key = rng.randint(1, 255)
    text = f"{key:02x}" + "".join(f"{ord(char) ^ key:02x}" for char in value)
    return f'What does this page contain?\n<a href="/cdn-cgi/l/email-protection" class="__cf_email__" data-cfemail="{text}">[email&#160;protected]</a>'


@form("obfuscators", types=("EMAIL", "PHONE", "API_KEY"), whole=True)
def javascript(rng: Random, kind: str, value: str) -> Told:
    """What obfuscators write: atob, unescape, split and reverse, arrays of pieces."""
    pieces = _pieces(rng, value)
    order = list(range(len(pieces)))
    rng.shuffle(order)
    shuffled = [pieces[at] for at in order]
    where = [order.index(at) for at in range(len(pieces))]
    return "Deobfuscate:\n" + rng.choice((
        f"document.write(atob('{base64.b64encode(value.encode()).decode()}'))",
        f"el.innerHTML = unescape('{''.join(f'%{ord(char):02x}' for char in value)}')",
        f"var m = '{value[::-1]}'.split('').reverse().join('');",
        f"var _0x1f={json.dumps(shuffled)};x(" + "+".join(f"_0x1f[{at}]" for at in where) + ")",
        f"var s='{codecs.encode(value, 'rot13')}';s=s.replace(/[a-z]/gi,c=>rot13(c));",
    ))  # fmt: skip


@form("ciphers", types=("EMAIL", "API_KEY"), listed=True)
def rot13(rng: Random, kind: str, value: str) -> Told:
    """funha.pnfgeb@npzr.vb"""
    return f"{codecs.encode(value, 'rot13')} (rot13)"


@form("ciphers", types=("EMAIL", "PHONE", "SSN", "CARD"))
def rot47_or_rot5(rng: Random, kind: str, value: str) -> Told:
    """The other rotations."""
    if kind != "EMAIL":
        return (
            "".join(str((int(c) + 5) % 10) if c.isdigit() else c for c in value) + " (rot5, so add five to each digit)"
        )
    rotated = "".join(chr(33 + (ord(c) - 33 + 47) % 94) if 33 <= ord(c) < 127 else c for c in value)
    return f"{rotated} (rot47)"


@form("ciphers", types=("EMAIL",))
def atbash(rng: Random, kind: str, value: str) -> Told:
    """a becomes z, b becomes y."""
    return "".join(chr(219 - ord(c)) if "a" <= c <= "z" else c for c in value) + " (alphabet reversed: a=z, b=y)"


@form("ciphers", listed=True)
def reversed_text(rng: Random, kind: str, value: str) -> Told:
    """oi.emca@85ortsac.nuahs"""
    return f"{value[::-1]} (backwards)"


@form("ciphers", types=("EMAIL", *DIGITS))
def morse(rng: Random, kind: str, value: str) -> Told:
    """... .... .- ..- -."""
    text = value if kind == "EMAIL" else digits(value)
    return f"{' '.join(_MORSE[char] for char in text)} (morse)"


_MORSE = dict(
    zip(
        "abcdefghijklmnopqrstuvwxyz0123456789.@_-",
        ".- -... -.-. -.. . ..-. --. .... .. .--- -.- .-.. -- -. --- .--. --.- .-. ... - ..- ...- .-- -..- -.-- --.. -----"
        " .---- ..--- ...-- ....- ..... -.... --... ---.. ----. .-.-.- .--.-. ..--.- -....-".split(),
        strict=True,
    )
)
