"""Keys whose issuers gave them a form of their own, by the issuers' documentation.

A key without one (Datadog's, PagerDuty's, Cohere's, …) is found by the name that it is assigned to, in `assigned.py`.
"""

from router.signals.sensitivity.secrets.form import Form, anything, form, token

WORD = "[A-Za-z0-9]"
NAME = r"[\w-]"
HEX = "[0-9a-f]"
UUID = rf"{HEX}{{8}}(?:-{HEX}{{4}}){{3}}-{HEX}{{12}}"

TOKENS: tuple[Form, ...] = (
    # Clouds.
    token("aws_id", "AKIA ASIA ABIA ACCA AGPA AIDA AROA AIPA ANPA ANVA", "[A-Z0-9]", 16, whole=True),
    token("alibaba", "LTAI", WORD, 12, whole=True),
    token("tencent", "AKID", WORD, 16, whole=True),
    token("google", "AIza ya29. GOCSPX- 1//0", NAME, 20),
    token("digitalocean", "dop_v1_ doo_v1_ dor_v1_", HEX, 30),
    token("cloudflare", "cfut_ cfat_ cfk_ v1.0-", NAME, 36, whole=True),
    token("heroku", "HRKU-", NAME, 20),
    token("databricks", "dapi dkea dsea", HEX, 32, whole=True),
    token("fly", "FlyV1 fm1r_ fm2_ fo1_", r"[\w+/=, -]", 24, whole=True),
    token("hosting", "nfp_ vcp_ rnd_ sbp_ sb_secret_ pscale_tkn_ pscale_pw_ pscale_oauth_ pul-", NAME, 20, whole=True),
    token("doppler", "dp.pt. dp.st. dp.sa. dp.ct. dp.scim. dp.audit.", r"[\w.-]", 20),
    token("vault", "hvs. hvb. hvr.", NAME, 20, whole=True),
    token("oracle_consul", "ocid1.credential. ops_eyJ", r"[\w.-]", 20),
    # Source, builds, packages.
    token("github", "ghp_ gho_ ghu_ ghs_ ghr_", WORD, 20),
    token("github_pat", "github_pat_", r"\w", 20),
    token("gitlab", "glpat- gldt- glrt- glcbt- glptt- glft- glsoat- glimt- glagent- glffct- GR1348941", r"[\w.-]", 16),
    token("atlassian", "ATATT3 ATCTT3 ATBB ATOA", r"[\w=-]", 24, whole=True),
    token("npm", "npm_", WORD, 30, whole=True),
    token("pypi", "pypi- pypi-AgE", NAME, 20),
    token("rubygems", "rubygems_ cio oy2", WORD, 32, whole=True),
    token("docker", "dckr_pat_ dckr_oat_ dckr_", NAME, 20),
    token("artifactory", "AKCp cmVmdGtuO", WORD, 40),
    token("builds", "CCIPAT_ CCIPRJ_ bkua_ sqp_ squ_ sqa_ dt0c01. pnu_ rdme_ ico-", r"[\w.-]", 24, whole=True),
    # Models.
    token("sk", "sk- pk-", NAME, 16, whole=True),
    token("huggingface", "hf_ api_org_ fw_ fpk_ secret_ re_", WORD, 20, whole=True),
    token(
        "models", "r8_ gsk_ pplx- xai- lsv2_pt_ lsv2_sk_ pcsk_ tgp_v1_ csk- nvapi- wandb_v1_ AQ.A", NAME, 24, whole=True
    ),
    # Money and shops.
    token("stripe", "sk_live_ sk_test_ pk_live_ pk_test_ rk_live_ rk_test_", WORD, 10),
    token("stripe_hook", "whsec_", "[A-Za-z0-9+/=]", 20),
    token("square", "sq0atp- sq0csp- sq0idp- EAAAE EAAAl", NAME, 20, whole=True),
    token("shopify", "shpat_ shpca_ shppa_ shpss_ shpua_", NAME, 16),
    token(
        "payments",
        "rzp_live_ rzp_test_ access_token$ FLWSECK FLWSECK_TEST- EZAK EZTK shippo_live_ shippo_test_",
        r"[\w$-]",
        14,
    ),
    # Messages and mail.
    token("slack", "xoxa- xoxb- xoxc- xoxd- xoxe- xoxe. xoxo- xoxp- xoxr- xoxs- xapp-", r"[\w.%-]", 10),
    token("mailgun", "key- pubkey-", HEX, 32, whole=True),
    token("mail", "xkeysib- xsmtpsib- md-", NAME, 30, whole=True),
    token("twilio", "SK AC AP SB", HEX, 32, whole=True),
    # Observation and work.
    token("newrelic", "NRAK- NRII- NRJS- NRRA- NRIQ-", NAME, 16),
    token("sentry", "sntrys_ sntryu_ sntrya_ sntryi_", r"[\w=+/-]", 30),
    token("grafana", "glsa_ glc_ eyJrIjoi", r"[\w=+/]", 20, whole=True),
    token("postman", "PMAK- PMAT-", NAME, 24),
    token(
        "work",
        "lin_api_ lin_oauth_ figd_ ntn_ pat-na1- pat-eu1- phc_ phx_ sgp_ tfp_ CFPAT- duffel_live_",
        NAME,
        30,
        whole=True,
    ),
    token("social", "EAACEdEose0cBA AAAAAAAAAAAAAAAAAAAAA", "[A-Za-z0-9%]", 24),
    token("mapbox", "sk.eyJ pk.eyJ tk.eyJ", r"[\w.-]", 20, whole=True),
)
"""An opening and a tail."""

