"""Disguises by what characters look like, and by what is written around them: scripts, markup, OCR, damage."""

import re
from random import Random

from forms import DIGITS, GROUPED, NUMBERS, Told, compact, digits, form, groups

_SCRIPTS = {
    "persian": 0x06F0, "devanagari": 0x0966, "bengali": 0x09E6, "thai": 0x0E50, "khmer": 0x17E0, "tamil": 0x0BE6,
    "myanmar": 0x1040, "mongolian": 0x1810, "lao": 0x0ED0, "tibetan": 0x0F20, "nko": 0x07C0, "gujarati": 0x0AE6,
    "mathematical": 0x1D7CE, "segmented": 0x1FBF0, "adlam": 0x1E950, "osmanya": 0x104A0,
}  # fmt: skip


def _mapped(text: str, table: dict[str, str]) -> str:
    return "".join(table.get(char, char) for char in text)


@form("digits of scripts", types=(*NUMBERS, "IBAN"), listed=True)
def digits_of_scripts(rng: Random, kind: str, value: str) -> Told:
    """Decimal digits of another script."""
    base = _SCRIPTS[rng.choice(sorted(_SCRIPTS))]
    return "".join(chr(base + int(char)) if char.isdigit() else char for char in value)


@form("digits of scripts", types=DIGITS)
def chinese_numerals(rng: Random, kind: str, value: str) -> Told:
    """四零零三, 肆零零叁, or 〇 for zero."""
    numerals = rng.choice(
        ("〇一二三四五六七八九", "零一二三四五六七八九", "零壹贰叁肆伍陆柒捌玖", "零壱弐参四五六七八九")
    )
    return "".join(numerals[int(char)] if char.isdigit() else char for char in rng.choice((value, digits(value))))


@form("digits of scripts", types=DIGITS)
def number_forms(rng: Random, kind: str, value: str) -> Told:
    """Circled, in brackets, with full stop, Roman, negative circled, superscript, subscript."""
    forms = (
        "⓪①②③④⑤⑥⑦⑧⑨", "⓿❶❷❸❹❺❻❼❽❾", "🄀⒈⒉⒊⒋⒌⒍⒎⒏⒐", "0ⅠⅡⅢⅣⅤⅥⅦⅧⅨ", "⁰¹²³⁴⁵⁶⁷⁸⁹", "₀₁₂₃₄₅₆₇₈₉", "🄋➀➁➂➃➄➅➆➇➈",
    )  # fmt: skip
    chosen = rng.choice(forms)
    return rng.choice(("", " ")).join(chosen[int(char)] for char in digits(value))


@form("digits of scripts", types=DIGITS)
def keycaps(rng: Random, kind: str, value: str) -> Told:
    """4️⃣0️⃣0️⃣3️⃣"""
    return "".join(f"{char}\ufe0f\u20e3" for char in digits(value))


@form("digits of scripts", types=DIGITS)
def mixed_scripts_digits(rng: Random, kind: str, value: str) -> Told:
    """Each digit from another script."""
    bases = [0x30, *_SCRIPTS.values()]
    return "".join(chr(rng.choice(bases) + int(char)) if char.isdigit() else char for char in value)


@form("digits of scripts", types=DIGITS)
def roman_numerals(rng: Random, kind: str, value: str) -> Told:
    """IV 0 0 III"""
    numerals = ("0", "I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX")
    return rng.choice((" ", "-", ".")).join(numerals[int(char)] for char in digits(value)) + " in roman numerals"


@form("digits of scripts", types=DIGITS)
def counted(rng: Random, kind: str, value: str) -> Told:
    """Dominoes, dice or tally marks are read by eye; here stars are counted."""
    return " / ".join("*" * int(char) or "none" for char in digits(value)) + " (count the stars)"


