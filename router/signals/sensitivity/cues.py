"""Cues: words and forms that give a person away without a model: names, addresses, births, health, numbers in context.

An honest first step. A name that nothing announces and that is not among the common ones is not seen; a trained tagger
is to come, beside this. Every pattern takes linear time: fixed openings, bounded repeats, no nested ones.
"""

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from router.signals.sensitivity.given_names import GIVEN_NAMES, NOT_NAMES
from tidegate.signals import Finding

UP, LOW = "A-ZÀ-ÖØ-ÞĀ-Ž", "a-zß-öø-ÿĀ-ž"
WORD = rf"[{UP}](?:['’][{UP}])?[{LOW}]{{1,24}}(?:[-'’][{UP}]?[{LOW}]{{2,20}})?"
MORE = rf"(?:[ \t]{{1,2}}(?:[{UP}]\.?(?![{LOW}])|van|von|de|der|den|da|di|la|le|bin|al|el|{WORD})){{0,3}}"
ONE = rf"(?P<name>{WORD}{MORE})"
FULL = rf"(?P<name>{WORD}{MORE}[ \t]{{1,2}}{WORD})"
MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]{0,6}"
DATE = rf"(?:\d{{1,4}}[/.-]\d{{1,2}}[/.-]\d{{1,4}}|(?i:{MONTH}\.? \d{{1,2}}|\d{{1,2}}(?:st|nd|rd|th)? (?:of )?{MONTH})|(?:19|20)\d\d)"
STATE = "A[KLRZ]|C[AOT]|D[CE]|FL|GA|HI|I[ADLN]|K[SY]|LA|M[ADEINOST]|N[CDEHJMVY]|O[HKR]|PA|RI|S[CD]|T[NX]|UT|V[AT]|W[AIVY]|A[AEP]"
STREET = (
    "street|st|avenue|ave|road|rd|lane|ln|drive|dr|boulevard|blvd|court|ct|way|place|pl|square|terrace|close|crescent"
    "|parkway|pkwy|highway|hwy|circle|cir|trail|grove|mews|alley|plaza|gardens"
)
ILLNESS = (
    "diagnos(?:ed|is)|cancer|tumou?r|diabet(?:es|ic)|hiv|aids|hepatitis|depress(?:ion|ed)|anxiety|bipolar|schizophreni[ac]|epileps?y"
    "|asthma|hypertension|pregnan(?:t|cy)|miscarriage|chemo(?:therapy)?|biopsy|antidepressants?|insulin|metformin|sertraline"
    "|lisinopril|prozac|xanax|overdose|suicidal|suicide|addiction|dementia|alzheimer|parkinson|stroke|seizures?|leukemia|lupus|psoriasis"
)


class Cue(NamedTuple):
    """A form that gives something away: looked for where one of its words stands in the text, in lower case."""

    type: str
    words: tuple[str, ...]
    pattern: re.Pattern[str]
    holds: Callable[[re.Match[str]], bool] = lambda _: True
    score: float = 0.6


def _name(match: re.Match[str]) -> bool:
    """Neither the first nor the last word is one that sentences and headings begin with."""
    words = match["name"].split()
    return words[0].lower() not in NOT_NAMES and words[-1].lower().strip(".") not in NOT_NAMES


def _known_name(match: re.Match[str]) -> bool:
    """A common given name, and after it something that may be a surname."""
    return match["name"].split()[0].lower() in GIVEN_NAMES and _name(match)


def _some_name(match: re.Match[str]) -> bool:
    """A full name, or one common given name alone."""
    return _name(match) and (" " in match["name"] or match["name"].lower() in GIVEN_NAMES)


def _values(match: re.Match[str]) -> bool:
    """Words of a form's field that are no type, no placeholder and no sentence."""
    words = match["name"].lower().replace(".", "").split()
    return not any(word in NOT_NAMES or word in {"str", "string", "none", "null", "john doe", "na"} for word in words)


def _cue(
    entity: str, words: str, pattern: str, holds: Callable[[re.Match[str]], bool] | None = None, score: float = 0.6
) -> Cue:
    compiled = re.compile(pattern)
    return Cue(entity, tuple(words.split("|")) if words else (), compiled, holds or (lambda _: True), score)


