# ruff: noqa: RUF001 - letters that look like others are the matter
"""Secrets: what opens doors is found, and talk about it is not."""

import random
import string
import time

import pytest

from router.signals.sensitivity.secrets import HINTS, Secrets
from router.signals.sensitivity.views.view import View

SECRETS = Secrets()
RANDOM = "qX7v9LkP2mZ4wT8rB3nY6cD1fG5hJ0sA"
DRAW = random.Random(11)


def chars(count: int, alphabet: str = string.ascii_letters + string.digits) -> str:
    """Characters drawn by chance."""
    return "".join(DRAW.choices(alphabet, k=count))


def hexes(count: int) -> str:
    """Hexadecimal digits drawn by chance."""
    return chars(count, "0123456789abcdef")


UUID = "-".join(map(hexes, (8, 4, 4, 4, 12)))
JWT = f"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.{chars(43)}"


def types(text: str) -> set[str]:
    """The kinds found in a text."""
    return {span.type for span in SECRETS.find(View(text))}


@pytest.mark.parametrize(
    "key",
    [
        "AKIA" + "IOSFODNN7EXAMPLE",
        "ASIA" + chars(16, string.ascii_uppercase + "234567"),
        "LTAI" + chars(20),
        "AKID" + chars(32),
        "AIza" + chars(35),
        "ya29." + chars(60),
        "GOCSPX-" + chars(28),
        "dop_v1_" + hexes(64),
        "HRKU-" + chars(40),
        "dapi" + hexes(32),
        "hvs." + chars(40),
        "ghp_" + RANDOM,
        "github_pat_" + RANDOM,
        "glpat-" + chars(20),
        "ATATT3" + chars(60),
        "ATBB" + chars(32),
        "npm_" + chars(36),
        "pypi-AgEIcHlwaS5vcmc" + chars(60),
        "dckr_pat_" + chars(27),
        "sk-proj-" + RANDOM,
        "sk-ant-api03-" + RANDOM,
        "sk-" + chars(48),
        "hf_" + chars(34),
        "r8_" + chars(37),
        "gsk_" + chars(52),
        "sk_live_" + chars(24),
        "whsec_" + chars(32),
        "sq0atp-" + chars(22),
        "shpat_" + hexes(32),
        "xoxb-123456789012-" + RANDOM,
        "https://hooks.slack.com/services/T" + chars(8) + "/B" + chars(8) + "/" + chars(24),
        "https://discord.com/api/webhooks/123456789012345678/" + chars(68),
        "MTk4NjIyNDgzNDcxOTI1MjQ4." + "Cl2FMQ." + chars(27),
        "123456789:AA" + chars(33),
        "SG." + chars(22) + "." + chars(43),
        "key-" + hexes(32),
        hexes(32) + "-us14",
        "SK" + hexes(32),
        "NRAK-" + chars(27, string.ascii_uppercase + string.digits),
        "https://" + hexes(32) + "@o123.ingest.sentry.io/456",
        "sntrys_" + chars(60),
        "glsa_" + chars(32) + "_" + hexes(8),
        "PMAK-" + hexes(24) + "-" + hexes(34),
        "lin_api_" + chars(40),
        "ntn_" + chars(43),
        "figd_" + chars(40),
        chars(14) + ".atlasv1." + chars(60),
        "pat" + chars(14) + "." + hexes(64),
        "abc8Q~" + chars(34),
        "DefaultEndpointsProtocol=https;AccountName=x;AccountKey=" + chars(86) + "==",
        "https://x.blob.core.windows.net/c?sv=2020&sig=" + chars(43) + "%3D",
        "Endpoint=sb://x/;SharedAccessKeyName=r;SharedAccessKey=" + chars(43) + "=",
        "heroku api key " + UUID,
        "access-production-" + UUID,
        "Authorization: SSWS 00" + chars(40),
        "Authorization: Bearer " + RANDOM,
        "Authorization: Basic " + "dXNlcjpodW50ZXIy",
        "1/1200000000000001:" + hexes(32),
        "otpauth://totp/Site:me?secret=JBSWY3DPEHPK3PXP&issuer=Site",
        "https://" + hexes(40) + "@github.com/org/repo.git",
        "https://maps.example/api?key=" + chars(39),
        "Cookie: theme=dark; PHPSESSID=" + chars(26),
        "Set-Cookie: id=" + chars(40) + "; HttpOnly",
    ],
)
@pytest.mark.parametrize(
    "text", ["{}", "here you are: {} - keep it", '{{"x": "{}"}}', "curl -H 'x: {}' https://api.example"]
)
def test_it_finds_issued_keys(text: str, key: str) -> None:
    """Forms of issuers, wherever they stand."""
    assert types(text.format(key)) & {"API_KEY", "JWT"}


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIE", "PRIVATE_KEY"),
        ("-----BEGIN OPENSSH PRIVATE KEY-----", "PRIVATE_KEY"),
        ("-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nlQOYBF", "PRIVATE_KEY"),
        ("MIIEpAIBAAKCAQEA" + chars(64), "PRIVATE_KEY"),
        ("MIIEvQIBADANBgkqhkiG9w0BAQEFAASC" + chars(64), "PRIVATE_KEY"),
        ("b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAE" + chars(64), "PRIVATE_KEY"),
        ("PuTTY-User-Key-File-2: ssh-rsa", "PRIVATE_KEY"),
        ("AGE-SECRET-KEY-1" + chars(58, string.ascii_uppercase + string.digits), "PRIVATE_KEY"),
        ("PrivateKey = " + chars(43) + "=", "PRIVATE_KEY"),
        ('{"kty":"EC","crv":"P-256","d":"' + chars(43) + '"}', "PRIVATE_KEY"),
        ("xprv" + chars(107, "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"), "PRIVATE_KEY"),
        (
            "My seed phrase: zebra quantum ladder orbit velvet cactus mimic harbor tulip engine frozen maple",
            "PRIVATE_KEY",
        ),
        (JWT, "JWT"),
        ("postgres://app:s3cr3t@db.internal:5432/prod", "CONNECTION_STRING"),
        ("redis://:hunter2@cache:6379/0", "CONNECTION_STRING"),
        ("mongodb+srv://root:Xy12zz@c0.mongodb.net", "CONNECTION_STRING"),
        ("https://bob:letmein1@intranet/x", "CONNECTION_STRING"),
        ("jdbc:oracle:thin:scott/t1gerx@//db:1521/orcl", "CONNECTION_STRING"),
        ("jdbc:mysql://db/prod?user=app&password=kl3tter", "PASSWORD"),
        ("Server=db;Database=prod;User Id=sa;Password=kl3tter!;", "PASSWORD"),
        ("Driver={ODBC};Server=x;Uid=sa;Pwd=kl3tter!;", "PASSWORD"),
        ("app:kl3tter@tcp(db:3306)/prod", "CONNECTION_STRING"),
        ("host=db user=app password=kl3tter dbname=prod", "PASSWORD"),
        ("db.internal:5432:prod:app:kl3tter", "PASSWORD"),
        ("machine api.example login bob password kl3tter", "PASSWORD"),
        ("bob:$apr1$abcdefgh$" + chars(22), "PASSWORD"),
        ("root:$6$saltsalt$" + chars(86) + ":19000:0:99999:7:::", "PASSWORD"),
        ("$2b$12$" + chars(53), "PASSWORD"),
        ("bob:1001:" + hexes(32) + ":" + hexes(32) + ":::", "PASSWORD"),
        ("password=hunter2", "PASSWORD"),
        ("DB_PASSWORD: 'battery horse'", "PASSWORD"),
        ('dbPassword = "swordfish"', "PASSWORD"),
        ("PGPASSWORD=swordfish psql", "PASSWORD"),
        ("export MYSQL_PWD=swordfish", "PASSWORD"),
        ("$password = '$ecret99';", "PASSWORD"),
        ("spring.datasource.password=swordfish", "PASSWORD"),
        ("password: $tr0ng#1", "PASSWORD"),
        ("my password is swordfish", "PASSWORD"),
        ("the password is hunter2", "PASSWORD"),
        ("pw: kl3tter", "PASSWORD"),
        ("password hunter2 does not work", "PASSWORD"),
        ("use Kl3tter!99 as the password", "PASSWORD"),
        ("kl3tter99 is my password", "PASSWORD"),
        ("log in with admin / kl3tter99", "PASSWORD"),
        ("credentials: admin:kl3tter99", "PASSWORD"),
        ("username bob and password kl3tter99", "PASSWORD"),
        ("user bob pass kl3tter99", "PASSWORD"),
        ("login: bob, pw kl3tter99", "PASSWORD"),
        ("IDENTIFIED BY 'u2P@A1fuP1g$'", "PASSWORD"),
        ("ALTER USER app WITH PASSWORD 'swordfish';", "PASSWORD"),
        ("SET PASSWORD = PASSWORD('sw0rdfish')", "PASSWORD"),
        ("Reset the password for user jdoe to Winter2024!", "PASSWORD"),
        ("the wifi password is Tr0ub4dor&3", "PASSWORD"),
        ("WIFI:T:WPA;S:home;P:kl3tterkl3tter;;", "PASSWORD"),
        ('psk="kl3tterkl3tter"', "PASSWORD"),
        ("<password>swordfish</password>", "PASSWORD"),
        ('<add key="DbPassword" value="sw0rdfish"/>', "PASSWORD"),
        ("- name: DB_PASSWORD\n  value: sw0rdfish", "PASSWORD"),
        ("Passwort: kl3tter", "PASSWORD"),
        ("mot de passe : kl3tter", "PASSWORD"),
        ("la contraseña es kl3tter", "PASSWORD"),
        ("пароль: kl3tter", "PASSWORD"),
        ("密码：kl3tter", "PASSWORD"),
        ("mysql -u root -pkl3tter prod", "PASSWORD"),
        ("mysql -u root -p kl3tter prod", "PASSWORD"),
        ("deploy --password=kl3tter", "PASSWORD"),
        ("deploy --db-password kl3tter", "PASSWORD"),
        ("curl -u bob:kl3tter https://api.example", "PASSWORD"),
        ("docker login -u bob -p kl3tter", "PASSWORD"),
        ("sshpass -p kl3tter ssh root@host", "PASSWORD"),
        ("redis-cli -a kl3tter ping", "PASSWORD"),
        ("openssl rsa -passin pass:kl3tter", "PASSWORD"),
        ("smbclient //srv/x -U bob%kl3tter", "PASSWORD"),
        ("xfreerdp /u:bob /p:kl3tter /v:srv", "PASSWORD"),
        ("net user bob kl3tter99 /add", "PASSWORD"),
        ("ConvertTo-SecureString 'kl3tter' -AsPlainText", "PASSWORD"),
        ("echo 'root:kl3tter' | chpasswd", "PASSWORD"),
        ("echo kl3tter | sudo -S apt update", "PASSWORD"),
        ("htpasswd -cb .htpasswd bob kl3tter", "PASSWORD"),
        ("Your verification code is 482913", "PASSWORD"),
        ("my PIN is 4821", "PASSWORD"),
        ("the door code is 4821#", "PASSWORD"),
        ("2FA secret: JBSW Y3DP EHPK 3PXP", "API_KEY"),
        ('{"client_secret": "8f14e45fceea167a"}', "API_KEY"),
        ("DD_API_KEY=" + hexes(32), "API_KEY"),
        ("X-Api-Key: " + chars(32), "API_KEY"),
        ("cohere token = '" + chars(40) + "'", "API_KEY"),
        ("aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCY" + chars(10), "API_KEY"),
        ('"private_key_id": "' + hexes(40) + '"', "API_KEY"),
        ("name,password,city\nbob,kl3tter,Rome\n", "PASSWORD"),
        ("| user | password |\n|---|---|\n| bob | kl3tter |", "PASSWORD"),
        ("user\tapi_key\nbob\t" + chars(20), "PASSWORD"),
        ("INSERT INTO users (name, password) VALUES ('bob', 'kl3tter');", "PASSWORD"),
        ("the ssh password for the pi is kl3tter1", "PASSWORD"),
        ("das Passwort lautet Sommer2023", "PASSWORD"),
        ("log in as admin with password P@ssw0rd!", "PASSWORD"),
        ("root:kl3tter99@10.0.0.5", "PASSWORD"),
        ("requests.get(url, auth=('admin', 's3cretPW'))", "PASSWORD"),
        ("docker login --password-stdin <<< kl3tter", "PASSWORD"),
        ("my recovery codes are 1234-5678 and 8765-4321", "PASSWORD"),
        ("the combination to the safe is 12-34-56", "PASSWORD"),
        ("session cookie " + RANDOM, "HIGH_ENTROPY_STRING"),
        (RANDOM + " is the new signing key", "HIGH_ENTROPY_STRING"),
    ],
)
def test_it_finds(text: str, kind: str) -> None:
    """Keys, connection strings, assignments, command lines, prose, and random strings that somebody calls a secret."""
    assert kind in types(text)


