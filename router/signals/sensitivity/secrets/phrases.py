"""Secrets in connection strings, files of programs, and prose. Command lines have a table of their own."""

import re

from router.signals.sensitivity.secrets.form import Form, anything, form
from router.signals.sensitivity.secrets.values import meant, mixed, odd, one_word

_NAME = "(?:password|passwd|pwd|passphrase|secret|token|api_?key|access_?key)"

STRINGS: tuple[Form, ...] = (
    form(
        "CONNECTION_STRING",
        "url",
        ("://",),
        r"[a-zA-Z][a-zA-Z0-9+.-]{1,20}://[^\s:@/'\"<>]{0,80}:(?P<value>[^\s@/'\"<>]{2,120})@[^\s'\"<>]{0,200}",
        hint=r"[a-zA-Z]://[^\s:@/'\"<>]{0,80}:[^\s@/'\"<>]{2,120}@",
        check=meant,
    ),
    form("API_KEY", "url_user", ("://",), r"://(?P<value>[\w-]{16,255})@[\w.-]"),
    form(
        "API_KEY", "url_key", ("key=", "Key=", "KEY="), r"[?&](?i:key|x-[a-z-]{1,20}key)=(?P<value>[\w.%+/~-]{16,500})"
    ),
    form(
        "CONNECTION_STRING",
        "oracle",
        ("jdbc:oracle:", "sqlplus", "sqlldr", "expdp", "impdp"),
        r"(?:jdbc:oracle:\w{2,6}:|(?:sqlplus|sqlldr|expdp"
        r"|impdp) (?:-\w{1,8} )?)[\w$#.-]{1,60}/(?P<value>[^\s@/]{3,80})",
        check=meant,
    ),
    form(
        "CONNECTION_STRING",
        "ado",
        (";",),
        r"(?i)(?:server|data source|host|driver|provider|database|user id|uid|username)=[^;\n]{1,80};[^\n]{0,160}"
        r"(?:pwd|password)=(?P<value>[^;\s\"']{3,80})",
        check=meant,
    ),
    form(
        "CONNECTION_STRING",
        "go_dsn",
        ("@tcp(", "@unix("),
        r"[\w.-]{1,60}:(?P<value>[^\s:@]{3,80})@(?:tcp|unix)\(",
        check=meant,
    ),
    form(
        "PASSWORD",
        "pgpass",
        (":",),
        r"(?m)^[\w.*-]{1,100}:(?:\d{2,5}|\*):[\w*-]{1,60}:[\w.*-]{1,60}:(?P<value>[^\s:]{4,100})$",
        check=mixed,
    ),
    form(
        "PASSWORD",
        "netrc",
        ("login",),
        r"\blogin\s{1,4}\S{1,100}\s{1,4}password\s{1,4}(?P<value>\S{2,100})",
        hint=r"login\s{1,4}\S{1,100}\s{1,4}password\s{1,4}\S{2}",
        check=meant,
    ),
    form(
        "PASSWORD",
        "xml",
        ("</",),
        rf"(?i)<[\w:.-]{{0,30}}{_NAME}\b[^<>]{{0,80}}>\s{{0,20}}(?:<!\[CDATA\[)?(?P<value>[^<>\s][^<>]{{2,120}}?)"
        rf"(?:\]\]>)?\s{{0,20}}</",
        hint=rf"(?i)<[\w:.-]{{0,30}}{_NAME}[^<>]{{0,80}}>",
        check=one_word,
    ),
    form(
        "PASSWORD",
        "name_value",
        ("alue", "ALUE", "efault"),
        rf"(?i)(?:name|key|id|type)[\"']?\s?[:=]\s?[\"']?[\w.-]{{0,40}}{_NAME}\w{{0,20}}[\"']?[\s,/>]{{1,20}}"
        r"[\"']?(?:string)?value[\"']?\s?[:=]\s?[\"']?(?P<value>[^\s\"'<>{},]{4,200})",
        check=mixed,
    ),
    form(
        "PASSWORD",
        "called",
        ("(",),
        rf"(?i)(?:set_?[a-z_]{{0,12}}|with_?|\.|\b){_NAME}\(\s?[\"'](?P<value>[^\"'\s]{{4,80}})[\"']\s?\)",
        hint=rf"(?i){_NAME}\(\s?[\"'][^\"'\s]{{4}}",
        check=mixed,
    ),
    form(
        "PASSWORD", "wifi", ("WIFI:",), r"WIFI:(?:[TSHR]:[^;\n]{0,60};){0,3}P:(?P<value>[^;\n]{4,64});", check=anything
    ),
    form("API_KEY", "otp_link", ("otpauth://",), r"otpauth://[^\s\"'<>]{10,300}", check=anything),
    form(
        "API_KEY",
        "cookie",
        ("=", ":"),
        r"(?i)\b(?:phpsessid|jsessionid|asp\.net_sessionid|connect\.sid|s(?:ession)?_?id|laravel_session"
        r"|_?[\w-]{0,20}_session"
        r"|csrf_?token|xsrf-token|remember_token|__secure-[\w-]{1,30}|li_at|_gh_sess|wordpress_logged_in\w{0,40})"
        r"[\"']?\s?[=:]\s?[\"']?(?P<value>[\w%.+/=:~-]{16,500})",
        hint=r"(?i)(?:sess|sid|csrf|xsrf|remember_token|__secure|li_at"
        r"|logged_in)[\w-]{0,40}[\"']?\s?[=:]\s?[\"']?[\w%.+/=:~-]{16}",
    ),
    form(
        "API_KEY",
        "cookie_header",
        ("ookie:", "OOKIE:"),
        r"(?i)cookie:[^\n]{0,200}?=(?P<value>[\w%.+/~-]{20,500})",
    ),
    form(
        "PASSWORD",
        "pair",
        ("auth", "Auth", "login", "connect", "redentials", "signin"),
        r"(?i)(?:auth|login|credentials?|signin|authenticate|connect)\s?=?\s?[(\[]\s?[\"'][^\"'\n]{1,80}[\"']\s?,\s?"
        r"[\"'](?P<value>[^\"'\s]{4,80})[\"']",
        check=odd,
    ),
)
"""What programs read."""