CUES: tuple[Cue, ...] = (
    # Persons.
    _cue(
        "PERSON",
        "mr|ms|mrs|mx|dr|prof|herr|frau|mme|sr|miss",
        rf"\b(?:Mr|Mrs|Ms|Mx|Miss|Dr|Prof|Herr|Frau|Mme|Sra?)\b\.?[ \t]{{1,2}}{ONE}",
        _name,
    ),
    _cue(
        "PERSON",
        "name is|name's|called|call me|named",
        rf"(?i:\bname(?: is|'s)|\b(?:i am|i'm) called|\bcall me|\bnamed (?:him|her|them))[ \t]{{1,2}}{ONE}",
        _name,
    ),
    _cue(
        "PERSON", "i am|i'm|i’m|this is|it's|under", rf"\b(?:I am|I['’]m|[Tt]his is|[Ii]t['’]s under)[ \t]{FULL}", _name
    ),
    _cue(
        "PERSON",
        "dear |hi |hello ",
        rf"\b(?:Dear|Hi|Hello)[ \t]{ONE}",
        lambda m: _name(m) and (m[0].startswith("Dear") or _some_name(m)),
    ),
    _cue(
        "PERSON",
        "regards|sincerely|cheers|best|thanks|yours|faithfully|love",
        rf"(?i:regards|sincerely|cheers|best|thanks|yours|faithfully|truly|love),?[ \t]{{0,3}}\n{{1,3}}[ \t]{{0,3}}{ONE}[ \t]{{0,3}}(?:\n|$)",
        _name,
    ),
    _cue(
        "PERSON",
        "patient|customer|client|employee|tenant|defendant|plaintiff|claimant|guardian|beneficiary|contact|attn"
        "|holder|candidate|applicant|husband|wife|spouse|partner|daughter|son|mother|father|brother|sister|nurse|colleague"
        "|signed|owner|witness|cc|manager|supervisor|guest|suspect|victim|student|add|by|author|name|from|to|with|kid|child|bestow|for",
        r"\b(?i:patient|customer|client|employee|tenant|defendant|plaintiff|claimant|guardian|beneficiary|contact|attn|holder|candidate"
        r"|applicant|husband|wife|spouse|partner|daughter|son|mother|father|brother|sister|nurse|colleague|signed|signed by|owner"
        r"|witness|cc|manager|supervisor|guest|suspect|victim|student|kid|child|boss|add|name|(?:from|to|bcc|by)(?=:)|correct it to|change it to|request for|forward to"
        rf"|follow up with|(?:meet|speak|talk|spoke|met)(?:ing)? (?:to|with)|directed by:|assigned to|referred to|created by|updated by|submitted by|reported by|written by|setup by|author)[ \t]{{0,2}}[:=-]?[ \t]{{0,2}}[\"']?{FULL}",
        _name,
    ),
    _cue(
        "PERSON",
        "patient|customer|client|employee|defendant|plaintiff",
        r"\b(?:[Pp]atient|[Cc]ustomer|[Cc]lient|[Ee]mployee|[Dd]efendant|[Pp]laintiff)[ \t]{1,2}"
        rf"{ONE}(?= (?:is|was|has|had|filed|called|reported|asked|complains?|presents?|requested|wants|said)\b)",
        _name,
    ),
    _cue(
        "PERSON",
        "name",
        r"(?i:(?:^|[\n\"'{,;(>|&?])[ \t]{0,8}(?:(?:first|last|full|patient|customer|client|employee|user|contact|maiden|family"
        r"|given|sur|cardholder|account|legal|display|guest|owner)[ _-]?)?name(?: on card)?)[\"']?[ \t]{0,2}[:=][ \t]{0,6}[\"']?"
        rf"(?P<name>[{UP}{LOW}][{LOW}]{{1,20}}(?:[ +](?:[{UP}{LOW}]\.?|[{UP}{LOW}][{LOW}'’-]{{1,20}})){{1,3}})(?![{LOW}(.=])",
        _values,
    ),
    _cue(
        "PERSON",
        "name",
        r"(?i:\b(?:first|last|full|patient|customer|employee|maiden|family|cardholder)[ _-]?name)[\"']?[ \t]{0,2}(?:[:=]|is)[ \t]{0,6}[\"']?"
        rf"{ONE}",
        _name,
    ),
    _cue(
        "PERSON",
        "name",
        rf"(?i:\bname\b[^\n?]{{0,24}}\?)\s{{1,3}}(?:[{UP}][{LOW}]{{2,9}}:[ \t])?(?:It(?:'s| is) )?{ONE}",
        _name,
    ),
    _cue("PERSON", "", rf"(?<![{UP}{LOW}.-]){FULL}", _known_name),
    _cue("PERSON", "", rf"(?<![{UP}{LOW}.-])(?P<name>{WORD}[ \t][{UP}]\.?[ \t]{WORD})", _name),
    _cue(
        "PERSON",
        "",
        rf"(?<![{UP}{LOW}.-])(?=[^\x00-\x7f]|[{UP}{LOW}'’-]{{1,24}}[^\x00-\x7f]|{WORD}[ \t][{UP}{LOW}]{{0,24}}[^\x00-\x7f]){FULL}",
        _name,
    ),
    _cue("PERSON", ":", rf"(?m)^[ \t>]{{0,4}}(?P<name>{WORD})[ \t]{{0,2}}:[ \t]{{0,2}}[\"“]?[{UP}]", _known_name),
    _cue(
        "PERSON",
        "year|born|aged|dob|y/o|lives|address|ssn|resid|grew up|diagnos",
        rf"\b{FULL},? (?:\(?\d{{2}}\)?,|\(?(?i:aged? \d|is a \d|\d{{1,3}}[- ]years?|born|was born|dob|lives at|lived at|resid|ssn|grew up"
        r"|was diagnosed|was admitted))",
        _name,
    ),
    _cue("PERSON", "<", rf"\b{FULL}[ \t]{{0,2}}<[^<>\s]{{1,64}}@", _name),
    _cue("PERSON", "says|said|told|wrote|asked", rf"(?:\"|,) (?:says|said)[ \t]{FULL}", _name),
    _cue(
        "PERSON",
        "his address|her address|their address|address:|'s address|'s phone|'s email|'s salary|'s medical|'s diagnosis",
        rf"\b{ONE}(?:['’]s (?i:address|phone|e-?mail|salary|medical|diagnosis|password|account|ssn)| (?:had given|gave|sent)\b)",
        _name,
    ),
    # Births and ages.
    _cue(
        "DATE_OF_BIRTH",
        "dob|birth|born|d.o.b",
        rf"(?i:\b(?:dob|d\.o\.b\.?|date[ _]of[ _]birth|birth[ _]?da(?:te|y)|born(?: on)?))\b[^\n\d]{{0,24}}{DATE}",
    ),
    _cue(
        "AGE",
        "y/o|year old|year-old|yo ",
        r"(?i)\b(?:i'?m|i am|he is|she is|is an?|this) (?:a )?\d{2}[ -]?(?:y/o|yo\b|year[- ]old (?:man|woman|male|female|patient|gentleman|lady))",
    ),
    # Places to live.
    _cue(
        "ADDRESS",
        STREET,
        rf"(?<![\w.$€£])\d{{1,6}}[A-Za-z]?,?[ \t](?:[{UP}0-9][{UP}{LOW}0-9.'’-]{{0,20}}[ \t]){{1,4}}(?i:{STREET})\b(?![ \t][{LOW}]{{3}})",
    ),
    _cue(
        "ADDRESS",
        "apt|apartment|suite|unit|ste|flat",
        rf"(?:\d|[{UP}{LOW}]{{3}})[^\n]{{0,40}}[\n,. ]{{1,3}}(?i:apt|apartment|suite|ste|flat|unit)\b\.?[ \t]{{0,2}}#?\d{{1,5}}\b",
    ),
    _cue(
        "ADDRESS",
        "straße|strasse|str.|weg |platz |gasse |allee ",
        rf"[{UP}][{LOW}-]{{2,25}}(?:straße|strasse|str\.|weg|platz|gasse|allee)[ \t]\d{{1,4}}\b",
    ),
    _cue(
        "ADDRESS",
        "rue |avenue |boulevard |chemin |calle |via |piazza |rua |avenida |ul. |plaza |strada |út |utca ",
        rf"(?:\d{{1,5}},?[ \t](?:bis[ \t])?(?i:rue|avenue|boulevard|chemin|place|via|rua|avenida|calle|ul\.)[ \t][{UP}{LOW}][^\n]{{2}}"
        rf"|\b(?:Calle|Via|Piazza|Rua|Avenida|Plaza|Strada|ul\.)[ \t][{UP}][{UP}{LOW} .]{{1,40}},?[ \t]\d{{1,5}}\b)",
    ),
    _cue("ADDRESS", "box", r"\b(?i:p\.?[ ]?o\.?[ ]?box|(?:psc|unit)[ ]\d{1,5},?[ ]box)[ \t]\d{1,6}\b"),
    _cue("ADDRESS", "", rf"\b[{UP}][{LOW}]{{2,20}},?[ \n]{{1,2}}(?:{STATE})[ \t]{{1,2}}\d{{5}}(?:-\d{{4}})?\b"),
    _cue("ADDRESS", "", r"\b(?:[A-Z]{1,2}\d[A-Z\d]?)[ ]\d[ABD-HJLNP-UW-Z]{2}\b"),
    _cue(
        "ADDRESS",
        "address|lives at|live at|residing|reside|moved to|deliver|taxi to|located at|drops you|ship to",
        r"(?i:(?<!ip )(?<!mac )(?<!web )\baddress(?:es)?\b|\blives? at|\bresid(?:es?|ing) at|\bdeliver(?:ed)? to|\btaxi to|\blocated at|\bdrops you off at|\bship to)"
        rf"[^\n\d.]{{0,30}}\n?[ \t]{{0,3}}\d{{1,6}}[A-Za-z]?,?[ \t](?:\d{{1,5}}[ \t])?[{UP}{LOW}][{LOW}]{{2}}",
    ),
    # Health.
    _cue(
        "HEALTH",
        "patient|pt ",
        r"(?i)\b(?:patient|pt)\b[^\n]{0,160}?\b(?:presents? with|presented|complain\w{0,4}|admitted|discharged|prescribed|history of|allerg\w{2,4}"
        rf"|blood pressure|\d{{1,4}} ?mg|mrn|male|female|symptoms|surgery|icu|er\b|x-ray|mri|{ILLNESS})\b",
    ),
    _cue(
        "HEALTH",
        "complain|pain|history|year|y/o",
        r"(?i)\b\d{1,3}[ -]?(?:y/?o|year[- ]old) (?:\w{1,12} )?(?:male|female|man|woman|boy|girl|patient)\b[^\n]{0,80}\b(?:complain|pain|history|present|admitted|"
        rf"{ILLNESS})",
    ),
    _cue(
        "HEALTH",
        "diagnos",
        r"(?i)\b(?:was|were|been|am|is|got|recently|just|newly) (?:\w{1,12} )?diagnosed\b|\bdiagnosis[ \t]{0,2}[:=]|\bdx[ \t]{0,2}:",
    ),
    _cue(
        "HEALTH",
        "i |he |she |my ",
        r"(?i)\b(?:i|he|she|my \w{2,15})(?:'ve|'m|'s)? (?:\w{1,12} ){0,3}?(?:have|has|had|suffer(?:s|ed|ing)?|am|is|was|take|takes|taking|on|tested positive|for)"
        rf" (?:\w{{1,15}} ){{0,4}}?(?:{ILLNESS})\b",
    ),
    _cue(
        "HEALTH",
        " mg",
        r"(?i)\b\d{1,4}(?:\.\d)? ?mg\b[^\n]{0,24}\b(?:once|twice|daily|bid|tid|qd|qid|prn|po|every|per day|nightly|a day|tablets?)\b",
    ),
    _cue("HEALTH", "icd", r"(?i)\bicd[- ]?(?:10|9)\b[^\n]{0,16}\b[A-Z]\d{2}"),
    _cue(
        "MEDICAL_RECORD",
        "mrn|medical record|patient|chart|insurance|member|medicare|medicaid|health",
        r"(?i)\b(?:mrn|medical record|patient (?:id|no|number|identifier)|chart (?:no|number)|(?:health |medical )?insurance (?:id|no|number|policy)|member id|medicare|medicaid|health plan)"
        r"\b[^\n\d]{0,20}?(?:\b|_|-)[A-Z]{0,4}-?\d[\d-]{3,14}\b",
    ),
    # Numbers that only their neighbours give away.
    _cue(
        "CREDIT_CARD",
        "card|visa|amex|maestro|discover",
        r"(?i)\b(?:cards?|visa|amex|mastercard|maestro)\b[^\n\d]{0,40}\d(?:[ -]?\d){11,18}\b",
        score=0.5,
    ),
    _cue("CREDIT_CARD", "cvv|cvc|cv2", r"(?i)\bcv[vc2]2?\b\D{0,8}\d{3,4}\b", score=0.5),
    _cue(
        "US_BANK_NUMBER",
        "account|acct|a/c|routing|sort code",
        r"(?i)\b(?:(?:bank )?account|acct|a/c|routing)\b(?: (?:number|no|num|#))?[^\w\n]{0,6}(?:is |ending (?:in )?|[:=#]){0,2}[ \t]{0,2}[X*]{0,16}[A-Z]{0,4}\d[\d-]{3,20}\b|\bsort code\b\D{0,8}\d\d",
        score=0.5,
    ),
    _cue(
        "NATIONAL_ID",
        "passport|licen|insurance n|nino|tax id|tin|aadhaar|ssn|social|identity|national|vin|plate|dni|nif",
        r"(?i:\b(?:passport|driv(?:er'?s?|ing) licen[cs]e|licen[cs]e plate|number plate|national insurance|national id|nino|tax (?:id|number)|aadhaar|social security|ssn"
        r"|identity (?:card|number)|id card|dni|nif)\b)[^\n\d]{0,24}?\b[A-Z]{0,3}[ -]?\d[\dA-Z -]{3,18}\b",
    ),
    _cue(
        "PHONE_NUMBER",
        "phone|tel|mobile|cell|fax|call|office|whatsapp|text me|number",
        r"(?i)\b(?:(?:tele)?phone|tel|mobile|cell(?:phone)?|fax|call(?: me| us)?(?: at| on)?|whatsapp|text me|my number)\b[^\n\d+]{0,20}[\n ]?\+?\(?\d(?:[ ().-]{0,2}\d){6,14}(?![\d.])",
        score=0.5,
    ),
    _cue(
        "PHONE_NUMBER",
        "phone|mobile|cell|fax|office",
        r"(?i)\+?\(?\d(?:[ ().-]{0,2}\d){6,14}[ -]{1,3}(?:office|fax|mobile|cell|home|phone)\b",
        score=0.5,
    ),
    _cue(
        "USERNAME",
        "username|user_name|user name|login|user id|userid",
        r"(?i)\b(?:user[ _]?name|login|user[ _]?id)[\"']?[ \t]{0,2}(?:[:=]|is)[ \t]{0,3}[\"']?(?=[\w.-]{0,30}[\d_.])[A-Za-z][\w.-]{3,30}(?![\w(.])",
    ),
)
"""What gives a person away. The words only spare the search; the pattern is what counts."""


class Cues:
    """Finds persons, places, births, health and numbers by the words around them."""

    name = "cues"

    def find(self, text: str) -> Iterator[Finding]:
        """One finding a type, by the first cue that holds."""
        lowered, seen = text.lower(), set[str]()
        for cue in CUES:
            if cue.type in seen or (cue.words and not any(word in lowered for word in cue.words)):
                continue
            if any(cue.holds(match) for match in cue.pattern.finditer(text)):
                seen.add(cue.type)
                yield Finding(type=cue.type, score=cue.score, detector=self.name)
