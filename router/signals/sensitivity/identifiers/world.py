"""National identifiers of the Americas, Asia, Africa and Oceania."""

from router.signals.sensitivity.identifiers.checks import (
    any_of,
    hong_kong,
    luhn_valid,
    medicare_australia,
    npi,
    singapore,
    stdnum,
    taiwan,
    year_first,
)
from router.signals.sensitivity.identifiers.identifier import Identifier, identifier

AMERICAS: tuple[Identifier, ...] = (
    identifier(
        "us_employer",
        "employer identification|federal tax id|fein|tax id|tax identification",
        r"\d{2}-?\d{7}",
        capitals="EIN|TIN",
        check=stdnum("us.ein"),
    ),
    identifier("us_provider", "npi|national provider", r"[12]\d{9}", check=npi, entity="MEDICAL_LICENSE"),
    identifier(
        "us_medicare",
        "mbi|medicare(?: (?:id|number|no|beneficiary identifier))?|medicaid(?: (?:id|number|no))?",
        r"[1-9][AC-HJKMNP-RT-Y][AC-HJKMNP-RT-Y0-9]\d-?[AC-HJKMNP-RT-Y][AC-HJKMNP-RT-Y0-9]\d-?[AC-HJKMNP-RT-Y]{2}\d\d"
        r"|\d{3}-?\d\d-?\d{4}-?[A-Z]\d?",
        shaped=r"[1-9][AC-HJKMNP-RT-Y][AC-HJKMNP-RT-Y0-9]\d-[AC-HJKMNP-RT-Y][AC-HJKMNP-RT-Y0-9]\d-[AC-HJKMNP-RT-Y]{2}\d\d",
    ),
    identifier(
        "us_alien",
        "alien (?:registration )?(?:number|no)|a-number|uscis(?: (?:number|no))?|green card",
        r"A?[- ]?\d{8,9}|[A-Z]{3}\d{10}",
    ),
    identifier("us_defence", "dod id|edipi|known traveler|ktn|redress number", r"[A-Z]{0,2}\d{7,10}"),
    identifier(
        "us_last_four",
        "last (?:four|4)(?: digits)?(?: of)?(?: my| the| his| her| your)? (?:ssn|social(?: security)?(?: number)?)"
        "|ssn ending(?: in)?",
        r"\d{4}",
        entity="US_SSN",
    ),
    identifier("us_tax_preparer", "ptin|preparer tax", r"P\d{8}", check=stdnum("us.ptin")),
    identifier(
        "ca_sin",
        "social insurance|num[ée]ro d.assurance sociale",
        r"\d{3}[- ]?\d{3}[- ]?\d{3}",
        capitals="SIN|NAS",
        check=stdnum("ca.sin"),
    ),
    identifier(
        "ca_health",
        "ohip|health card|personal health number|phn|bc services card|care card|mhsc|msp number|ulia?n",
        r"\d{4}[- ]?\d{3}[- ]?\d{3}(?:[- ]?[A-Z]{1,2})?|\d{5}-?\d{4}|\d{9}",
    ),
    identifier(
        "ca_quebec",
        "ramq|assurance maladie|carte soleil",
        r"[A-Z]{4} ?\d{4} ?\d{4}",
        shaped=r"[A-Z]{4} \d\d(?:[05][1-9]|[16][0-2])[ ]?[0-6]\d \d\d|[A-Z]{4} \d\d(?:[05][1-9]"
        r"|[16][0-2]) [0-6]\d\d\d",
    ),
    identifier(
        "br_person",
        "cpf|cadastro de pessoas? f[íi]sicas?",
        r"\d{3}[. ]?\d{3}[. ]?\d{3}[- ]?\d\d",
        shaped=r"\d{3}\.\d{3}\.\d{3}-\d\d",
        check=lambda value: "." in value or stdnum("br.cpf")(value),
    ),
    identifier(
        "br_company",
        "cnpj",
        r"[A-Z0-9]{2}\.?[A-Z0-9]{3}\.?[A-Z0-9]{3}/?[A-Z0-9]{4}-?\d\d",
        shaped=r"\d\d\.\d{3}\.\d{3}/\d{4}-\d\d",
    ),
    identifier("br_card", "registro geral|identidade", r"\d{1,2}\.?\d{3}\.?\d{3}-?[\dX]", capitals="RG"),
    identifier(
        "br_other",
        "cnh|carteira (?:nacional )?de habilita[çc][ãa]o|t[íi]tulo (?:de )?eleitor(?:al)?|cart[ãa]o sus|cns|pasep|nis",
        r"\d{3}\.?\d{5}\.?\d\d-?\d|\d{4} ?\d{4} ?\d{4}|\d{3} ?\d{4} ?\d{4} ?\d{4}|\d{11}",
        capitals="PIS|NIT",
        shaped=r"\d{3}\.\d{5}\.\d\d-\d",
    ),
    identifier(
        "mx_curp",
        "curp",
        r"[A-Z]{4} ?\d{6} ?[HMX][A-Z]{5}[A-Z0-9]\d",
        shaped=r"[A-Z][AEIOUX][A-Z]{2}\d\d[01]\d[0-3]\d[HMX][A-Z]{5}[A-Z0-9]\d",
    ),
    identifier(
        "mx_rfc",
        "rfc",
        r"[A-ZÑ&]{3,4}[ -]?\d{6}[ -]?[A-Z0-9]{3}",
        shaped=r"[A-Z][AEIOUX][A-Z]{2}\d\d(?:0[1-9]|1[0-2])[0-3]\d[A-Z0-9]{2}[0-9A]",
        check=stdnum("mx.rfc"),
    ),
    identifier("mx_social", "nss|seguro social|imss|clave de elector", r"\d{11}|[A-Z]{6}\d{8}[HM]\d{3}"),
    identifier(
        "ar",
        "cuil|cuit",
        r"\d{2}-?\d{8}-?\d",
        shaped=r"(?:20|23|24|25|26|27|30|33|34)-\d{8}-\d",
        check=stdnum("ar.cuit"),
    ),
    identifier(
        "dni",
        "dni|documento|c[ée]dula(?: de (?:identidad|ciudadan[íi]a))?",
        r"[VE]?-?\d{1,3}(?:[. ]?\d{3}){2,3}(?:-\d)?",
    ),
    identifier(
        "cl",
        "rol [úu]nico|run chileno",
        r"\d{1,2}\.?\d{3}\.?\d{3}-?[\dK]",
        capitals="RUT|RUN",
        shaped=r"\d{1,2}\.\d{3}\.\d{3}-[\dkK]",
        check=lambda value: "." in value or stdnum("cl.rut")(value),
    ),
    identifier("co", "nit colombiano|tarjeta de identidad", r"\d{3}\.?\d{3}\.?\d{3}-?\d", check=stdnum("co.nit")),
    identifier("ve", "rif", r"[VEJPG][- ]?\d{8}[- ]?\d", shaped=r"[VEJPG]-\d{8}-\d", check=stdnum("ve.rif")),
    identifier("ec", "ruc|c[ée]dula ecuatoriana", r"\d{10}(?:\d{3})?", check=any_of(stdnum("ec.ci"), stdnum("ec.ruc"))),
    identifier("do", "c[ée]dula dominicana", r"\d{3}-?\d{7}-?\d", shaped=r"\d{3}-\d{7}-\d", check=stdnum("do.cedula")),
    identifier("gt", "dpi|cui", r"\d{4} ?\d{5} ?\d{4}"),
)

