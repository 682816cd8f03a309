"""National identifiers of Europe."""

from router.signals.sensitivity.identifiers.checks import any_of, pension_germany, snils, stdnum
from router.signals.sensitivity.identifiers.identifier import Identifier, identifier

_DMY = r"[0-3]\d[01]\d\d\d"
_YMD = r"\d\d[01]\d[0-3]\d"

NORTH: tuple[Identifier, ...] = (
    identifier(
        "se",
        "personnummer|samordningsnummer|personal identity number|swedish id",
        r"(?:19|20)?\d{6}[-+ ]?\d{4}",
        shaped=rf"(?:19|20)?{_YMD}[-+]\d{{4}}",
        check=stdnum("se.personnummer"),
    ),
    identifier(
        "no",
        "fødselsnummer|fodselsnummer|personnummer|fnr|d-nummer|norwegian id",
        r"\d{6}[ -]?\d{5}",
        shaped=rf"{_DMY}[ -]\d{{5}}",
        check=stdnum("no.fodselsnummer"),
    ),
    identifier(
        "dk",
        "cpr(?:-?(?:nummer|nr|number))?|personnummer|danish id",
        r"\d{6}[- ]?\d{4}",
        shaped=rf"{_DMY}-\d{{4}}",
        check=stdnum("dk.cpr"),
    ),
    identifier(
        "fi",
        "hetu|henkilötunnus|henkilotunnus|sotu|personbeteckning",
        r"\d{6}[-+A-FU-Y]\d{3}[0-9A-Y]",
        shaped=rf"{_DMY}[-+A-FU-Y]\d{{3}}[0-9A-Y]",
        check=stdnum("fi.hetu"),
    ),
    identifier(
        "is", "kennitala", r"\d{6}-?\d{4}", capitals="KT", shaped=rf"{_DMY}-\d{{4}}", check=stdnum("is_.kennitala")
    ),
    identifier("ee", "isikukood|estonian id", r"[1-8]\d{10}", check=stdnum("ee.ik")),
    identifier(
        "lv",
        "personas kods|latvian id",
        r"\d{6}-?\d{5}",
        shaped=rf"(?:{_DMY}|3[2-9]\d{{4}})-\d{{5}}",
        check=stdnum("lv.pvn"),
    ),
    identifier("lt", "asmens kodas|asmens kodą|lithuanian id", r"[1-8]\d{10}", check=stdnum("lt.asmens")),
)

WEST: tuple[Identifier, ...] = (
    identifier(
        "gb_nino",
        "nino|national insurance|ni number|ni no",
        r"[A-Z]{2}[ -]?\d\d[ -]?\d\d[ -]?\d\d[ -]?[A-D]?",
        shaped=r"[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?\d\d ?\d\d ?\d\d ?[A-D]",
        check=lambda value: value[:2] not in ("BG", "GB", "NK", "KN", "TN", "NT", "ZZ"),
    ),
    identifier("gb_utr", "utr|unique taxpayer(?: reference)?", r"\d{5} ?\d{5}K?", check=stdnum("gb.utr")),
    identifier(
        "gb_driver",
        "dvla",
        r"[A-Z]{2,5}9{0,3}\d[0156]\d[0-3]\d\d[A-Z9]{2}\d[A-Z]{2}",
        shaped=r"[A-Z]{2,5}9{0,3}\d[0156]\d[0-3]\d\d[A-Z9]{2}\d[A-Z]{2}",
    ),
    identifier(
        "gb_nhs",
        "nhs(?: (?:no|number|num))?|chi number|h&c number",
        r"\d{3}[- ]?\d{3}[- ]?\d{4}",
        check=stdnum("gb.nhs"),
        entity="UK_NHS",
    ),
    identifier(
        "ie",
        "ppsn?(?: (?:no|number))?|personal public service",
        r"\d{7} ?[A-W][A-IW]?",
        shaped=r"\d{7}[A-W][A-IW]?",
        check=stdnum("ie.pps"),
    ),
    identifier(
        "fr",
        "nir|insee|s[ée]curit[ée] sociale|n[°o] s[ée]cu|carte vitale|french social security",
        r"[1-478] ?\d\d ?(?:[0-9]\d) ?(?:\d\d|2[AB]) ?\d{3} ?\d{3}(?: ?\d\d)?",
        shaped=r"[12] ?\d\d ?(?:0[1-9]|1[0-2]|[2-9]\d) ?(?:\d\d|2[AB]) ?\d{3} ?\d{3} ?\d\d",
        check=stdnum("fr.nir"),
    ),
    identifier(
        "fr_tax",
        "num[ée]ro fiscal|identifiant fiscal|spi",
        r"[0-3]\d ?\d\d ?\d{3} ?\d{3} ?\d{3}",
        check=stdnum("fr.nif"),
    ),
    identifier(
        "be",
        "rijksregister(?:nummer)?|insz|niss|registre national|num[ée]ro national|national register number|nrn",
        r"\d\d[. -]?\d\d[. -]?\d\d[. -]?\d{3}[. -]?\d\d",
        shaped=r"\d\d\.\d\d\.\d\d-\d{3}\.\d\d",
        check=any_of(stdnum("be.nn"), stdnum("be.bis")),
    ),
    identifier(
        "nl",
        "bsn|burgerservicenummer|sofi-?nummer|citizen service number",
        r"\d{4}\.\d\d\.\d{3}|\d{3}[ .]?\d{3}[ .]?\d{2,3}",
        check=stdnum("nl.bsn"),
    ),
    identifier("lu", "matricule|num[ée]ro d.identification national", r"(?:19|20)\d{2}[ -]?\d{4}[ -]?\d{5}"),
    identifier("mt", "karta tal-identit[àa]|maltese id", r"\d{3,7} ?[MGAPLHBZ]"),
)

