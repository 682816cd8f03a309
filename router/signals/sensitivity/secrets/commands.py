"""Passwords and keys on command lines."""

from router.signals.sensitivity.secrets.form import Form, anything, form
from router.signals.sensitivity.secrets.values import meant, mixed

_QUOTED = r"[\"']?(?P<value>[^\s\"'<>$(){}\[\]-][^\s\"']{2,120})"
_CLIENTS = (
    "mysql|mysqldump|mysqladmin|mysqlimport|mariadb|mongo|mongosh|mongodump|mongorestore|sshpass|redis-cli|sqlcmd"
    "|bcp|ldapsearch"
    "|ldapadd|ldapmodify|ldapwhoami|unzip|zip|7z|rar|plink|pscp|influx|cqlsh|snowsql|vsql|beeline|mosquitto_pub"
    "|mosquitto_sub"
    "|lftp|ncftp|ipmitool|xfreerdp|rdesktop|evil-winrm|crackmapexec|htpasswd|openstack|isql|hydra|svn"
    "|docker login|podman login|az login|oc login|helm login|helm registry login|npm login|cf login|skopeo login"
)

COMMANDS: tuple[Form, ...] = (
    form(
        "PASSWORD",
        "option",
        ("-p", "-t", "-s", "-a", "-P", "-c", "/p", "-k"),
        r"(?<![\w-])(?:--?|/)(?:[a-z]{1,10}-){0,2}(?:password|passwd|pass|pwd|passphrase|psk|token|secret|api-?key"
        r"|secret-?key|access-?key)"
        rf"(?:=|[ \t]{{1,2}}|:){_QUOTED}",
        hint=r"(?:-|/)(?:[a-z]{1,10}-){0,2}(?:password|passwd|pass|pwd|passphrase|psk|token|secret|api-?key"
        r"|secret-?key|access-?key)"
        r"(?:=|[ \t]|:)[\"']?[^\s\"'<>$(){}\[\]-]",
        check=mixed,
    ),
    form(
        "PASSWORD",
        "short_option",
        (" -p", " -P", " -a", " -w", " --pass"),
        rf"\b(?:{_CLIENTS})\b[^\n]{{0,200}}? -[pPaw][ \t]{{0,2}}{_QUOTED}",
        hint=rf"(?:{_CLIENTS})[^\n]{{0,200}} -[pPaw]",
        check=mixed,
    ),
    form(
        "PASSWORD",
        "glued_option",
        (" -p",),
        rf"\b(?:mysql\w{{0,8}}|mariadb\S{{0,8}}|sshpass|7z)\b[^\n]{{0,200}}? -p{_QUOTED}",
        hint=r"(?:mysql|mariadb|sshpass|7z)[^\n]{0,210} -p",
        check=meant,
    ),
    form(
        "PASSWORD",
        "spelled_login",
        ("login ", "sshpass "),
        rf"\b(?:(?:docker|podman|az|oc|cf|helm|skopeo) (?:registry )?login|sshpass)\b[^\n]{{0,200}}? (?:-p"
        rf"|--password)[ =]{_QUOTED}",
        hint=r"(?:login|sshpass)[^\n]{0,200} (?:-p|--password)[ =]",
        check=meant,
    ),
    form(
        "PASSWORD",
        "curl",
        ("curl", "http", "wget", "Invoke-WebRequest"),
        r"\b(?:curl|https?|wget|xh|ab)\b[^\n]{0,300}? (?:-u|--user|-a|--auth|-U|--proxy-user"
        r"|-A)[ =]?[\"']?[^\s:\"']{1,80}:"
        r"(?P<value>[^\s\"'/][^\s\"']{2,120})",
        hint=r"(?:curl|http|https|wget|xh|ab)[^\n]{0,300} (?:-u|--user|-a|--auth|-U|--proxy-user"
        r"|-A)[ =]?[\"']?[^\s:\"']{1,80}:",
        check=meant,
    ),
    form("PASSWORD", "openssl", ("pass:",), r"-pass(?:in|out)?[ =]pass:(?P<value>[^\s\"']{2,100})", check=meant),
    form("PASSWORD", "samba", ("%",), r" -U[ =]?[\"']?[\w\\./@-]{1,60}%(?P<value>[^\s\"']{3,80})", check=meant),
    form("PASSWORD", "freerdp", ("/p:",), r" /p:[\"']?(?P<value>[^\s\"']{3,80})", check=meant),
    form(
        "PASSWORD",
        "windows_user",
        ("net user", "net use", "NET USER", "cmdkey"),
        r"(?i:\bnet user [\w.-]{1,40} |\bnet use [^\n]{1,80}/user:[\w\\.-]{1,60} "
        r"|\bcmdkey [^\n]{1,120}/pass:)[\"']?(?P<value>[^\s\"'/*][^\s\"']{3,80})",
        hint=r"(?i)net user [\w.-]{1,40} |net use [^\n]{1,80}/user:|cmdkey [^\n]{1,120}/pass:",
        check=mixed,
    ),
    form(
        "PASSWORD",
        "power_shell",
        ("SecureString", "NetworkCredential"),
        r"ConvertTo-SecureString (?:-String )?[\"'](?P<value>[^\"'$\n]{3,100})[\"']",
        check=meant,
    ),
    form(
        "PASSWORD",
        "piped",
        ("chpasswd", "sudo -S", "--password-stdin", "passwd --stdin", "pbcopy"),
        r"(?:echo|printf|<<<) (?:-n )?[\"']?(?:[\w.-]{1,40}:)?(?P<value>[^\s\"'|:$][^\s\"'"
        r"|]{3,80}?)(?:\\n)?[\"']? ?\| ?(?:sudo )?"
        r"(?:chpasswd|sudo -S|passwd --stdin|\w[^\n|]{0,80}--password-stdin)",
        check=meant,
    ),
    form(
        "PASSWORD",
        "here_string",
        ("<<<",),
        r"(?:--password-stdin|passwd|sudo -S)[^\n]{0,60}<<< ?[\"']?(?P<value>[^\s\"'$]{4,80})",
        check=meant,
    ),
    form(
        "PASSWORD",
        "htpasswd",
        ("htpasswd",),
        r"\bhtpasswd -\w{0,6}b\w{0,6} \S{1,100} \S{1,60} [\"']?(?P<value>[^\s\"']{3,80})",
        hint=r"htpasswd -\w{0,6}b",
        check=anything,
    ),
)