ASIA: tuple[Identifier, ...] = (
    identifier(
        "in_aadhaar",
        "aadhaa?r|adhaa?r|uidai|आधार|ஆதார்|ಆಧಾರ್",
        r"[X*\d]{4}[ -]?[X*\d]{4}[ -]?\d{4}",
        shaped=r"[2-9]\d{3}[ -]\d{4}[ -]\d{4}",
        check=stdnum("in_.aadhaar"),
    ),
    identifier(
        "in_pan",
        "pan (?:card|no|number|num)|permanent account number|पैन",
        r"[A-Z]{5} ?\d{4} ?[A-Z]",
        capitals="PAN",
        shaped=r"[A-Z]{3}[PCHFATBLJG][A-Z]\d{4}[A-Z]",
    ),
    identifier(
        "in_voter",
        "voter(?:'s)? (?:id|card)|epic(?: (?:no|number))|election card",
        r"[A-Z]{3}[ /]?\d{7}",
        check=stdnum("in_.epic"),
    ),
    identifier(
        "in_passport", "indian passport", r"[A-PR-WY][1-9]\d ?\d{4}[1-9]", shaped=r"[A-PR-WY][1-9]\d \d{4}[1-9]"
    ),
    identifier(
        "in_driver",
        "driving licen[cs]e|dl (?:no|number)",
        r"[A-Z]{2}[- ]?\d\d[- ]?(?:19|20)\d\d[- ]?\d{7}",
        shaped=r"[A-Z]{2}[- ]?\d\d[- ](?:19|20)\d\d\d{7}",
    ),
    identifier(
        "in_tax",
        "gstin|gst number",
        r"\d\d[A-Z]{5}\d{4}[A-Z][A-Z\d]Z[A-Z\d]",
        shaped=r"\d\d[A-Z]{5}\d{4}[A-Z][A-Z\d]Z[A-Z\d]",
    ),
    identifier(
        "in_provident", "uan|universal account number|esic|abha", r"\d{12}|\d{2}-?\d{4}-?\d{4}-?\d{4}|\d{10,17}"
    ),
    identifier(
        "jp",
        "マイナンバー|個人番号|my number card|my number \\(|jp my number|individual number",
        r"\d{4}[- ]?\d{4}[- ]?\d{4}",
        check=stdnum("jp.in_"),
    ),
    identifier(
        "kr",
        "주민등록번호|주민번호|외국인등록번호|rrn|resident registration",
        r"\d{6}[- ]?[0-9*]\d{0,6}",
        shaped=r"\d\d(?:0[1-9]|1[0-2])[0-3]\d-[1-8]\d{6}",
        check=year_first,
    ),
    identifier(
        "cn",
        "身份证|身份證|居民身份|证件号|resident identity|chinese id",
        r"\d{17}[\dX]|\d{15}",
        shaped=r"[1-9]\d{5}(?:19|20)\d\d(?:0[1-9]|1[0-2])[0-3]\d\d{3}[\dX]",
        check=stdnum("cn.ric"),
    ),
    identifier(
        "hk",
        "hkid|hong kong id(?:entity)?(?: card)?|香港身份證",
        r"[A-Z]{1,2} ?\d{6} ?\(?[\dA]\)?",
        shaped=r"[A-Z]{1,2}\d{6}\([\dA]\)",
        check=hong_kong,
    ),
    identifier(
        "tw", "身分證|身分証|統一證號|taiwan id|roc id", r"[A-Z][1289]\d{8}", shaped=r"[A-Z][1289]\d{8}", check=taiwan
    ),
    identifier(
        "sg",
        "nric|fin (?:no|number)|singpass|uinfin",
        r"[STFGM]\d{7}[A-Z]",
        capitals="FIN|UIN",
        shaped=r"[STFGM]\d{7}[A-Z]",
        check=singapore,
    ),
    identifier(
        "sg_entity", "uen", r"\d{8,9}[A-Z]|[STR]\d\d[A-Z]{2}\d{4}[A-Z]", check=stdnum("sg.uen"), entity="RECORD_NUMBER"
    ),
    identifier(
        "my",
        "mykad|ic (?:no|number)|nric|kad pengenalan",
        r"\d{6}-?\d\d-?\d{4}",
        shaped=r"\d\d[01]\d[0-3]\d-\d\d-\d{4}",
        check=stdnum("my.nric"),
    ),
    identifier("id", "nik|nomor induk kependudukan|ktp|kartu keluarga", r"\d{16}", check=stdnum("id.nik")),
    identifier(
        "id_tax", "npwp", r"\d\d\.?\d{3}\.?\d{3}\.?\d-?\d{3}\.?\d{3}", shaped=r"\d\d\.\d{3}\.\d{3}\.\d-\d{3}\.\d{3}"
    ),
    identifier(
        "th",
        "เลขประจำตัวประชาชน|บัตรประชาชน|เลขบัตร|thai (?:national )?id",
        r"\d[- ]?\d{4}[- ]?\d{5}[- ]?\d\d[- ]?\d",
        shaped=r"\d[- ]\d{4}[- ]\d{5}[- ]\d\d[- ]\d",
    ),
    identifier("vn", "cccd|cmnd|căn cước|chứng minh nhân dân|số định danh", r"\d{12}|\d{9}"),
    identifier(
        "ph",
        "philsys|philid|umid|crn|sss (?:no|number)|philhealth|pag-?ibig",
        r"\d{4}-?\d{4}-?\d{4}(?:-?\d{4})?|\d\d-?\d{7,9}-?\d",
    ),
    identifier("pk", "cnic|nicop|snic", r"\d{5}-?\d{7}-?\d", shaped=r"[1-7]\d{4}-\d{7}-\d", check=lambda _: True),
    identifier("bd", "nid (?:no|number|card)|জাতীয় পরিচয়পত্র|এনআইডি", r"\d{17}|\d{13}|\d{10}"),
    identifier("lk", "sri lankan? nic|nic (?:no|number)", r"\d{9}[VX]|\d{12}"),
    identifier("ae", "emirates id|الهوية الإماراتية", r"784[- ]?\d{4}[- ]?\d{7}[- ]?\d", shaped=r"784-\d{4}-\d{7}-\d"),
    identifier("sa", "iqama|saudi id|رقم الهوية|الإقامة|هوية", r"[12]\d{9}", check=luhn_valid),
    identifier("eg", "الرقم القومي|egyptian id", r"[23]\d{13}", check=stdnum("eg.tn")),
    identifier("ir", "کد ملی|code ?melli|kode melli|شماره ملی", r"\d{3}-?\d{6}-?\d"),
    identifier(
        "il",
        'teudat ze?hut|תעודת זהות|ת"ז|מספר זהות|israeli id',
        r"\d{8,9}|\d-\d{7}-\d|\d{3}[ -]\d{3}[ -]\d{3}",
        check=stdnum("il.idnr"),
    ),
)

