"""Private keys, with and without their header, and stored forms of passwords."""

from router.signals.sensitivity.secrets.form import Form, anything, form

BASE64 = r"(?:[\s\\rn]{0,8}[A-Za-z0-9+/=]{16,100}){0,400}"
"""Line by line, also where a program wrote the ends of lines as `\n`."""

BODY = rf"(?:(?:[^-]|-(?!-{{4}})){{0,20000}}-----END [A-Z0-9 ]{{0,40}}-----|{BASE64})"
"""What follows a header: all up to the end where there is one."""

KEYS: tuple[Form, ...] = (
    form(
        "PRIVATE_KEY",
        "pem",
        ("PRIVATE KEY",),
        rf"-----BEGIN [A-Z0-9 ]{{0,30}}PRIVATE KEY(?: BLOCK)?(?:-----{BODY})?",
        hint="-----BEGIN [A-Z0-9 ]{0,30}PRIVATE KEY",
        check=anything,
    ),
    form(
        "PRIVATE_KEY",
        "der",
        ("MII", "MHcC", "MIGH", "MC4C", "b3Bl", "MIG2"),
        # RSA (PKCS 1 and 8), EC, Ed25519, PKCS 12, and OpenSSH's magic word: what base64 makes of their first bytes.
        r"(?:MII[A-Z][\w+/]{2}IBAAKC[A-Z]|MIIC[\w+/]{2}IBAAKBgQ|MII[A-Z][\w+/]{2}IBADANBgkqhkiG9w0BAQEFAASC"
        r"|MHcCAQEEI|MIGkAgEBBD|MIG[H2]AgEAM|MC4CAQAwBQYDK2V[wu]|MI[IJ][\w+/]{2}[AQgw]IBAzCC|b3BlbnNzaC1rZXktdjE)"
        r"(?:[\s\\rn]{0,8}[\w+/=]{16,80}){0,400}",
        hint=r"MII[A-Z][\w+/]{2}IBA|MHcCAQEEI|MIGkAgEBBD|MIG[H2]AgEAM|MC4CAQAwBQYDK2V|MI[IJ][\w+/]{2}[AQgw]IBAzCC"
        r"|b3BlbnNzaC1rZXktdjE",
        check=anything,
    ),
    form(
        "PRIVATE_KEY",
        "putty",
        ("PuTTY-User-Key",),
        r"PuTTY-User-Key-File-\d(?s:.{0,4000})",
        hint=r"PuTTY-User-Key-File-\d",
        check=anything,
    ),
    form("PRIVATE_KEY", "age", ("AGE-SECRET-KEY-",), r"AGE-SECRET-KEY-1[0-9A-Z]{20,80}"),
    form("PRIVATE_KEY", "xprv", ("prv",), r"(?<!\w)[xyztuv]prv[1-9A-HJ-NP-Za-km-z]{80,120}", hint="prv[1-9A-Za-z]{80}"),
    form(
        "PRIVATE_KEY",
        "jwk",
        ('"d"', "'d'"),
        r"[\"']d[\"']\s{0,4}:\s{0,4}[\"'](?P<value>[\w-]{40,700})[\"']",
        hint=r"[\"']d[\"']\s{0,4}:\s{0,4}[\"'][\w-]{40}",
    ),
    form(
        "PRIVATE_KEY",
        "wireguard",
        ("rivateKey", "resharedKey"),
        r"(?:PrivateKey|PresharedKey)[ \t]{0,4}=[ \t]{0,4}(?P<value>[\w+/]{43}=)",
    ),
    form(
        "PASSWORD",
        "crypt",
        ("$", "{SSHA", "{SHA", "{CRYPT"),
        r"\$(?:1|5|6|2[abxy]?|y|gy|7|apr1|sha1|md5|argon2(?:id|i|d)|pbkdf2(?:-sha\d{1,3})?|scrypt|bcrypt(?:-sha256)?)"
        r"\$[\w./$=,+-]{20,300}|\{(?:S?SHA(?:256|512)?|CRYPT)\}[\w+/=$.]{13,300}",
    ),
    form(
        "PASSWORD",
        "windows_hashes",
        (":",),
        r"(?<!\w)[\w.$\\-]{1,64}:\d{1,9}:(?P<value>[0-9A-Fa-f]{32}:[0-9A-Fa-f]{32}):",
        hint=r":\d{1,9}:[0-9A-Fa-f]{32}:[0-9A-Fa-f]{32}:",
    ),
)