CENTRE: tuple[Identifier, ...] = (
    identifier(
        "de_tax",
        "steuer-?id(?:nr)?|steuer-?identifikationsnummer|steuerliche identifikationsnummer|idnr|german tax id",
        r"\d\d ?\d{3} ?\d{3} ?\d{3}",
        check=stdnum("de.idnr"),
    ),
    identifier("de_tax_number", "steuernummer|steuer-?nr", r"\d{2,5}[/ ]?\d{3,4}[/ ]?\d{4,5}"),
    identifier(
        "de_pension",
        "rentenversicherungsnummer|sozialversicherungsnummer|sv-?nummer|versicherungsnummer|rvnr|svnr",
        r"\d\d ?[0-9]\d[01]\d\d\d ?[A-Z] ?\d{3}",
        shaped=r"\d\d ?[0-9]\d[01]\d\d\d ?[A-Z] ?\d{3}",
        check=pension_germany,
    ),
    identifier(
        "de_card",
        "personalausweis(?:nummer|-?nr)?|ausweis(?:nummer|-?nr)|german id card",
        r"[CFGHJKLMNPRTVWXYZ0-9]{8,9}\d{1,2}D?",
    ),
    identifier("de_health", "krankenversicherten?nummer|versichertennummer|kvnr|krankenkassennummer", r"[A-Z] ?\d{9}"),
    identifier("at", "svnr|sv-?nummer|sozialversicherungsnummer|e-?card", r"\d{4}[ -]?\d{6}"),
    identifier(
        "ch",
        "ahv(?:-?(?:nummer|nr))?|avs|num[ée]ro avs|navs13|oasi|sozialversicherungsnummer",
        r"756[. ]?\d{4}[. ]?\d{4}[. ]?\d\d",
        shaped=r"756\.\d{4}\.\d{4}\.\d\d|756\d{10}",
        check=lambda value: "." in value or stdnum("ch.ssn")(value),
    ),
    identifier(
        "pl",
        "pesel|numer ewidencyjny",
        r"\d{11}",
        check=stdnum("pl.pesel"),
    ),
    identifier(
        "pl_tax", "numer nip", r"\d{3}[- ]?\d{2,3}[- ]?\d\d[- ]?\d{2,3}", capitals="NIP", check=stdnum("pl.nip")
    ),
    identifier("pl_card", "dow[óo]d(?:u|em)? osobist(?:y|ego|ym)|nr dowodu|numer dowodu", r"[A-Z]{3} ?\d{6}"),
    identifier(
        "cz_sk",
        "rodn[ée] č[íi]slo|rodne cislo|rodného čísla|rč|birth number",
        r"\d{6}/?\d{3,4}",
        shaped=r"\d\d[0-35-8]\d[0-3]\d/\d{3,4}",
        check=stdnum("cz.rc"),
    ),
    identifier("hu_health", "taj(?:-?sz[áa]m)?", r"\d{3}[ -]?\d{3}[ -]?\d{3}"),
    identifier(
        "hu", "szem[ée]lyi (?:azonos[íi]t[óo]|sz[áa]m|igazolv[áa]ny)", r"[1-8][ -]?\d{6}[ -]?\d{4}|\d{6}[A-Z]{2}"
    ),
    identifier("hu_tax", "ad[óo]azonos[íi]t[óo]", r"8\d{9}"),
)