@form("letters of scripts", types=("EMAIL", "API_KEY", "IBAN"), listed=True)
def mathematical(rng: Random, kind: str, value: str) -> Told:
    """Mathematical bold, script, monospace, circled."""
    upper, lower, zero = rng.choice((
        (0x1D400, 0x1D41A, 0x1D7CE), (0x1D5D4, 0x1D5EE, 0x1D7EC), (0x1D670, 0x1D68A, 0x1D7F6), (0x24B6, 0x24D0, 0x30),
    ))  # fmt: skip
    return "".join(
        chr(upper + ord(c) - 65) if "A" <= c <= "Z" else chr(lower + ord(c) - 97) if "a" <= c <= "z"
        else chr(zero + int(c)) if c.isdigit() else c for c in value
    )  # fmt: skip


@form("letters of scripts", types=("EMAIL",))
def transliterated(rng: Random, kind: str, value: str) -> Told:
    """шаун.кастро@акме.ио: the whole address in Cyrillic or Greek letters."""
    cyrillic = dict(zip("abcdefghijklmnopqrstuvwxyz", "абцдефгхийклмнопкрстувwхйз", strict=True)) | {"w": "в"}
    greek = dict(zip("abcdefghijklmnopqrstuvwxyz", "αβκδεφγηιγκλμνοπκρστυβωξυζ", strict=True))
    return _mapped(value, rng.choice((cyrillic, greek)))


@form("letters of scripts", types=("EMAIL",))
def small_capitals(rng: Random, kind: str, value: str) -> Told:
    """ꜱʜᴀᴜɴ.ᴄᴀꜱᴛʀᴏ@ᴀᴄᴍᴇ.ɪᴏ"""
    return _mapped(value, dict(zip("abcdefghijklmnopqrstuvwxyz", "ᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘǫʀꜱᴛᴜᴠᴡxʏᴢ", strict=True)))


@form("letters of scripts", types=("EMAIL", *DIGITS))
def upside_down(rng: Random, kind: str, value: str) -> Told:
    """oᴉ˙ǝɯɔɐ@ɐɹʇsɐɔ: turned letters, back to front."""
    turned = dict(
        zip("abcdefghijklmnopqrstuvwxyz0123456789._", "ɐqɔpǝɟƃɥᴉɾʞlɯuodbɹsʇnʌʍxʎz0ƖᄅƐㄣϛ9ㄥ86˙‾", strict=True)
    )
    return _mapped(value[::-1], turned)


@form("letters of scripts", types=("EMAIL", "API_KEY", "IBAN"))
def leet(rng: Random, kind: str, value: str) -> Told:
    """sh4un.c4str0 (at) 4cm3.i0"""
    if kind != "EMAIL":
        return _mapped(value, {"0": "O", "1": "l", "5": "S", "8": "B"})
    return _mapped(value, {"a": "4", "e": "3", "o": "0", "i": "1", "s": "5"}).replace(
        "@", rng.choice((" (at) ", " @ ", " [4t] "))
    )


@form("letters of scripts")
def accents(rng: Random, kind: str, value: str) -> Told:
    """Marks over, under and through every character."""
    marks = rng.choice(("\u0336", "\u0332", "\u0301", "\u0335", "\u0338", "\u0323\u0302", "\u20dd", "\u20e3", "\u0489"))
    return "".join(char + marks for char in value)


@form("invisible", listed=True)
def joiners(rng: Random, kind: str, value: str) -> Told:
    """A zero-width joiner, word joiner or byte order mark after every character."""
    return rng.choice(("\u200d", "\u2060", "\ufeff", "\u200c", "\u180e")).join(value)


@form("invisible")
def fillers(rng: Random, kind: str, value: str) -> Told:
    """Characters that are letters or marks by their class, and show nothing."""
    return rng.choice(
        ("\u3164", "\u115f", "\uffa0", "\u2800", "\ufe0f", "\u034f", "\u17b5", "\u2062", "\U000e0100")
    ).join(value)


@form("invisible")
def tag_characters(rng: Random, kind: str, value: str) -> Told:
    """The whole value in tag characters: nothing to see, and a model reads it."""
    return "this one" + "".join(chr(0xE0000 + ord(char)) for char in value)


