"""Cues of persons: titles, greetings, signatures, roles, fields of forms, common given names."""

from router.signals.sensitivity.cues.cue import (
    APOSTROPHE,
    FULL,
    LOW,
    ONE,
    UP,
    Cue,
    cue,
    field_value,
    greeted_name,
    name,
)

ROLES = (
    "patient|customer|client|employee|tenant|defendant|plaintiff|claimant|guardian|beneficiary|contact|attn|holder"
    "|candidate|applicant|husband|wife|spouse|partner|daughter|son|mother|father|brother|sister|kid|child|nurse"
    "|colleague|boss|owner|witness|cc|manager|supervisor|guest|suspect|victim|student"
)
"""Words after which a full name stands for somebody in particular."""

ACTS = (
    "signed|add|name|correct it to|change it to|request for|forward to|follow up with"
    "|(?:meet|speak|talk)(?:ing)? (?:to|with)|assigned to|referred to"
    "|(?:created|updated|submitted|reported|written|setup|directed|signed) by|author|(?:from|to|bcc|by)(?=:)"
)
"""What is done to or by somebody, before the name."""

FIELDS = (
    "first|last|full|patient|customer|client|employee|user|contact|maiden|family|given|sur|cardholder|account|legal"
    "|display|guest|owner"
)

PERSONS: tuple[Cue, ...] = (
    cue(
        "PERSON",
        "mr|ms|mx|miss|dr|prof|herr|frau|mme|sr",
        rf"\b(?:Mr|Mrs|Ms|Mx|Miss|Dr|Prof|Herr|Frau|Mme|Sra?)\b\.?[ \t]{{1,2}}{ONE}",
        holds=name,
    ),
    cue(
        "PERSON",
        "name is|name's|called|call me|named",
        r"(?i:\bname(?: is|'s)|\b(?:i am|i'm) called|\bcall me|\bnamed (?:him|her|them))",
        rf"[ \t]{{1,2}}{ONE}",
        holds=name,
    ),
    cue(
        "PERSON",
        "i am|i'm|i\u2019m|this is|s under",
        rf"\b(?:I am|I[{APOSTROPHE}]m|[Tt]his is|[Ii]t[{APOSTROPHE}]s under)[ \t]{FULL}",
        holds=name,
    ),
    cue("PERSON", "dear |hi |hello ", rf"\b(?:Dear|Hi|Hello)[ \t]{ONE}", holds=greeted_name),
    cue(
        "PERSON",
        "regards|sincerely|cheers|best|thanks|yours|faithfully|truly|love",
        r"(?i:regards|sincerely|cheers|best|thanks|yours|faithfully|truly|love),?[ \t]{0,3}\n{1,3}",
        rf"[ \t]{{0,3}}{ONE}[ \t]{{0,3}}(?:\n|$)",
        holds=name,
    ),
    cue(
        "PERSON",
        "",
        rf"\b(?i:{ROLES}|{ACTS})[ \t]{{0,2}}[:=-]?[ \t]{{0,2}}[\"']?{FULL}",
        holds=name,
    ),
    cue(
        "PERSON",
        "patient|customer|client|employee|defendant|plaintiff",
        rf"\b(?:[Pp]atient|[Cc]ustomer|[Cc]lient|[Ee]mployee|[Dd]efendant|[Pp]laintiff)[ \t]{{1,2}}{ONE}",
        r"(?= (?:is|was|has|had|filed|called|reported|asked|complains?|presents?|requested|wants|said)\b)",
        holds=name,
    ),
    cue(
        "PERSON",
        "name",
        rf"(?i:(?:^|[\n\"'{{,;(>|&?])[ \t]{{0,8}}(?:(?:{FIELDS})[ _-]?)?name(?: on card)?)",
        rf"[\"']?[ \t]{{0,2}}[:=][ \t]{{0,6}}[\"']?(?P<name>[{UP}{LOW}][{LOW}]{{1,20}}",
        rf"(?:[ +](?:[{UP}{LOW}]\.?|[{UP}{LOW}][{LOW}{APOSTROPHE}-]{{1,20}})){{1,3}})(?![{LOW}(.=])",
        holds=field_value,
    ),
    cue(
        "PERSON",
        "name",
        r"(?i:\b(?:first|last|full|patient|customer|employee|maiden|family|cardholder)[ _-]?name)",
        rf"[\"']?[ \t]{{0,2}}(?:[:=]|is)[ \t]{{0,6}}[\"']?{ONE}",
        holds=name,
    ),
    cue(
        "PERSON",
        "name",
        rf"(?i:\bname\b[^\n?]{{0,24}}\?)\s{{1,3}}(?:[{UP}][{LOW}]{{2,9}}:[ \t])?(?:It(?:'s| is) )?{ONE}",
        holds=name,
    ),
    cue(
        "PERSON",
        "year|born|aged|dob|y/o|lives|lived|ssn|resid|grew up|diagnos|admitted|),",
        rf"\b{FULL},? (?:\(?\d{{2}}\)?,|\(?(?i:aged? \d|is a \d|\d{{1,3}}[- ]years?|born|was born|dob|lives at",
        r"|lived at|resid|ssn|grew up|was diagnosed|was admitted))",
        holds=name,
        hint=r"[^\x00-@\[-`],? (?:\(?\d{2}\)?,|\(?(?i:aged? \d|is a \d|\d{1,3}[- ]years?|born|was born|dob|lives at"
        r"|lived at|resid|ssn|grew up|was diagnosed|was admitted))",
    ),
    cue("PERSON", "<", rf"\b{FULL}[ \t]{{0,2}}<[^<>\s]{{1,64}}@", holds=name),
    cue("PERSON", "says|said", rf"(?:\"|,) (?:says|said)[ \t]{FULL}", holds=name),
    cue(
        "PERSON",
        "address|phone|email|e-mail|salary|medical|diagnosis|password|account|ssn|had given",
        rf"\b{ONE}(?:[{APOSTROPHE}]s (?i:address|phone|e-?mail|salary|medical|diagnosis|password|account|ssn)",
        r"| had given\b)",
        holds=name,
    ),
    cue(
        "USERNAME",
        "username|user_name|user name|login|user id|userid|user_id",
        r"(?i)\b(?:user[ _]?name|login|user[ _]?id)[\"']?[ \t]{0,2}(?:[:=]|is)[ \t]{0,3}[\"']?",
        r"(?=[\w.-]{0,30}[\d_.])[A-Za-z][\w.-]{3,30}(?![\w(.])",
        hint=r"(?i)(?:user[ _]?name|login|user[ _]?id)[\"']?[ \t]{0,2}(?:[:=]|is)[ \t]{0,3}[\"']?[A-Za-z][\w.-]{3}",
    ),
)
"""The words only spare the search; the pattern, and the test of the name in it, are what counts."""