SOUTH: tuple[Identifier, ...] = (
    identifier(
        "es",
        "dni|nif|nie|documento nacional|documento de identidad|n[úu]mero de identidad",
        r"\d{2}\.?\d{3}\.?\d{3}[- ]?[A-Z]|\d{8}|[XYZ][- ]?\d{7}[- ]?[A-Z]",
        shaped=r"\d{8}-?[TRWAGMYFPDXBNJZSQVHLCKE]|[XYZ]-?\d{7}-?[TRWAGMYFPDXBNJZSQVHLCKE]",
        check=any_of(stdnum("es.dni"), stdnum("es.nie")),
    ),
    identifier("es_social", "seguridad social|nuss|n[úu]mero de afiliaci[óo]n", r"\d\d[/ -]?\d{8}[/ -]?\d\d"),
    identifier(
        "pt",
        "nif|contribuinte|n[úu]mero de identifica[çc][ãa]o fiscal|niss|seguran[çc]a social|bilhete de identidade",
        r"\d{3}[ .]?\d{3}[ .]?\d{3}(?:\d\d)?",
        check=stdnum("pt.nif"),
    ),
    identifier(
        "pt_card",
        "cart[ãa]o d[eo] cidad[ãa]o|bilhete de identidade",
        r"\d{8} ?\d ?(?:[A-Z0-9]{2}\d)?",
        shaped=r"\d{8} ?\d ?[A-Z][A-Z0-9]\d",
        check=stdnum("pt.cc"),
    ),
    identifier(
        "it",
        "codice fiscale|cod\\. ?fisc|c\\.f",
        r"[A-Z]{6} ?[0-9L-NP-V]{2}[A-Z][0-9L-NP-V]{2} ?[A-Z][0-9L-NP-V]{3}[A-Z]",
        shaped=r"[A-Z]{6}\d\d[A-EHLMPRST]\d\d[A-Z]\d{3}[A-Z]",
    ),
    identifier("it_card", "carta d.identit[àa]", r"[A-Z]{2} ?\d{5} ?[A-Z]{2}|[A-Z]{2} ?\d{7}"),
    identifier("gr", "αμκα|amka", r"\d{11}", check=stdnum("gr.amka")),
    identifier("gr_tax", "αφμ|afm", r"\d{9}", check=stdnum("gr.vat")),
    identifier("gr_card", "αριθμός ταυτότητας|ταυτότητα", "[A-Z\u0391-\u03a9]{1,2}[- ]?\\d{6}"),
    identifier("ro", "cnp|cod numeric personal", r"[1-9]\d{12}", check=stdnum("ro.cnp")),
    identifier("bg", "егн|egn|единен граждански номер", r"\d{10}", check=stdnum("bg.egn")),
    identifier("hr", "oib|osobni identifikacijski broj", r"\d{11}", check=stdnum("hr.oib")),
    identifier("balkans", "emšo|emso|jmbg|јмбг|ембг|embg|matični broj", r"\d{13}", check=stdnum("si.emso")),
    identifier("al", "nid shqip|num[ëe]r personal", r"[A-Z]\d{8}[A-Z]"),
    identifier(
        "tr",
        "tckn|t\\.?c\\.? ?kimlik|kimlik (?:no|numaras[\u0131i])|tc no",
        r"[1-9]\d{10}",
        check=stdnum("tr.tckimlik"),
    ),
)

EAST: tuple[Identifier, ...] = (
    identifier("ru_tax", "инн", r"\d{12}|\d{10}", capitals="INN", check=stdnum("ru.inn")),
    identifier(
        "ru_insurance",
        "снилс|snils",
        r"\d{3}[- ]?\d{3}[- ]?\d{3}[- ]?\d\d",
        shaped=r"\d{3}-\d{3}-\d{3} \d\d",
        check=snils,
    ),
    identifier("ru_passport", "паспорт|серия и номер|russian passport", r"\d\d ?\d\d ?№? ?\d{6}"),
    identifier("ua", "рнокпп|іпн|ідентифікаційний (?:номер|код)|rnokpp", r"\d{10}", check=stdnum("ua.rntrc")),
    identifier("kz", "иин|жсн|kazakh iin", r"\d{12}"),
)

EUROPE = (*NORTH, *WEST, *CENTRE, *SOUTH, *EAST)