@form("invisible")
def variation_selectors(rng: Random, kind: str, value: str) -> Told:
    """A byte in each variation selector after an emoji."""
    return "😀" + "".join(chr(0xFE00 + byte) if byte < 16 else chr(0xE0100 + byte - 16) for byte in value.encode())


@form("invisible")
def right_to_left(rng: Random, kind: str, value: str) -> Told:
    """Back to front in the file, and forth on the screen."""
    return f"\u202e{value[::-1]}\u202c"


@form("invisible")
def controls(rng: Random, kind: str, value: str) -> Told:
    """Colours of a terminal, backspaces, carriage returns, bells between the pieces."""
    glue = rng.choice(("\x1b[0m\x1b[31m", "\x1b[1m", "\x08", "\x07", "\x7f", "\x1f", "\u2028", "\x0b"))
    parts = groups(kind, value)
    return glue.join(parts) if kind != "EMAIL" else f"{glue}@{glue}".join(parts)


@form("separators", types=GROUPED)
def odd_separators(rng: Random, kind: str, value: str) -> Told:
    """Slashes, colons, plus signs, bullets, pipes, arrows, brackets between the groups."""
    glue = rng.choice(
        ("/", ":", "+", "•", "|", "→", "·", "*", "=", " / ", " : ", "…", "\\", "__", "%", ";", " & ", "][", ")(")
    )
    return glue.join(groups(kind, value))


@form("separators", types=GROUPED)
def unusual_groups(rng: Random, kind: str, value: str) -> Told:
    """Pairs, triples, or groups of unequal length."""
    text, out, at = compact(value), [], 0
    if kind == "IP":
        return " ".join(value.split("."))
    while at < len(text):
        size = rng.choice((2, 3)) if at + 3 < len(text) else len(text) - at
        out.append(text[at : at + size])
        at += size
    return rng.choice((" ", "-", ".", " - ", ", ")).join(out)


@form("separators", types=("EMAIL",))
def at_lookalikes(rng: Random, kind: str, value: str) -> Told:
    """Characters that look like an at sign or a dot."""
    at = rng.choice(("ⓐ", "﹫", "＠", "🅰", "Ⓐ", "(a)", "⒜", "@\ufe0e", "ａt", "àt"))
    return value.replace("@", at).replace(".", rng.choice(("。", "．", "｡", "․", "·", "•", "۔", "܂")))


@form("separators", types=("PHONE", "SSN", "CARD", "IP"))
def broken_utf8(rng: Random, kind: str, value: str) -> Told:
    """801â€“56â€“6230: dashes and spaces that were decoded wrongly."""
    return rng.choice(("â€“", "â€‘", "Â\xa0", "�", "Ã‚ ", "â€”")).join(groups(kind, value))


@form("markup")
def html_tags(rng: Random, kind: str, value: str) -> Told:
    """Tags or comments between the pieces."""
    glue = rng.choice(("</b><b>", "<!-- x -->", "<wbr>", "<span></span>", '</td><td class="c">', "<br/>", "&shy;", "&#8203;",
                       "<i></i>", "</li><li>"))  # fmt: skip
    parts = _sliced(rng, value)
    return f"<p>{glue.join(parts)}</p>"


@form("markup")
def markdown_marks(rng: Random, kind: str, value: str) -> Told:
    """Stars, backticks, tildes, underscores, escapes between the pieces."""
    left, right = rng.choice(
        (("**", "**"), ("`", "`"), ("~~", "~~"), ("_", "_"), ("[", "](#)"), ("==", "=="), ("", "\\"))
    )
    return "".join(f"{left}{part}{right}" for part in _sliced(rng, value))


@form("markup")
def other_markup(rng: Random, kind: str, value: str) -> Told:
    """BBCode, LaTeX, wiki, RTF."""
    parts = _sliced(rng, value)
    return rng.choice((
        "".join(f"[b]{part}[/b]" for part in parts), "".join(f"\\texttt{{{part}}}" for part in parts),
        "\\,".join(parts), "{}".join(parts), "".join(f"'''{part}'''" for part in parts), "<nowiki/>".join(parts),
        value.replace("@", "\\symbol{64}").replace("-", "\\textendash{}").replace(".", "{.}"),
        "".join(f"\\'{ord(char):02x}" for char in value), "\\hspace{0pt}".join(parts), "\\-".join(parts),
    ))  # fmt: skip


