"""Cues of where people live and when they were born."""

from router.signals.sensitivity.cues.cue import LOW, UP, Cue, cue

MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]{0,6}"
DATE = (
    r"(?:\d{1,4}[/.-]\d{1,2}[/.-]\d{1,4}"
    rf"|(?i:{MONTH}\.? \d{{1,2}}|\d{{1,2}}(?:st|nd|rd|th)? (?:of )?{MONTH})|(?:19|20)\d\d)"
)
STATE = (
    "A[AEKLPRZ]|C[AOT]|D[CE]|FL|GA|HI|I[ADLN]|K[SY]|LA|M[ADEINOST]|N[CDEHJMVY]|O[HKR]|PA|RI|S[CD]|T[NX]|UT|V[AT]"
    "|W[AIVY]"
)
STREET = (
    "street|st|avenue|ave|road|rd|lane|ln|drive|dr|boulevard|blvd|court|ct|way|place|pl|square|terrace|close"
    "|crescent|parkway|pkwy|highway|hwy|circle|cir|trail|grove|mews|alley|plaza|gardens"
)
ABROAD = "calle|via|piazza|rua|avenida|plaza|strada|ul\\."

PLACES: tuple[Cue, ...] = (
    cue(
        "DATE_OF_BIRTH",
        "dob|birth|born|d.o.b",
        r"(?i:\b(?:dob|d\.o\.b\.?|date[ _]of[ _]birth|birth[ _]?da(?:te|y)|born(?: on)?))\b",
        rf"[^\n\d]{{0,24}}{DATE}",
    ),
    cue(
        "AGE",
        "y/o|year old|year-old|yo ",
        r"(?i)\b(?:i'?m|i am|he is|she is|is an?|this) (?:a )?\d{2}[ -]?(?:y/o|yo\b",
        r"|year[- ]old (?:man|woman|male|female|patient|gentleman|lady))",
        hint=r"(?i)\d{2}[ -]?(?:y/o|yo\b|year[- ]old (?:man|woman|male|female|patient|gentleman|lady))",
    ),
    cue(
        "ADDRESS",
        STREET,
        rf"(?<![\w.$€£])\d{{1,6}}[A-Za-z]?,?[ \t](?:[{UP}0-9][{UP}{LOW}0-9.'-]{{0,20}}[ \t]){{1,4}}",
        rf"(?i:{STREET})\b(?![ \t][{LOW}]{{3}})",
    ),
    cue(
        "ADDRESS",
        "apt|apartment|suite|unit|ste|flat",
        rf"(?:\d|[{UP}{LOW}]{{3}})[^\n]{{0,40}}[\n,. ]{{1,3}}(?i:apt|apartment|suite|ste|flat|unit)\b",
        r"\.?[ \t]{0,2}#?\d{1,5}\b",
        hint=r"[\n,. ](?i:apt|apartment|suite|ste|flat|unit)\b\.?[ \t]{0,2}#?\d",
    ),
    cue(
        "ADDRESS",
        "straße|strasse|str.|weg |platz |gasse |allee ",
        rf"[{UP}][{LOW}-]{{2,25}}[ ]?(?:[Ss]traße|[Ss]trasse|str\.|weg|platz|gasse|allee)[ \t]\d{{1,4}}\b",
    ),
    cue(
        "ADDRESS",
        "rue |avenue |boulevard |chemin |place |calle |via |piazza |rua |avenida |ul. |plaza |strada ",
        rf"\d{{1,5}},?[ \t](?:bis[ \t])?(?i:rue|avenue|boulevard|chemin|place|{ABROAD})[ \t][{UP}{LOW}][^\n]{{2}}",
        rf"|\b(?i:{ABROAD})[ \t][{UP}][{UP}{LOW} .]{{1,40}},?[ \t]\d{{1,5}}\b",
    ),
    cue("ADDRESS", "box", r"\b(?i:p\.?[ ]?o\.?[ ]?box|(?:psc|unit)[ ]\d{1,5},?[ ]box)[ \t]\d{1,6}\b"),
    cue("ADDRESS", "", rf"\b[{UP}][{LOW}]{{2,20}},?[ \n]{{1,2}}(?:{STATE})[ \t]{{1,2}}\d{{5}}(?:-\d{{4}})?\b"),
    cue("ADDRESS", "", r"\b[A-Z]{1,2}\d[A-Z\d]?[ ]\d[ABD-HJLNP-UW-Z]{2}\b"),
    cue(
        "ADDRESS",
        "address|live|resid|deliver|taxi to|located at|drops you|ship to",
        r"(?i:(?<!ip )(?<!mac )(?<!web )\baddress(?:es)?\b|\blives? at|\bresid(?:es?|ing) at|\bdeliver(?:ed)? to",
        r"|\btaxi to|\blocated at|\bdrops you off at|\bship to)",
        rf"[^\n\d.]{{0,30}}\n?[ \t]{{0,3}}\d{{1,6}}[A-Za-z]?,?[ \t](?:\d{{1,5}}[ \t])?[{UP}{LOW}][{LOW}]{{2}}",
    ),
)
