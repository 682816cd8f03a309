"""Cues of numbers that only the words beside them give away. Presidio looks at five words before; this at a line."""

from router.signals.sensitivity.cues.cue import Cue, cue

PHONE = r"\+?\(?\d(?:[ ().-]{0,2}\d){6,14}"

NUMBERS: tuple[Cue, ...] = (
    cue(
        "RECORD_NUMBER",
        "case|claim|policy|employee|customer|member|klant|kunden|vin",
        r"(?i:\b(?:case|claim|policy|employee|customer|member|client|klant|kunden)[ -]?(?:no|number|nr|id|nummer)\b)",
        r"\.?[^\w\n]{0,4}(?:is )?[A-Z]{0,4}-?\d[\dA-Z-]{3,20}\b|\bVIN\b[^\w\n]{1,4}[A-HJ-NPR-Z0-9]{17}\b",
    ),
    cue("FINANCES", "credit score", r"(?i)\bcredit score\b[^\w\n]{0,3}(?:is |of )?\d{3}\b"),
    cue(
        "FINANCES",
        "my ",
        r"(?i)\bmy (?:\w{1,12} )?(?:salary|income|debts?|mortgage|pension|bank balance|net worth)\b[^\n.]{0,20}\d{3}",
        hint=r"(?i)(?:salary|income|debts?|mortgage|pension|bank balance|net worth)\b[^\n.]{0,20}\d{3}",
    ),
    # Addresses that are none to a pattern: without a top level, or spelled out.
    cue(
        "EMAIL_ADDRESS",
        "@",
        r"(?<![\w.])[A-Za-z][\w+-]{0,30}[._][\w+-]{1,30}@[A-Za-z][\w-]{2,40}\b",
        hint=r"\w@[A-Za-z]",
    ),
    cue(
        "EMAIL_ADDRESS",
        "dot",
        r"(?i)\b[\w-]{1,30} ?[(\[]?\bat\b[)\]]? ?[\w-]{1,40}",
        r" ?[(\[]?\bdot\b[)\]]? ?(?:com|org|net|edu|gov|info|io|co|uk|de|fr|eu)\b",
        hint=r"(?i)\bdot\b[)\]]? ?(?:com|org|net|edu|gov|info|io|co|uk|de|fr|eu)\b",
    ),
    cue(
        "CREDIT_CARD",
        "card|visa|amex|maestro",
        r"(?i)\b(?:cards?|visa|amex|mastercard|maestro)\b[^\n\d]{0,40}\d(?:[ -]?\d){11,18}\b",
    ),
    cue("CREDIT_CARD", "cvv|cvc|cv2", r"(?i)\bcv[vc2]2?\b\D{0,8}\d{3,4}\b"),
    cue(
        "US_BANK_NUMBER",
        "account|acct|a/c|routing|sort code",
        r"(?i)\b(?:account|acct|a/c|routing)\b(?: (?:number|no|num|#))?[^\w\n]{0,6}(?:is |ending (?:in )?|[:=#]){0,2}",
        r"[ \t]{0,2}[X*]{0,16}[A-Z]{0,4}\d[\d-]{3,20}\b|\bsort code\b\D{0,8}\d\d",
    ),
    cue(
        "NATIONAL_ID",
        "passport|licen|plate|national|nino|tax|aadhaar|social security|ssn|identity|id card|dni|nif",
        r"(?i:\b(?:passport|driv(?:er'?s?|ing) licen[cs]e|licen[cs]e plate|number plate|national insurance",
        r"|national id|nino|tax (?:id|number)|aadhaar|social security|ssn|identity (?:card|number)|id card|dni|nif)\b)",
        r"[^\n\d]{0,24}?\b[A-Z]{0,3}[ -]?\d[\dA-Z -]{3,18}\b",
    ),
    cue(
        "PHONE_NUMBER",
        "phone|tel|mobile|cell|fax|call|whatsapp|text me|my number|messages to|answering at",
        r"(?i)\b(?:(?:tele)?phone|tel|mobile|cell(?:phone)?|fax|call(?: me| us)?(?: at| on)?|whatsapp|text me",
        rf"|my number|messages to|answering at)\b[^\n\d+]{{0,20}}[\n ]?{PHONE}(?![\d.])",
    ),
    cue(
        "PHONE_NUMBER",
        "phone|mobile|cell|fax|office|home",
        rf"(?i){PHONE}[ -]{{1,3}}(?:office|fax|mobile|cell|home|phone)\b",
    ),
)
