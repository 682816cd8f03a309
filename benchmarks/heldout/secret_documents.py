"""Documents with credentials, and documents that only look so: `text`, `types`, `template`."""

import base64
import json
from collections.abc import Iterator
from random import Random
from typing import Any

_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
_WORDS = "harbor copper willow falcon meadow lantern orbit pepper velvet anchor thistle quartz".split()

# `{k}` alphanumerics of a length: {k32}; `{x40}` hexadecimal; `{b64}` base64 of 48 bytes; `{pw}` a password.
_SECRETS = r"""
API_KEY|export STRIPE_KEY=sk_live_{k24}\n./deploy.sh\n\nWhy does it say permission denied?
API_KEY|aws_access_key_id = AKIA{u16}\naws_secret_access_key = {s40}\nregion = eu-west-1
API_KEY|curl -H "Authorization: Bearer {k40}" https://api.example.com/v1/items returns 403, why?
API_KEY|OPENAI_API_KEY="sk-proj-{k48}"
API_KEY|headers = {"X-Api-Key": "{k32}"}  # works in staging only
API_KEY|git remote set-url origin https://oauth2:glpat-{k20}@gitlab.example.com/a/b.git
API_KEY|slack_sdk.WebClient(token="xoxb-{n12}-{n12}-{k24}")
API_KEY|https://hooks.slack.com/services/T{u8}/B{u8}/{k24} - post a greeting with curl
API_KEY|npm config set //registry.npmjs.org/:_authToken npm_{k36}
API_KEY|hf_{k34} is my hub token, write the login line
API_KEY|SENDGRID=SG.{k22}.{k43}
API_KEY|{"type": "service_account", "private_key_id": "{x40}", "client_id": "{n21}"}
API_KEY|my github token ghp_{k36} stopped working since yesterday
API_KEY|DD_API_KEY: {x32}\nDD_SITE: datadoghq.eu
API_KEY|the bot token is {n10}:AA{k33} and the webhook is set
API_KEY|key for maps: AIza{k35}, restrict it to which referrers?
API_KEY|AZURE_STORAGE_KEY={b64}
PASSWORD|the admin password is {pw}, please write the handover note
PASSWORD|user: deploy / pass: {pw} / host: build-3. rewrite as a table
PASSWORD|ALTER USER reporting IDENTIFIED BY '{pw}';
PASSWORD|mysql -u root -p{pw} -h 10.3.0.7 shop < dump.sql - what does it do?
PASSWORD|db:\n  user: app\n  password: "{pw}"\n  pool: 5\nIs the pool size ok?
PASSWORD|curl -u svc-report:{pw} https://reports.example.com/daily
PASSWORD|<add key="SmtpPassword" value="{pw}" />
PASSWORD|sshpass -p '{pw}' ssh ops@bastion "uptime"
PASSWORD|wifi for guests: network Seagull, pw {pw} - make a sign
PASSWORD|machine ftp.example.com login mirror password {pw}
PASSWORD|$cred = ConvertTo-SecureString "{pw}" -AsPlainText -Force
PASSWORD|login with anna-test, kennwort {pw}
PASSWORD|os.environ["PGPASSWORD"] = "{pw}"
PASSWORD|reset done, your temporary password: {pw}. translate to spanish
CONNECTION_STRING|DATABASE_URL=postgres://app:{pw}@db-2.example.com:5432/shop
CONNECTION_STRING|mongodb+srv://svc:{pw}@cluster0.ab1cd.mongodb.net/test?retryWrites=true
CONNECTION_STRING|Server=tcp:sql1.example.com,1433;Database=crm;User ID=crm;Password={pw};Encrypt=True;
CONNECTION_STRING|amqp://worker:{pw}@rabbit:5672/%2f
CONNECTION_STRING|redis://:{pw}@cache.example.com:6380/0
CONNECTION_STRING|DefaultEndpointsProtocol=https;AccountName=tides;AccountKey={b64};EndpointSuffix=core.windows.net
JWT|token: eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.{jwt}.{k43} decode please
JWT|Cookie: session=eyJhbGciOiJSUzI1NiJ9.{jwt}.{k86}; theme=dark
PRIVATE_KEY|-----BEGIN RSA PRIVATE KEY-----\n{pem}\n-----END RSA PRIVATE KEY-----\nconvert to pkcs8
PRIVATE_KEY|-----BEGIN OPENSSH PRIVATE KEY-----\n{pem}\n-----END OPENSSH PRIVATE KEY-----
PRIVATE_KEY|tls.key: |\n  -----BEGIN PRIVATE KEY-----\n  {pem}\n  -----END PRIVATE KEY-----
PASSWORD|root:$6$Zk3p{k8}${k86}:19500:0:99999:7:::\nWhich hash is it?
PASSWORD|htpasswd says admin:$apr1${k8}${k22}, is that md5?
PASSWORD|otpauth://totp/tides:ops?secret={u32}&issuer=tides
"""