STOPWORDS = re.compile(r"(?i)\b(?:the|and|that|with|for|are|was|your|from|which|have)\b")
"""Words that no wallet's list of 2,048 holds: a sentence about phrases, and not one of them."""

PROSE: tuple[Form, ...] = (
    form(
        "PASSWORD",
        "changed",
        ("assword", "ASSWORD", "asscode", "pwd"),
        r"(?i:password|passcode|pwd)\b[^\n.:=]{0,40}\bto [\"'`]?(?P<value>(?=[^\s]{0,40}\d)"
        r"(?=[^\s]{0,40}[A-Za-z])[^\s\"'`]{6,40})",
        hint=r"(?i)(?:password|passcode|pwd)[^\n.:=]{0,40}to ",
        check=meant,
    ),
    form(
        "PASSWORD",
        "beside",
        ("assword", "ASSWORD", "asscode", "asswd", "pwd", "PWD", "assphrase"),
        r"(?i:password|passwd|passcode|pwd|passphrase)[ \t]{1,2}[\"'`(]?(?P<value>[^\s\"'`()]{6,60})",
        hint=r"(?i)(?:password|passwd|passcode|pwd|passphrase)[ \t]{1,2}[\"'`(]?[^\s\"'`()]{6}",
        check=mixed,
        score=0.6,
    ),
    form(
        "PASSWORD",
        "further_on",
        ("ass", "ASS", "contrase", "pw", "PW", "ohasło", "haslo", "senha"),
        r"(?i)(?:password|passphrase|passcode|passwort|kennwort|mot de passe|contrase(?:\xf1|n)a|senha|\bpw)\b"
        r"[^\n.:=]{0,40}?(?:(?: is| ist| est| es| lautet| \xe9)\b|[:=])[ \t]{1,3}[\"'`]?(?P<value>[^\s\"'`]{5,60})",
        hint=r"(?i)(?:password|passphrase|passcode|passwort|kennwort|mot de passe|contrase.a|senha|pw)"
        r"[^\n.:=]{0,40}(?: is| ist| est| es| lautet| .|[:=])[ \t]",
        check=odd,
        score=0.6,
    ),
    form(
        "PASSWORD",
        "at_host",
        ("@",),
        r"(?<![\w/:.@])(?!(?i:mailto|e-?mail|mail|to|from|cc|bcc|sips?|xmpp|acct|contact|git|ssh|by|reply-to):)"
        r"[\w.-]{2,40}:(?P<value>[^\s:@/\"'<>]{5,60})@[\w-]{1,60}\.[\w.-]{1,60}",
        hint=r"[\w.-]{2}:[^\s:@/\"'<>]{5,60}@[\w-]{1,60}\.",
        check=odd,
        score=0.6,
    ),
    form(
        "PASSWORD",
        "used_as",
        (" as ", " for ", " is "),
        r"(?i)\b(?P<value>[^\s\"'`]{5,60})[\"'`]? (?:as|for|is|was) (?:(?:the|my|your|his|her|our|their|a|an"
        r"|its) )?(?:\w{1,15} ){0,2}"
        r"(?:password|passcode|passphrase|passwd|pin code|api key|secret key)\b",
        hint=r"(?i)[^\s\"'`]{5}[\"'`]? (?:as|for|is|was) (?:\w{1,15} ){0,3}(?:password|passcode|passphrase|passwd"
        r"|pin code|api key|secret key)",
        check=mixed,
        score=0.6,
    ),
    form(
        "PASSWORD",
        "log_in",
        ("ogin", "og in", "OGIN", "red", "RED", "ign in", "ser"),
        r"(?i)\b(?:credentials?|creds|log ?in|sign ?in|logged in|user(?:name)?|account)\b(?: with| as| using| is"
        r"| are)?[: ]{1,3}"
        r"[\"'`]?[\w.@+\\-]{2,60}[\"'`]?(?: ?[/:|] ?|,? (?:and |with )?(?:pass|pw|pwd"
        r"|password)[: ]{1,3})[\"'`]?(?P<value>[^\s\"'`,/]{4,60})",
        hint=r"(?i)(?:cred|creds|credentials?|log ?in|sign ?in|logged in|user|username|account)(?: with| as| using"
        r"| is| are)?[: ]{1,3}"
        r"[\"'`]?[\w.@+\\-]{2,60}[\"'`]?(?: ?[/:|]|,? (?:and |with )?(?:pass|pw))",
        check=mixed,
        score=0.6,
    ),
    form(
        "PASSWORD",
        "once",
        ("ode", "ODE", "OTP", "otp", "one"),
        r"(?i)\b(?:otp|one[- ]time (?:pass(?:word|code)|code|pin)|(?:verification|2fa|mfa|security|confirmation"
        r"|login|access|activation|recovery|backup"
        r"|auth(?:entication|enticator)?) (?:pin|codes?))\b[^\n\d.]{0,20}(?P<value>\d{4,8}"
        r"|\d{3,4}[ -]\d{3,4})(?![\d.])",
        hint=r"(?i)(?:otp|one[- ]time (?:password|passcode|code|pin)|(?:verification|2fa|mfa|security|confirmation"
        r"|login|access|activation|recovery|backup"
        r"|auth|authentication|authenticator) (?:pin|codes?))[^\n\d.]{0,20}\d{3}",
        check=anything,
        score=0.6,
    ),
    form(
        "PASSWORD",
        "door",
        ("ode", "pin", "PIN", "ombination"),
        r"(?i)\b(?:(?:atm|cards?|debit|sim|phone|voicemail|my|his|her|their|our) (?:\w{1,12} )?(?:pin|passcode)"
        r"|(?:door|gate|alarm|safe|locker|lockbox|keypad|garage|entry|building) (?:pin|code|combination|passcode)"
        r"|(?:code|combination)(?= (?:to|of|for) (?:the |my |our )?(?:door|gate|alarm|safe|locker|lockbox|garage)))"
        r"(?: code| number)?(?: (?:to|of|for) (?:the |my |our )?\w{1,12})?(?: is| was|:|=)? {0,2}#?"
        r"(?P<value>\d{4,8}|\d\d-\d\d-\d\d)(?!\d|\.\d)",
        hint=r"(?i)(?:pin|code|combination|passcode)(?: code| number)?(?: (?:to|of|for) (?:the |my |our )?\w+)?"
        r"(?: is| was|:|=)? {0,2}#?\d\d",
        check=anything,
        score=0.6,
    ),
    form(
        "API_KEY",
        "otp_seed",
        ("OTP", "otp", "2FA", "2fa", "MFA", "mfa", "uthenticator"),
        r"(?i:totp|hotp|otp|2fa|mfa|authenticator)[\w -]{0,24}(?i:secret|seed|key|setup)[^\n\w]{1,6}(?:is "
        r"|code )?[\"']?"
        r"(?P<value>[A-Za-z2-7]{4}(?: ?[A-Za-z2-7]{4}){3,15})",
    ),
    form(
        "PRIVATE_KEY",
        "seed_words",
        ("hrase", "HRASE", "eed", "EED", "nemonic", "words"),
        r"(?i)(?:(?:seed|recovery|backup|secret|wallet)[ -](?:phrase|words?|seed)"
        r"|mnemonic)[^\n:=]{0,40}[:=]?\s{0,3}[\"'\[]?"
        r"(?P<value>(?:\d{1,2}[.)] ?)?[a-z]{3,8}(?:[\s,\"'\d.)]{1,8}[a-z]{3,8}){11,23})",
        hint=r"(?i)(?:(?:seed|recovery|backup|secret|wallet)[ -](?:phrase|words?|seed)|mnemonic)",
        check=lambda words: STOPWORDS.search(words) is None,
    ),
)
"""What people tell each other."""

PHRASES = (*STRINGS, *PROSE)