SHAPES: tuple[Form, ...] = (
    form(
        "API_KEY", "sendgrid", ("SG.",), r"(?<!\w)SG\.[\w-]{16,32}\.[\w-]{16,80}", hint=r"SG\.[\w-]{16,32}\.[\w-]{16}"
    ),
    form(
        "API_KEY",
        "slack_hook",
        ("hooks.slack.com",),
        r"hooks\.slack\.com/(?:services|workflows|triggers)/[\w/]{20,120}",
    ),
    form(
        "API_KEY",
        "chat_hook",
        ("api/webhooks/", "webhookb2/", "/hooks/catch/", "chat.googleapis.com/v1/spaces", "logic.azure.com"),
        r"(?:discord(?:app)?\.com/api/webhooks/\d{10,22}/|webhookb2/|hooks\.zapier\.com/hooks/catch/"
        r"|chat\.googleapis\.com/v1/spaces/|logic\.azure\.com)[\w@/.:?&=%-]{8,255}",
    ),
    form(
        "API_KEY",
        "discord",
        (".",),
        r"(?<![\w.-])[MNO][\w-]{23,27}\.[\w-]{6}\.[\w-]{27,40}(?![\w.-])",
        hint=r"[MNO][\w-]{23}[\w-]{0,4}\.[\w-]{6}\.[\w-]{27}",
    ),
    form("API_KEY", "telegram", (":A",), r"(?<!\d)\d{8,10}:A[A-Z][\w-]{31,34}", hint=r"\d{8}:A[A-Z][\w-]{31}"),
    form("API_KEY", "terraform", (".atlasv1.",), r"[A-Za-z0-9]{14}\.atlasv1\.[\w-]{40,100}"),
    form(
        "API_KEY",
        "airtable",
        ("pat",),
        r"(?<!\w)pat[A-Za-z0-9]{14}\.[0-9a-f]{64}",
        hint=r"pat[A-Za-z0-9]{14}\.[0-9a-f]{64}",
    ),
    form("API_KEY", "mailchimp", ("-us",), r"(?<!\w)[0-9a-f]{32}-us\d{1,2}(?!\d)", hint=r"[0-9a-f]{32}-us\d"),
    form(
        "API_KEY",
        "mailgun_new",
        ("-",),
        r"(?<![\w-])[0-9a-f]{32}-[0-9a-f]{8}-[0-9a-f]{8}(?![\w-])",
        hint=r"[0-9a-f]{32}-[0-9a-f]{8}-[0-9a-f]{8}",
    ),
    form("API_KEY", "newrelic_licence", ("NRAL",), r"[0-9a-fx]{34,36}NRAL"),
    form("API_KEY", "azure_client", ("Q~",), r"[\w.~-]{3}\dQ~[\w.~-]{31,40}"),
    form(
        "API_KEY",
        "azure_devops",
        ("AZDO", "JQQJ99"),
        r"[A-Za-z0-9]{32,76}(?:AZDO|JQQJ99)[A-Za-z0-9]{4,44}",
        hint=r"[A-Za-z0-9]{32}(?:AZDO|JQQJ99)|[A-Za-z0-9]{33,76}(?:AZDO|JQQJ99)",
    ),
    form(
        "API_KEY",
        "azure_shared",
        ("AccountKey=", "SharedAccess", "sig="),
        r"(?:AccountKey|SharedAccessKey|SharedAccessSignature|\bsig)=(?P<value>[\w%+/=-]{20,255})",
        hint=r"(?:AccountKey|SharedAccessKey|SharedAccessSignature|sig)=[\w%+/=-]{20}",
    ),
    form("API_KEY", "sentry_dsn", ("://",), rf"https?://{HEX}{{32}}(?::{HEX}{{32}})?@[\w.-]{{3,80}}/\d{{1,20}}"),
    form("API_KEY", "google_account", ("private_key_id",), rf"private_key_id\W{{1,8}}(?P<value>{HEX}{{40}})"),
    form("API_KEY", "plaid", ("access-",), rf"access-(?:sandbox|development|production)-{UUID}"),
    form(
        "API_KEY",
        "heroku_uuid",
        ("eroku", "EROKU"),
        rf"(?:heroku|HEROKU|Heroku)[^\n]{{0,40}}?(?P<value>(?i:{UUID}))",
        hint=r"(?i)heroku[^\n]{0,40}[0-9a-f]{8}-[0-9a-f]{4}-",
    ),
    form("API_KEY", "firebase", (":APA91b",), r"[\w-]{11,22}:APA91b[\w-]{60,200}", hint=r":APA91b[\w-]{60}"),
    form(
        "API_KEY",
        "asana",
        ("/",),
        rf"(?<!\d)[012]/\d{{16}}(?:/\d{{16}})?:{HEX}{{32}}",
        hint=rf"[012]/\d{{16}}(?:/\d{{16}})?:{HEX}{{32}}",
    ),
    form("API_KEY", "okta", ("SSWS ",), r"SSWS (?P<value>[\w-]{30,60})"),
    form("API_KEY", "facebook", ("EAA",), r"(?<!\w)EAA[A-Za-z0-9]{80,255}", hint=r"EAA[A-Za-z0-9]{80}"),
    form(
        "API_KEY",
        "bearer",
        ("earer ", "EARER ", "asic ", "BASIC ", "oken "),
        r"\b(?:[Bb]earer|BEARER|[Bb]asic|BASIC"
        r"|[Tt]oken) (?:token=)?[\"']?(?P<value>(?=[\w.+/=~-]{0,80}\d)[\w.+/=~-]{16,2000})",
        hint=r"(?:[Bb]earer|BEARER|[Bb]asic|BASIC|[Tt]oken) (?:token=)?[\"']?[\w.+/=~-]{16}",
    ),
    form(
        "API_KEY",
        "basic",
        ("asic ",),
        r"\bAuthorization[\"']?: ?[\"']?[Bb]asic (?P<value>[A-Za-z0-9+/]{8,400}={0,2})",
        hint=r"Authorization[\"']?: ?[\"']?[Bb]asic [A-Za-z0-9+/]{8}",
    ),
    form(
        "JWT",
        "jwt",
        ("eyJ",),
        r"eyJ[\w-]{8,4000}\.eyJ[\w-]{4,4000}(?:\.[\w-]{0,4000})?"
        r"|eyJ[\w-]{8,4000}\.[\w-]{0,2000}(?:\.[\w-]{8,4000}){2,3}",
        hint=r"eyJ[\w-]{8,255}",
        check=anything,
    ),
)
"""A shape of several parts."""

ISSUERS = (*TOKENS, *SHAPES)
