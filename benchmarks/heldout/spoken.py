"""Disguises of people who speak, dictate or chat."""

from random import Random

from forms import DIGITS, GROUPED, NUMBERS, Told, compact, digits, form, groups

_EN = "zero one two three four five six seven eight nine".split()
_TENS = ("", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_TEENS = "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen".split()
_WORDS = {
    "german": "null eins zwei drei vier fünf sechs sieben acht neun".split(),
    "spanish": "cero uno dos tres cuatro cinco seis siete ocho nueve".split(),
    "french": "zéro un deux trois quatre cinq six sept huit neuf".split(),
    "italian": "zero uno due tre quattro cinque sei sette otto nove".split(),
    "dutch": "nul een twee drie vier vijf zes zeven acht negen".split(),
    "portuguese": "zero um dois três quatro cinco seis sete oito nove".split(),
    "polish": "zero jeden dwa trzy cztery pięć sześć siedem osiem dziewięć".split(),
    "swedish": "noll ett två tre fyra fem sex sju åtta nio".split(),
    "turkish": "sıfır bir iki üç dört beş altı yedi sekiz dokuz".split(),
    "hindi": "shunya ek do teen char paanch chhah saat aath nau".split(),
    "russian": "ноль один два три четыре пять шесть семь восемь девять".split(),
}
_NATO = dict(
    zip(
        "abcdefghijklmnopqrstuvwxyz",
        "Alfa Bravo Charlie Delta Echo Foxtrot Golf Hotel India Juliett Kilo Lima Mike November Oscar Papa Quebec Romeo"
        " Sierra Tango Uniform Victor Whiskey X-ray Yankee Zulu".split(),
        strict=True,
    )
)
_AS_IN = dict(
    zip(
        "abcdefghijklmnopqrstuvwxyz",
        "apple boy cat dog egg fish goat house ice jam kite lamp moon nest orange pen queen road sun tree umbrella van water"
        " xylophone yellow zebra".split(),
        strict=True,
    )
)
_AT = {
    "spanish": ("arroba", "punto"), "german": ("ät", "punkt"), "french": ("arobase", "point"),
    "italian": ("chiocciola", "punto"), "dutch": ("apenstaartje", "punt"), "polish": ("małpa", "kropka"),
    "portuguese": ("arroba", "ponto"), "russian": ("собака", "точка"), "swedish": ("snabel-a", "punkt"),
    "turkish": ("et", "nokta"), "czech": ("zavináč", "tečka"), "danish": ("snabel-a", "punktum"),
}  # fmt: skip
_PROVIDERS = {"gmail.com": "gmail", "outlook.com": "outlook", "yahoo.co.uk": "yahoo uk", "icloud.com": "icloud",
              "gmx.de": "gmx", "web.de": "web.de", "proton.me": "proton"}  # fmt: skip


def _spoken(text: str, words: list[str]) -> str:
    return " ".join(words[int(char)] for char in text)


@form("digit words", types=DIGITS, listed=True)
def words_english(rng: Random, kind: str, value: str) -> Told:
    """four zero zero three …, with oh for zero at times."""
    words = [*_EN]
    words[0] = rng.choice(("zero", "oh", "o"))
    return rng.choice((" ", ", ", " ")).join(
        _spoken(digits(part), words) for part in groups(kind, value) if digits(part)
    )


@form("digit words", types=DIGITS, listed=True)
def words_with_double(rng: Random, kind: str, value: str) -> Told:
    """double five, triple zero."""
    text, out, at = digits(value), [], 0
    while at < len(text):
        run = 1
        while run < 3 and text[at : at + run + 1] == text[at] * (run + 1):
            run += 1
        out.append(("", "double ", "triple ")[run - 1] + _EN[int(text[at])])
        at += run
    return " ".join(out)


@form("digit words", types=DIGITS)
def words_other_language(rng: Random, kind: str, value: str) -> Told:
    """The digits in another language, as a caller mixes them into English."""
    return _spoken(digits(value), _WORDS[rng.choice(sorted(_WORDS))])


@form("digit words", types=DIGITS)
def words_in_tens(rng: Random, kind: str, value: str) -> Told:
    """seventy-nine twenty-three: pairs as numbers."""
    text = digits(value)
    pairs = [text[at : at + 2] for at in range(0, len(text), 2)]
    return rng.choice((" ", ", ")).join(_pair(pair) for pair in pairs)


def _pair(pair: str) -> str:
    if len(pair) == 1 or pair[0] == "0":
        return " ".join(_EN[int(char)] for char in pair)
    if pair[0] == "1":
        return _TEENS[int(pair[1])]
    return _TENS[int(pair[0])] + ("" if pair[1] == "0" else "-" + _EN[int(pair[1])])


@form("digit words", types=DIGITS)
def words_and_digits_mixed(rng: Random, kind: str, value: str) -> Told:
    """4 zero zero three 2six."""
    return rng.choice((" ", "")).join(char if rng.random() < 0.5 else _EN[int(char)] for char in digits(value))


@form("digit words", types=DIGITS)
def words_glued(rng: Random, kind: str, value: str) -> Told:
    """fourzerozerothree: one word."""
    return "".join(_EN[int(char)] for char in digits(value))


@form("digit words", types=DIGITS)
def words_misspelt(rng: Random, kind: str, value: str) -> Told:
    """wun too tree fower: as a speech recogniser or a tired person writes them."""
    words = ["ziro", "won", "too", "tree", "fore", "fife", "sicks", "sevn", "ate", "nein"]
    return _spoken(digits(value), [rng.choice((heard, said)) for heard, said in zip(words, _EN, strict=True)])


@form("digit words", types=DIGITS)
def words_with_fillers(rng: Random, kind: str, value: str) -> Told:
    """four, uh, zero zero … sorry … three."""
    said = []
    for char in digits(value):
        said.append(_EN[int(char)])
        if rng.random() < 0.3:
            said.append(rng.choice(("uh", "um,", "[pause]", "let me see,", "hold on,", "(cough)", "...", "and then")))
    return " ".join(said)


@form("spoken separators", types=GROUPED)
def separators_said(rng: Random, kind: str, value: str) -> Told:
    """801 dash 56 dash 6230; 97 dot 34 dot 214 dot 69."""
    word = rng.choice(("dot", "point") if kind == "IP" else ("dash", "hyphen", "minus", "space", "then"))
    return f" {word} ".join(groups(kind, value))


@form("spoken separators", types=DIGITS)
def parts_explained(rng: Random, kind: str, value: str) -> Told:
    """starts with 801, then 56, and the last four are 6230."""
    parts = groups(kind, value)
    if len(parts) < 2:
        return None
    middle = ", then ".join(parts[1:-1])
    return f"starts with {parts[0]}, {'then ' + middle + ', ' if middle else ''}and ends in {parts[-1]}"


@form("spoken separators", types=DIGITS)
def parts_out_of_order(rng: Random, kind: str, value: str) -> Told:
    """ends in 8839, begins 4003, in between 2675 1231."""
    parts = groups(kind, value)
    if len(parts) < 3:
        return None
    return f"ends in {parts[-1]}, begins with {parts[0]} and in between {' '.join(parts[1:-1])}"


@form("spoken separators", types=DIGITS)
def digits_by_place(rng: Random, kind: str, value: str) -> Told:
    """1st digit 4, 2nd digit 0, …"""
    ends = {1: "st", 2: "nd", 3: "rd"}
    return ", ".join(f"{place}{ends.get(place, 'th')} digit {char}" for place, char in enumerate(digits(value), 1))


@form("spelled letters", types=("EMAIL", "IBAN", "API_KEY"))
def nato(rng: Random, kind: str, value: str) -> Told:
    """Sierra Hotel Alfa …"""
    names = {"@": "at", ".": "dot", "_": "underscore", "-": "dash", " ": ""}
    said = (_NATO.get(c.lower()) or names.get(c) or c for c in value)
    return " ".join(word for word in said if word.strip())


@form("spelled letters", types=("EMAIL",))
def as_in(rng: Random, kind: str, value: str) -> Told:
    """S as in sun, H as in house, …"""
    names = {"@": "at sign", ".": "dot", "_": "underscore", "-": "dash"}
    said = (f"{c.upper()} as in {_AS_IN[c.lower()]}" if c.lower() in _AS_IN else names.get(c, c) for c in value)
    return ", ".join(said)


@form("spelled letters", types=("EMAIL", "IBAN"))
def hyphen_spelled(rng: Random, kind: str, value: str) -> Told:
    """s-h-a-u-n at a-c-m-e dot i-o."""
    if kind == "IBAN":
        return "-".join(compact(value))
    local, _, domain = value.partition("@")
    glue = rng.choice(("-", ".", "·", "_"))
    host, _, end = domain.rpartition(".")
    return f"{glue.join(local)} at {glue.join(host)} dot {end}"


@form("e-mail in words", types=("EMAIL",), listed=True)
def at_dot_plain(rng: Random, kind: str, value: str) -> Told:
    """shaun dot castro at acme dot io."""
    at, dot = rng.choice(((" at ", " dot "), (" AT ", " DOT "), ("(at)", "(dot)"), ("{at}", "{dot}"), (" @ ", " . ")))
    return value.replace(".", dot).replace("@", at)


@form("e-mail in words", types=("EMAIL",))
def at_dot_odd(rng: Random, kind: str, value: str) -> Told:
    """-at-, <at>, (at sign), (period), *at*, //dot//."""
    at, dot = rng.choice((
        ("-at-", "-dot-"), ("<at>", "<dot>"), (" (at sign) ", " (period) "), ("*at*", "*dot*"), ("_at_", "_dot_"),
        ("//at//", "//dot//"), ("|at|", "|dot|"), (" @-sign ", " full stop "), ("~at~", "~dot~"), ("=at=", "=dot="),
        (" «at» ", " «dot» "), ("[ at ]", "[ dot ]"), ("[at-sign]", "[point]"), ("'at'", "'dot'"), ("AATT", "DDOTT"),
    ))  # fmt: skip
    return value.replace(".", dot).replace("@", at)


@form("e-mail in words", types=("EMAIL",))
def at_dot_other_language(rng: Random, kind: str, value: str) -> Told:
    """shaun punto castro arroba acme punto io."""
    at, dot = _AT[rng.choice(sorted(_AT))]
    return value.replace(".", f" {dot} ").replace("@", f" {at} ")


@form("e-mail in words", types=("EMAIL",))
def handle_and_provider(rng: Random, kind: str, value: str) -> Told:
    """My name there is shaun.castro58 and I am with gmail."""
    local, _, domain = value.partition("@")
    provider = _PROVIDERS.get(domain, domain)
    return rng.choice((
        f"{local} over at {provider}", f"{local} (it's a {provider} address)", f"{local}, the usual {provider}",
        f"{local} on {provider}", f"{local} and after the at sign {domain}", f"{local} [a] {domain.replace('.', ' , ')}",
    ))  # fmt: skip


@form("e-mail in words", types=("EMAIL",))
def remove_this(rng: Random, kind: str, value: str) -> Told:
    """shaun.castroREMOVE-THIS(at)acmeNOSPAM.io: what usenet wrote."""
    local, _, domain = value.partition("@")
    host, _, end = domain.rpartition(".")
    return rng.choice((
        f"{local}(remove this)[@]{host}.NOSPAM.{end}", f"{local} {{at}} {host}-nospam {{dot}} {end} (without -nospam)",
        f"{local}XATX{host}XDOTX{end}, replace XATX and XDOTX", f"{host} dot {end}, user name {local}",
    ))  # fmt: skip


@form("defanged", types=("EMAIL", "IP"))
def defanged(rng: Random, kind: str, value: str) -> Told:
    """97[.]34[.]214[.]69, shaun[@]acme[.]io."""
    dot = rng.choice(("[.]", "(.)", "[dot]", "{.}", " [.] ", "[,]"))
    return value.replace(".", dot).replace("@", rng.choice(("[@]", "(@)", "[at]", "@")))


@form("keypad", types=("PHONE",))
def keypad_letters(rng: Random, kind: str, value: str) -> Told:
    """1-800-FLOWERS: the last seven digits as letters of the keypad."""
    letters = {"2": "ABC", "3": "DEF", "4": "GHI", "5": "JKL", "6": "MNO", "7": "PQRS", "8": "TUV", "9": "WXYZ"}
    text = digits(value)
    last = "".join(rng.choice(letters[char]) if char in letters else char for char in text[-7:])
    return f"{text[:-7]}-{last[:3]}-{last[3:]} (letters as on a phone keypad)"


@form("chat", types=GROUPED, whole=True)
def chat_lines(rng: Random, kind: str, value: str) -> Told:
    """A chat in which every line has a name and a time before it."""
    name, other = rng.sample(("guest", "visitor 12", "me", "customer", "buyer"), 1)[0], rng.choice(("agent", "bot"))
    word = {"PHONE": "phone number", "CARD": "card number", "SSN": "social", "IP": "ip", "IBAN": "iban"}[kind]
    hour, minute = rng.randint(8, 18), rng.randint(0, 40)
    lines = [f"[{hour}:{minute:02}] {other}: may i have your {word} please"]
    for number, part in enumerate(groups(kind, value), 1):
        lines.append(f"[{hour}:{minute + number:02}] {name}: {part}")
        if rng.random() < 0.3:
            lines.append(f"[{hour}:{minute + number:02}] {other}: ok")
    return "Write a summary of this chat.\n" + "\n".join(lines)


@form("chat", types=(*NUMBERS, "EMAIL", "IBAN"), whole=True)
def turns_of_a_conversation(rng: Random, kind: str, value: str) -> Told:
    """A piece in each message, answers between."""
    word = {"PHONE": "phone number", "CARD": "card number", "SSN": "social security number", "IP": "ip address",
            "IBAN": "iban", "EMAIL": "e-mail"}[kind]  # fmt: skip
    parts = groups(kind, value)
    turns = [f"I will give you my {word} in pieces. First: {parts[0]}"]
    for part in parts[1:]:
        turns += [
            rng.choice(("Got it, go on.", "Okay.", "Noted. Next?")),
            rng.choice(("then {}", "{}", "next {}", "and {}")).format(part),
        ]
    return tuple(turns) if kind != "EMAIL" else (*turns[:-1], f"and after the @ comes {parts[1]}")


@form("chat", types=DIGITS)
def emoji_between(rng: Random, kind: str, value: str) -> Told:
    """Digits or groups with emoji between."""
    emoji = rng.choice("🙂🔥✨👉🎉💳📞➡️⭐"[:8])
    return emoji.join(digits(value) if rng.random() < 0.5 else groups(kind, value))


@form("chat", types=DIGITS)
def stretched(rng: Random, kind: str, value: str) -> Told:
    """Digits with long runs of spaces, dots or tildes between."""
    return rng.choice(("   ", " .. ", "~~", " ~ ", " _ ", "...", " ; ", " :: ", " > ", "^", " + ")).join(digits(value))


@form("transcript", types=DIGITS, whole=True)
def subtitles(rng: Random, kind: str, value: str) -> Told:
    """Subtitles of a recorded call: times between the pieces."""
    word = {"PHONE": "phone", "CARD": "card", "SSN": "social security"}[kind]
    out = ["Clean up this transcript:", "1", "00:00:01,000 --> 00:00:03,000", f"so my {word} number is"]
    for number, part in enumerate(groups(kind, value), 2):
        out += ["", str(number), f"00:00:0{number % 10},200 --> 00:00:0{number % 10},900", part]
    return "\n".join(out)
