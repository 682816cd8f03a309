"""Cues of health: somebody's illness, treatment or record. An illness alone is no cue, only somebody who has it."""

from router.signals.sensitivity.cues.cue import Cue, cue

ILLNESS = (
    "diagnos(?:ed|is)|cancer|tumou?r|diabet(?:es|ic)|hiv|aids|hepatitis|depress(?:ion|ed)|anxiety|bipolar"
    "|schizophreni[ac]|epileps?y|asthma|hypertension|pregnan(?:t|cy)|miscarriage|chemo(?:therapy)?|biopsy"
    "|antidepressants?|insulin|metformin|sertraline|lisinopril|prozac|xanax|overdose|suicidal|suicide|addiction"
    "|dementia|alzheimer|parkinson|stroke|seizures?|leuk(?:a)?emia|lupus|psoriasis|migraines?|arthritis"
    "|personality disorder|sclerosis|copd|t2dm|htn"
)
CARE = (
    r"presents? with|presented|complain\w{0,4}|admitted|discharged|prescribed|history of|allerg\w{2,4}|blood pressure"
    r"|\d{1,4} ?mg|mrn|male|female|symptoms|surgery|icu|x-ray|mri|underwent|reports|denies|worsening|follow-?up|hx"
)

HEALTH: tuple[Cue, ...] = (
    cue("HEALTH", "patient|pt ", rf"(?i)\b(?:patient|pt)\b[^\n]{{0,160}}?\b(?:{CARE}|{ILLNESS})\b"),
    cue(
        "HEALTH",
        "complain|pain|history|year|y/o|yo ",
        r"(?i)\b\d{1,3}[ -]?(?:y/?o|year[- ]old) (?:\w{1,12} )?(?:male|female|man|woman|boy|girl|patient)\b",
        rf"[^\n]{{0,80}}\b(?:complain|pain|history|present|admitted|{ILLNESS})",
    ),
    cue(
        "HEALTH",
        "yo|y/o|discharge|hx|h/o|s/p|a1c|globin|ferritin|ldl|tsh|creatinine|psa",
        r"\b\d{1,3} ?(?:yo|y/o) ?(?:M|F|male|female)\b|(?i:\bdischarge summary\b|\b(?:p?m?hx|h/o|s/p) (?:of )?[a-z]{3}",
        r"|\b(?:a1c|ha?emoglobin|ferritin|ldl|tsh|creatinine|psa)\b[^\w\n]{0,3}(?:is |of |was )?\d)",
    ),
    cue(
        "HEALTH",
        "therapist|psychiatrist|oncologist|gyn|urologist",
        r"(?i)\b(?:my|his|her|their|your) (?:psycho)?(?:therapist|psychiatrist|oncologist|gyna?ecologist|urologist)\b",
    ),
    cue(
        "HEALTH",
        "i'm|i am|she's|he's|she is|he is",
        rf"(?i)\b(?:i'?m|i am|s?he'?s|s?he is) (?:\w{{1,12}} ){{0,3}}?(?:{ILLNESS})\b",
        hint=rf"(?i) (?:{ILLNESS})\b",
    ),
    cue(
        "HEALTH",
        "diagnos|dx",
        r"(?i)\b(?:was|were|been|am|is|got|recently|just|newly) (?:\w{1,12} )?diagnosed\b",
        r"|\b(?:diagnosis|dx)[ \t]{0,2}[:=]",
    ),
    cue(
        "HEALTH",
        "i |i'|he |she |my ",
        r"(?i)\b(?:i|he|she|my \w{2,15})(?:'ve|'m|'s)? (?:\w{1,12} ){0,3}?",
        r"(?:have|has|had|suffer(?:s|ed|ing)?|am|is|was|take|takes|taking|feels?|felt|feeling|on|tested positive|for)",
        rf" (?:\w{{1,15}} ){{0,4}}?(?:{ILLNESS})\b",
        hint=rf"(?i) (?:{ILLNESS})\b",
    ),
    cue(
        "HEALTH",
        "mg",
        r"(?i)\b\d{1,4}(?:\.\d)? ?mg\b[^\n]{0,24}",
        r"\b(?:once|twice|daily|bid|tid|qd|qid|prn|po|every|per day|nightly|a day|tablets?)\b",
    ),
    cue("HEALTH", "icd", r"(?i)\bicd[- ]?(?:10|9)\b[^\n]{0,16}\b[A-Z]\d{2}"),
    cue(
        "MEDICAL_RECORD",
        "mrn|medical record|patient|chart|insurance|member|medicare|medicaid|health",
        r"(?i)\b(?:mrn|medical record|patient (?:id|no|number|identifier)|chart (?:no|number)",
        r"|(?:health |medical )?insurance (?:id|no|number|policy)|member id|medicare|medicaid|health plan)\b",
        r"[^\n\d]{0,20}?(?:\b|_|-)[A-Z]{0,4}-?\d[\d-]{3,14}\b",
    ),
)