@pytest.mark.parametrize(
    "text",
    [
        "How do I reset my password?",
        "The password is incorrect.",
        "My password is not working, and his password is expired.",
        "password: str",
        "password: Optional[str] = None",
        "Change the password to something better.",
        "password = getpass()",
        "password = os.environ['DB_PASSWORD']",
        "password=args.password",
        "password=password",
        "password: ${DB_PASSWORD}",
        "password: {{ vault_password }}",
        "password: <your password>",
        "password: YOUR_PASSWORD",
        "password: ********",
        "PASSWORD=changeme",
        "--password <password>",
        "--token TOKEN",
        "token = request.headers.get('x')",
        "token = tokens[0]",
        "max_tokens: 4096",
        'tokenizer = "bert-base-uncased-2018"',
        'fetch(url, {credentials: "include"})',
        "def login(user, password): ...",
        "Write a function that checks whether a password is strong.",
        "Passwords must have 8-20 characters.",
        "the password is 12 characters long",
        'print("Enter your password: ")',
        "First pass: determine the types. Second pass: emit code.",
        "Either pass `verbose=True` or nothing.",
        "pass: 95%, fail: 5%",
        "api_key=os.environ['API_KEY']",
        "api_key = 'YOUR_API_KEY'",
        "Authorization: Bearer <token>",
        "Authorization: Bearer $TOKEN",
        "sk-xxxxxxxxxxxxxxxxxxxxxxxx",
        "export OPENAI_API_KEY=sk-…",
        "https://user:password@example.com/",
        "postgresql://user:pass@localhost/db",
        "The key is under the doormat",
        "the secret: always salt the water",
        "see https://example.com/a:b/c@d",
        "commit 3f786850e387550fdab836ed7e6dc881de23001b",
        "signed off, sha256:" + hexes(64),
        "key: https://github.com/org/keyring/commit/" + hexes(40),
        "The token expires after an hour.",
        "task-force sk-learn and scikit-learn",
        "sk-a-very-long-css-class-name-for-buttons",
        "re_compile_the_pattern_once_and_keep_it",
        "from openai.auth import x509_workload_identity",
        '{"type": "object", "properties": {"password": {"type": "string"}}}',
        "| method | password | token |\n|---|---|---|\n| basic | yes | no |",
        "def login(name, password, token=None):\n    return name, password\n",
        "mailto:bob1@example.com",
        "the password for this exercise is 8-12 characters long",
        "connect('localhost', 'database')",
        "my zip code is 35350",
        "error code 4821",
        "recovery phrase: write down the words that you see on the screen and keep them in a safe place for later",
        "ratio 10:20:30:40:50",
        "2001:db8:85a3:8d3:1319",
        "docker run -p 8080:80 nginx",
        "mkdir -p build/output",
        "ssh -p 2222 host",
        "curl -u user https://api.example",
        "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABgQ" + chars(80),
    ],
)
def test_it_lets_talk_be(text: str) -> None:
    """Questions, declarations, calls, placeholders, public keys and hashes are no secrets."""
    assert types(text) == set()