SOUTH: tuple[Identifier, ...] = (
    identifier(
        "za",
        "id number|identity number|identity document|sa id|rsa id|id no|south african id",
        r"\d{6} ?\d{4} ?\d{2,3} ?\d?",
        shaped=r"\d\d[01]\d[0-3]\d \d{4} [01]\d{2}|\d\d[01]\d[0-3]\d \d{4} [01]\d \d"
        r"|\d\d[01]\d[0-3]\d[0-9]{4}[01][89]\d",
        check=stdnum("za.idnr"),
    ),
    identifier("ng", "bvn|bank verification number|national identification number|nimc", r"\d{11}", capitals="NIN"),
    identifier("ke", "kra pin|huduma", r"[AP]\d{9}[A-Z]", shaped=r"[AP]\d{9}[A-Z]", check=stdnum("ke.pin")),
    identifier("gh", "ghana card", r"GHA-?\d{9}-?\d", shaped=r"GHA-\d{9}-\d"),
    identifier("mu", "mauritian id", r"[A-Z]\d{12}[0-9A-Z]", check=stdnum("mu.nid")),
    identifier("au_tax", "tfn|tax file(?: number)?", r"\d{3}[ -]?\d{3}[ -]?\d{2,3}", check=stdnum("au.tfn")),
    identifier(
        "au_business",
        "abn|australian business number",
        r"\d\d ?\d{3} ?\d{3} ?\d{3}",
        check=stdnum("au.abn"),
        entity="RECORD_NUMBER",
    ),
    identifier(
        "au_medicare",
        "medicare(?: (?:card|no|number))?",
        r"[2-6]\d{3} ?\d{5} ?\d(?:[ /-]?\d)?",
        shaped=r"[2-6]\d{3} \d{5} \d(?:[ /-]\d)?",
        check=medicare_australia,
    ),
    identifier(
        "au_care",
        "centrelink|customer reference number|crn|ihi|individual healthcare identifier|dva",
        r"\d{3}[- ]?\d{3}[- ]?\d{3}[A-Z]|80036\d{11}|[NVQWST][A-Z]{0,2} ?\d{4,6}",
    ),
    identifier("nz_tax", "ird(?: (?:no|number))?", r"\d{2,3}[- ]?\d{3}[- ]?\d{3}", check=stdnum("nz.ird")),
    identifier(
        "nz_health",
        "nhi(?: (?:no|number))?|national health index",
        r"[A-HJ-NP-Z]{3} ?\d{4}|[A-HJ-NP-Z]{3} ?\d\d[A-HJ-NP-Z]{2}",
    ),
)

WORLD = (*AMERICAS, *ASIA, *SOUTH)
