"""Papers, vehicles, devices and accounts: numbers of many countries under one word."""

from router.signals.sensitivity.identifiers.checks import has_digit, stdnum, vin
from router.signals.sensitivity.identifiers.identifier import Identifier, identifier

_PAPER = r"[A-Z]{0,3}[ -]?\d[\dA-Z]{4,11}|[A-Z]{1,2}\d{2}[A-Z]{2}\d{4}"
_NUMBER = r"[A-Z]{0,4}[ -]?\d(?:[ ./-]?[\dA-Z]){4,17}"

PAPERS: tuple[Identifier, ...] = (
    identifier(
        "passport",
        "passports?(?: (?:no|number|nr|num))?|passeports?|pasaportes?|passaporto|passaporte|paspoort(?:nummer)?"
        "|reisepass(?:nummer|nr)?"
        "|pass-?nummer|passnr|pasaport|paszport(?:u)?|passinumero|passnummer|cestovn[íi] pas|útlev[ée]l|pașaport"
        "|паспорта?|διαβατήριο"
        "|护照|護照|パスポート|旅券|여권|جواز|דרכון|पासपोर्ट|หนังสือเดินทาง|hộ chiếu",
        _PAPER,
    ),
    identifier(
        "card",
        "(?:national )?(?:identity|id) card(?: (?:no|number))?|citizen id|national id(?:entification"
        "|entity)?(?: (?:no|number))?"
        "|residence permit|aufenthaltstitel|visa (?:no|number)|carte d.identit[ée]|titre de s[ée]jour"
        "|carte de s[ée]jour|documento d.identit[àa]"
        "|permesso di soggiorno|identiteitskaart|id-kaart|identiteitsbewijs|verblijfsvergunning|identitetskort"
        "|legitimation|henkilökortti"
        "|občansk[ýé] průkaz|občiansky preukaz|osobna iskaznica|osebna izkaznica|carte de identitate|buletin"
        "|лична карта|посвідчення"
        "|удостоверение личности|удостоверение|身份号码|証明書番号|신분증|شناسنامه",
        _PAPER + r"|\d{3}[ .-]?\d{3}[ .-]?\d{3}",
    ),
    identifier(
        "driver",
        "driv(?:er'?s?|ing) licen[cs]e(?: (?:no|number|num))?|f[üu]hrerschein(?:nummer)?|permis de conduire"
        "|(?:carn[ée]|licencia|permiso) de conduci[rn]|patente di guida|patente|carta de condu[çc][ãa]o"
        "|rijbewijs(?:nummer)?|prawo jazdy"
        "|k[öo]rkort|k[øo]rekort|f[øo]rerkort|ajokortti|ehliyet|водительск\\w+|运转免许|運転免許|驾驶证|운전면허",
        r"[A-Z0-9]{0,5}[ -]?\d(?:[ /-]?[\dA-Z]){4,17}",
    ),
    identifier(
        "tax",
        "tax (?:id|identification|payer|file|reference)(?: (?:no|number))?|taxpayer (?:id|identification|number)"
        "|identificaci[óo]n fiscal"
        "|num[ée]ro d.imp[ôo]t|partita iva|fiscaal nummer|налоговый номер|納税者番号|税号",
        _NUMBER,
    ),
    identifier(
        "social",
        "social (?:security|insurance)(?: (?:no|number|num))?|insurance number|krankenkasse|mutuelle"
        "|tessera sanitaria|health insurance"
        "(?: (?:no|number|id))?|social welfare number|sozialversicherung|assicurazione sociale|health card"
        "|gesundheitskarte",
        _NUMBER,
    ),
    identifier(
        "machine_readable",
        "mrz|machine[- ]readable zone",
        r"[A-Z0-9<]{30,44}",
        shaped=r"[PIAC][A-Z<][A-Z]{3}[A-Z]{1,30}<{1,2}[A-Z<]{5,38}"
        r"|[A-Z0-9<]{9}\d[A-Z]{3}\d{6}\d[MFX<]\d{6}\d[A-Z0-9<]{7,16}",
        check=lambda value: "<" in value,
        strict=True,
    ),
)