@pytest.mark.parametrize(
    ("text", "secrets"),
    [
        ("password=hunter2, and pw: kl3tter", {"hunter2", "kl3tter"}),
        ('{"password": "two words", "token": "a1b2c3d4e5"}', {"two words", "a1b2c3d4e5"}),
        ("the password is hunter2.", {"hunter2"}),
        ("postgres://app:s3cr3t@db:5432/prod", {"s3cr3t"}),
        ("curl -u bob:kl3tter https://api.example", {"kl3tter"}),
        (f"first ghp_{RANDOM} then ghp_{RANDOM[::-1]}", {f"ghp_{RANDOM}", f"ghp_{RANDOM[::-1]}"}),
    ],
)
def test_it_says_where(text: str, secrets: set[str]) -> None:
    """Every secret, when all are asked for, without the words around it."""
    assert {text[span.start : span.end] for span in SECRETS.find(View(text), every=True)} == secrets


def test_a_private_key_is_found_to_its_end() -> None:
    """What is redacted is the body, and not just its first line."""
    body = "\n".join(chars(64) for _ in range(20))
    text = f"before -----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY----- after"
    (span,) = (span for span in SECRETS.find(View(text), every=True) if span.type == "PRIVATE_KEY")
    assert text[: span.start] == "before "
    assert text[span.end :] == " after"


