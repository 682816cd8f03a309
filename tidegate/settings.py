"""Settings of a process: environment first, then a file, then what suits one machine with nothing configured.

`TIDEGATE_CONFIG` may name a TOML file with the same names in lower case. Secrets come from the environment or from
files of mode 600, never from arguments.
"""

import difflib
import os
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from tidegate.errors import InvalidSettings
from tidegate.value import dotted


class Settings(BaseSettings):
    """What a process needs to know before it starts. Every field is `TIDEGATE_<NAME>` in the environment."""

    model_config = SettingsConfigDict(env_prefix="TIDEGATE_", extra="forbid", frozen=True, hide_input_in_errors=True)

    config: Path | None = Field(default=None, description="A TOML file with settings.")
    home: Path = Field(
        default_factory=lambda: Path(__file__).resolve().parent.parent,
        description="The checkout: where policies and models lie.",
    )
    data: Path = Field(
        default_factory=lambda: Path(os.environ.get("TIDEGATE_HOME", ".")) / ".tidegate",
        description="The folder for keys, the embedded store and logs: .tidegate in the checkout, or here.",
    )
    policy: Path | None = Field(default=None, description="The policy file; policies/default.yaml where not given.")
    environment: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}$",
        description="The installation's name, such as `production`: policies may be for some of them.",
    )
    models: Path | None = Field(default=None, description="The folder of pulled models; models/ in the data folder.")
    provider_keys: Path | None = Field(
        default=None, description="The folder of provider keys, `ENVIRONMENT/NAME`; providers/ in the data folder."
    )
    provider_register: Path | None = Field(
        default=None, description="Which provider key is whose; `register` in that folder. May be shared."
    )

    broker_url_file: Path | None = Field(default=None, description="A file with the URL in it.")
    broker_url: SecretStr | None = Field(
        default=None, validate_default=True, description="Celery's broker; embedded where not given."
    )
    store_url_file: Path | None = Field(default=None, description="A file with the URL in it.")
    store_url: SecretStr | None = Field(
        default=None, validate_default=True, description="The Redis of ledger and vault; the broker's database 1."
    )
    tls_ca_file: Path | None = Field(
        default=None, description="For rediss:// and amqps://: the authority that signed the servers' certificates."
    )
    tls_cert_file: Path | None = Field(default=None, description="Our own certificate, where the servers ask for one.")
    tls_key_file: Path | None = Field(default=None, description="Its key.")
    broker_declare: bool = Field(
        default=True,
        description="Declare queues before sending to them; who reads one always does. `false` where the user may not.",
    )
    intake_queues: str | None = Field(default=None, description="Queues that the router reads, comma-separated.")

    inside_key: SecretStr | None = Field(default=None, description="Keyring of the inside zone: `id:base64,…`.")
    inside_key_file: Path | None = Field(default=None, description="The same in a file, one key a line.")
    outside_key: SecretStr | None = Field(default=None, description="Keyring of the outside zone.")
    outside_key_file: Path | None = Field(default=None, description="The same in a file.")
    clearance_key: SecretStr | None = Field(default=None, description="The router's signing key (Ed25519, base64).")
    clearance_key_file: Path | None = Field(default=None, description="The same in a file.")
    clearance_pub: SecretStr | None = Field(
        default=None, description="The public half, for workers outside and routers."
    )
    clearance_pub_file: Path | None = Field(default=None, description="The same in a file.")

    audit_key: SecretStr | None = Field(default=None, description="The audit log's signing key, for the janitor.")
    audit_key_file: Path | None = Field(default=None, description="The same in a file.")
    audit_pub: SecretStr | None = Field(default=None, description="Its public half, to verify the log.")
    audit_pub_file: Path | None = Field(default=None, description="The same in a file.")
    audit: Path | None = Field(default=None, description="The audit log's folder; audit/ in the data folder.")

    lease_s: float = Field(default=15.0, gt=0, description="How long a run may be silent before another may take it.")
    nudge_s: float = Field(default=10.0, gt=0, description="When a wake-up that nobody followed is sent again.")
    janitor_period_s: float = Field(default=1.0, gt=0, description="How often the janitor looks at the agenda.")
    max_crashes: int = Field(
        default=2, ge=1, description="Runs that may die alone in their process before it is poison."
    )
    detect_timeout_s: float = Field(
        default=5.0, gt=0, description="Time for the detectors; past it a job is `unknown`."
    )
    detectors_extra: str = Field(
        default="",
        description="Models that look as well, `spacy:NAME`, `gliner:NAME`, `stanza:LANGUAGE` or `transformers:NAME`, "
        "commas between.",
    )
    result_keep_s: int = Field(default=86_400, ge=60, description="How long results can be read.")
    dead_keep_s: int = Field(default=14 * 86_400, ge=60, description="How long dead letters can be redriven.")
    auto_redrive: str = Field(
        default="",
        description="Reasons, commas between, whose dead letters the janitor redrives once their cause is over.",
    )
    auto_redrive_most: int = Field(
        default=1, ge=1, description="Letters that were redriven so often, by whom ever, are left to people."
    )
    auto_redrive_per_s: float = Field(default=5.0, gt=0, description="How many such letters a second, at most.")
    decisions_keep_s: int = Field(
        default=7 * 86_400, ge=0, description="How long decisions stay recorded, for replay; 0 records none."
    )
    decisions_max: int = Field(default=50_000, ge=1, description="How many recorded decisions are kept at most.")
    conversation_keep_s: int = Field(
        default=30 * 86_400, ge=60, description="How long a conversation stays sensitive after its last job."
    )
    overflow_dwell_s: float = Field(
        default=10.0,
        ge=0,
        description="A rule leaves overflow when for so long no job had to go out; with 0 its `until` means nothing.",
    )
    max_job_bytes: int = Field(default=4_000_000, ge=1_000, description="The largest job that is accepted.")
    store_timeout_s: float = Field(default=5.0, gt=0, description="Time for one answer of the store.")
    store_fsync: Literal["always", "everysec"] = Field(
        default="always",
        description="When the embedded store flushes: `always` before each answer, or `everysec`, which may lose the "
        "last second when the machine (not just the process) stops.",
    )
    store_max_bytes: int | None = Field(
        default=None,
        ge=4_000_000,
        description="Memory of the embedded store; half of the machine's (or the container's) where not given.",
    )
    store_headroom: float = Field(
        default=0.2, ge=0.0, le=0.9, description="The part of the store's memory that no new job may take."
    )
    max_open: int = Field(default=500_000, ge=1, description="Jobs that may be open at a time; more are refused.")
    max_open_per_tenant: int = Field(default=250_000, ge=1, description="The same for one tenant.")
    tenant_weights: str = Field(
        default="",
        description="Turns in line of tenants that have more than one, or fewer: `shop=3,lab=0.5`. For the janitor.",
    )
    max_wait_s: float = Field(
        default=21_600.0, gt=0, description="New jobs are refused while the oldest waiting one is older."
    )

    store_replicas: int = Field(
        default=0, ge=0, description="How many replicas of the store must have a job before it counts as accepted."
    )

    openai_base_url: str | None = Field(default=None, description="Where lanes without a base_url call.")
    anthropic_base_url: str | None = Field(default=None, description="The same for `anthropic` lanes.")
    flower_host: str = Field(default="127.0.0.1", description="The address that Flower listens on.")
    flower_port: int = Field(default=5555, ge=0, le=65535, description="Its port; 0 takes a free one in `up`.")
    flower_user: str = Field(default="tidegate", pattern=r"^[^:]+$", description="Who may look.")
    flower_password_file: Path | None = Field(default=None, description="A file with the password in it.")
    flower_password: SecretStr | None = Field(
        default=None, validate_default=True, description="Made and kept in the data folder where not given."
    )
    flower_writable: bool = Field(default=False, description="Let Flower control workers.")
    log_level: str = Field(default="INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$", description="DEBUG to ERROR.")

    @field_validator("broker_url", "store_url", "flower_password")
    @classmethod
    def _or_from_file(cls, value: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        """What the file beside it holds, where one is named."""
        file = info.data.get(f"{info.field_name}_file")
        if file is None:
            return value
        if value is not None:
            raise ValueError("its _FILE is set too: give one")
        try:
            text = file.read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError) as exc:
            raise ValueError(f"{file} cannot be read ({type(exc).__name__})") from None
        if not text:
            raise ValueError(f"{file} is empty")
        return SecretStr(text)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - pydantic's signature
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - pydantic's signature
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments, then the environment, then the file that either of them names."""
        named = init_settings().get("config") or env_settings().get("config")
        file = (TomlConfigSettingsSource(settings_cls, toml_file=Path(named)),) if named else ()
        return (init_settings, env_settings, *file)

    @cached_property
    def policy_file(self) -> Path:
        """The policy that the router reads and whose lanes the workers serve."""
        return self.policy or self.home / "policies" / "default.yaml"

    @cached_property
    def models_folder(self) -> Path:
        """Where pulled models lie; the shipped one lies in the checkout."""
        return self.models or self.data / "models"

    @cached_property
    def provider_keys_folder(self) -> Path:
        """Where provider keys lie, by environment."""
        return self.provider_keys or self.data / "providers"

    @cached_property
    def audit_folder(self) -> Path:
        """Where the keeper writes."""
        return self.audit or self.data / "audit"

    @cached_property
    def keys_folder(self) -> Path:
        """Where keys lie that were made on first use."""
        return self.data / "keys"


def load(**given: Any) -> Settings:
    """Read the settings. Raises InvalidSettings that names each variable."""
    _refuse_misspelt(os.environ)
    config = given.get("config") or os.environ.get("TIDEGATE_CONFIG")
    if config and not Path(config).is_file():
        raise InvalidSettings(f"TIDEGATE_CONFIG: no file {config}")
    try:
        return Settings(**given)
    except ValidationError as exc:
        wrong = [f"TIDEGATE_{dotted(item['loc']).upper()}: {item['msg']}" for item in exc.errors(include_input=False)]
        raise InvalidSettings("; ".join(wrong)) from None
    except ValueError as exc:
        raise InvalidSettings(f"{config}: {exc}") from None


_NEARLY = 0.9
"""How alike two names must be for a slip of the pen: a letter or an underscore, not another word."""


def _refuse_misspelt(environ: Mapping[str, str]) -> None:
    """A variable that is nearly a setting would leave that setting unset, a key for example, and nobody would know."""
    known = {f"TIDEGATE_{name.upper()}" for name in Settings.model_fields}
    for name in sorted(environ.keys() - known):
        near = difflib.get_close_matches(name, known, n=1, cutoff=_NEARLY) if name.startswith("TIDEGATE_") else []
        if near:
            raise InvalidSettings(f"{name} is not a setting; did you mean {near[0]}?")