THINGS: tuple[Identifier, ...] = (
    identifier(
        "vehicle",
        "vin(?: (?:no|number|code))?|chassis(?: (?:no|number))?|vehicle identification|fahrgestellnummer"
        "|num[ée]ro de s[ée]rie",
        r"[A-HJ-NPR-Z0-9]{17}",
        shaped=r"[1-5JKLSTUVWYZ][A-HJ-NPR-Z0-9]{2}[A-HJ-NPR-Z][A-HJ-NPR-Z0-9]{12}\d",
        check=vin,
        entity="RECORD_NUMBER",
    ),
    identifier(
        "plate",
        "licen[cs]e plates?|number ?plates?|registration (?:plate|mark)|vehicle reg(?:istration)?"
        "|car reg(?:istration)?|reg(?:istration)? no"
        "|plate (?:no|number)|kfz-kennzeichen"
        "|kennzeichen|nummernschild|plaque d.immatriculation|immatriculation|matr[íi]cula"
        "|targa|kenteken"
        "|registreringsnummer|rekisterinumero|numer rejestracyjny|госномер|车牌|車牌|ナンバープレート|차량번호",
        r"[A-ZÄÖÜ0-9]{1,4}[ -]?[A-Z0-9]{1,4}(?:[ -]?[A-Z0-9]{1,4})?",
        check=has_digit,
        strict=True,
        entity="RECORD_NUMBER",
    ),
    identifier(
        "device",
        "imei|imeisv|meid|imsi|iccid|sim (?:card )?(?:no|number|serial)|device (?:serial|id number)",
        r"\d{2}[- ]?\d{6}[- ]?\d{6}[- ]?\d{1,2}|\d{14,20}",
        check=stdnum("imei"),
        entity="RECORD_NUMBER",
    ),
)

ACCOUNTS: tuple[Identifier, ...] = (
    identifier(
        "sort_code",
        "sort ?code|bankleitzahl|blz|bsb|routing(?: (?:no|number))?|aba(?: (?:no|number))?|rtn|transit number"
        "|institution number|clabe|ifsc(?: code)?",
        r"\d\d-\d\d-\d\d|\d{3}-\d{3}|\d{5}-\d{3}|[A-Z]{4}0[A-Z0-9]{6}|\d{18}|\d{8,9}|\d{6}",
        shaped=r"\d\d-\d\d-\d\d[ ,/]{1,3}\d{8}|[A-Z]{4}0[A-Z0-9]{0,5}\d[A-Z0-9]{0,5}[ ,/]{1,3}\d{9,18}",
        entity="US_BANK_NUMBER",
    ),
    identifier(
        "account",
        "kontonummer|konto-?nr|kontonr|num[ée]ro de compte|compte (?:bancaire|courant)|n[úu]mero de cuenta"
        "|cuenta (?:bancaria|corriente)|conto corrente"
        "|conta (?:corrente|banc[áa]ria|poupan[çc]a)|rekeningnummer|bankrekening|numer (?:konta|rachunku)"
        "|číslo účtu|bankszámla|tilinumero"
        "|номер счета|номер счёта|расчетный счет|口座番号|账号|帳號|계좌번호"
        "|hesap numaras[\u0131i]|checking account|savings account"
        "|beneficiary account",
        r"[A-Z]{0,4}\d(?:[ ./-]?\d){5,25}",
        entity="US_BANK_NUMBER",
    ),
    identifier(
        "bank_and_account",
        "swift(?:/bic)?(?: code)?|bic(?: code)?",
        r"[A-Z]{6}[A-Z0-9]{2}(?:[A-Z0-9]{3})?[ ,;/]{1,3}\D{0,24}\d{6,20}",
        entity="US_BANK_NUMBER",
    ),
)

EVERYWHERE = (*PAPERS, *THINGS, *ACCOUNTS)