_LOOKALIKES = r"""
export STRIPE_KEY=sk_live_xxxxxxxxxxxxxxxxxxxxxxxx  # replace me
password: ********
API_KEY=<your-api-key>
DATABASE_URL=postgres://user:password@localhost:5432/dbname
token = os.getenv("TOKEN")
The password must have at least 12 characters, one digit and one symbol.
PASSWORD = "changeme" is the default in the docs. How do I force a change?
def set_password(self, password): self.password_hash = hash(password)
commit {x40}
sha256:{x64} is the digest of the image
ETag: "{x32}"
-----BEGIN PUBLIC KEY----- is the first line of which format?
integrity="sha384-{b64}"
id: 7f3c1f1e-6c0a-4e9b-9a53-8f0d5f4f2b11 is a v4 UUID?
secretKeyRef:\n  name: db\n  key: password
passwords should never be logged: write a lint rule
go.sum: golang.org/x/text v0.14.0 h1:{h44}
What entropy does a passphrase of six words have?
session = requests.Session(); session.headers["Authorization"] = f"Bearer {token}"
apiKey: ${{ secrets.API_KEY }}
"""


def secrets(seed: int, *, each: int = 6) -> Iterator[dict[str, Any]]:
    """Every line several times with other values; the lookalikes hold nothing."""
    for number, line in enumerate(_SECRETS.strip().split("\n")):
        kind, _, form = line.partition("|")
        for turn in range(each):
            text = _filled(Random(f"{seed} secret {number} {turn}"), form)
            yield {"text": text, "type": kind, "template": f"secret-{number}", "source": "secrets"}
    for number, form in enumerate(_LOOKALIKES.strip().split("\n")):
        for text in dict.fromkeys(_filled(Random(f"{seed} like {number} {turn}"), form) for turn in range(3)):
            yield {"text": text, "types": [], "template": f"like-{number}", "source": "clean lookalikes of secrets"}


def _filled(rng: Random, form: str) -> str:
    text = form.replace("\\n", "\n")
    makers = {
        "k": lambda size: _some(rng, _ALPHABET, size), "x": lambda size: _some(rng, "0123456789abcdef", size),
        "u": lambda size: _some(rng, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", size), "n": lambda size: _some(rng, "123456789", size),
        "s": lambda size: _some(rng, _ALPHABET + "/+", size), "h": lambda size: _some(rng, _ALPHABET + "/+", size - 1) + "=",
    }  # fmt: skip
    for key, make in makers.items():
        for size in (8, 10, 12, 16, 20, 21, 22, 24, 32, 33, 34, 35, 36, 40, 43, 44, 48, 64, 86):
            while f"{{{key}{size}}}" in text:
                text = text.replace(f"{{{key}{size}}}", make(size), 1)
    while "{b64}" in text:
        text = text.replace("{b64}", base64.b64encode(rng.randbytes(48 if "sha384" in text else 64)).decode(), 1)
    claims = base64.urlsafe_b64encode(json.dumps({"sub": str(rng.randint(10**6, 10**7)), "iat": 1715000000}).encode())
    pem = base64.b64encode(rng.randbytes(240)).decode()
    pem = "\n".join(pem[at : at + 64] for at in range(0, len(pem), 64))
    return text.replace("{jwt}", claims.decode().rstrip("=")).replace("{pem}", pem).replace("{pw}", _password(rng))


def _some(rng: Random, alphabet: str, size: int) -> str:
    return "".join(rng.choice(alphabet) for _ in range(size))


def _password(rng: Random) -> str:
    word = rng.choice(_WORDS)
    return rng.choice((
        f"{word.title()}{rng.randint(10, 9999)}!", f"{_some(rng, _ALPHABET, 12)}", f"{word}-{rng.choice(_WORDS)}-{rng.randint(1, 99)}",
        f"{_some(rng, _ALPHABET, 5)}#{_some(rng, _ALPHABET, 4)}", f"{word.replace('o', '0').replace('e', '3')}{rng.randint(100, 999)}",
    ))  # fmt: skip