def test_one_a_type_is_enough() -> None:
    """Unless every one is asked for."""
    assert len(list(SECRETS.find(View("password=hunter2 password=hunter3")))) == 1


def test_it_trusts_the_gate() -> None:
    """What the gate did not see is not looked for."""
    text = "ghp_" + RANDOM
    assert not list(SECRETS.find(View(text, hints=frozenset())))
    assert list(SECRETS.find(View(text, hints=frozenset({"secret_github"}))))
    assert "secret_github" in HINTS


@pytest.mark.parametrize(
    "text",
    [
        "eyJaaaaaaaaa." * 8_000,
        "password " * 10_000,
        "password=" * 11_000,
        "a://a:" * 15_000,
        "a1" * 50_000,
        "curl -u " * 12_000,
        "mysql " * 16_000,
        "Server=a;" * 11_000,
        "cookie: a=" * 10_000,
        "-----BEGIN PRIVATE KEY-----\n" * 3_500,
        "word " * 20_000,
        "MIIEpAIBAAKCAQEA " * 6_000,
        "a:1:" * 25_000,
        '"name": "password", ' * 5_000,
        "name,password\n" * 7_000,
        ",password," * 10_000,
    ],
)
def test_it_takes_linear_time(text: str) -> None:
    """No text of a hundred thousand characters takes long."""
    started = time.process_time()
    list(SECRETS.find(View(text), every=True))
    assert time.process_time() - started < 4