def _sliced(rng: Random, value: str) -> list[str]:
    size = rng.choice((2, 3, 4, 5))
    return [value[at : at + size] for at in range(0, len(value), size)]


@form("ocr", types=(*NUMBERS, "IBAN"), listed=True)
def ocr_digits(rng: Random, kind: str, value: str) -> Told:
    """O for 0, l for 1, S for 5, B for 8."""
    table = {"0": rng.choice("OoQD"), "1": rng.choice("lI|"), "5": "S", "8": "B"}
    return "".join(table[c] if c in table and rng.random() < 0.7 else c for c in value)


@form("ocr", types=(*NUMBERS, "IBAN"))
def ocr_all(rng: Random, kind: str, value: str) -> Told:
    """Z for 2, E for 3, A for 4, G or b for 6, T for 7, g or q for 9 as well, and noise around the dashes."""
    table = {"0": "O", "1": "l", "2": "Z", "4": "A", "5": "S", "6": rng.choice("Gb"), "8": "B", "9": rng.choice("gq")}
    noisy = "".join(table[c] if c in table and rng.random() < 0.4 else c for c in value)
    return re.sub(r"-", rng.choice((" - ", "~", "—", " -", "_")), noisy)


@form("ocr", types=("EMAIL",))
def ocr_email(rng: Random, kind: str, value: str) -> Told:
    """shaun,castro58©acme,io; spaces around; (cid:64)"""
    at = rng.choice(("©", "®", "(cid:64)", "(Q", "&", " @ ", "€", "G)", "@ ", "{@"))
    return value.replace("@", at).replace(".", rng.choice((",", " .", ". ", ".", " ,")))


@form("ocr", types=("IBAN", "CARD", "API_KEY", "SSN"))
def ragged_columns(rng: Random, kind: str, value: str) -> Told:
    """Groups pulled apart by the columns of a scanned page."""
    return (" " * rng.randint(3, 12)).join(groups(kind, value))


@form("typing", types=(*GROUPED, "EMAIL"))
def case_and_typos(rng: Random, kind: str, value: str) -> Told:
    """IBAN in lower case, e-mail with a comma or two at signs, a letter o in a number, a space in a domain."""
    if kind == "EMAIL":
        return rng.choice(
            (
                value.replace(".", ","),
                value.replace("@", "@@"),
                value.replace("@", " @"),
                value.replace("@", '"'),
                value.replace(".com", ".con").replace("@", "2"),
                value.replace("@", "/at/"),
                value.swapcase(),
            )
        )
    if kind == "IBAN":
        return rng.choice(
            (compact(value).lower(), ".".join(groups(kind, value)), "-".join(groups(kind, value)).lower())
        )
    return value.replace("0", "o").replace("1", rng.choice("il"))


@form("typing", types=NUMBERS)
def run_into_words(rng: Random, kind: str, value: str) -> Told:
    """no801566230pls, the8015662301st"""
    text = value if kind == "IP" else compact(value)
    left, right = rng.choice((("no", "pls"), ("its", "ok"), ("nr", "thx"), ("is", "and"), ("num", "x"), ("x", "x")))
    return f"{left}{text}{right}"


@form("typing", types=DIGITS)
def brackets_and_checks(rng: Random, kind: str, value: str) -> Told:
    """801(56)6230, <801><56><6230>, 801;56;6230 as separate notes."""
    parts = groups(kind, value)
    return rng.choice(
        (
            f"{parts[0]}({')('.join(parts[1:])})",
            "".join(f"<{part}>" for part in parts),
            " ... ".join(parts),
            " (then) ".join(parts),
            " / and / ".join(parts),
            "!".join(parts),
            '"' + '" "'.join(parts) + '"',
        )
    )
