"""Settings: arguments, then the environment, then a file; and errors that name the variable and quote no value."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from tidegate.errors import InvalidSettings
from tidegate.settings import Settings, load


def test_nothing_need_be_configured() -> None:
    """Without any setting there is a data folder of the checkout's, the default policy, and no URL."""
    settings = load()
    assert settings.data.name == ".tidegate"
    assert settings.policy_file == settings.home / "policies" / "default.yaml"
    assert (settings.broker_url, settings.store_url) == (None, None)
    assert settings.keys_folder == settings.data / "keys"
    assert settings.models_folder == settings.data / "models"


def test_the_environment_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every field is a variable with our prefix, in its own type."""
    monkeypatch.setenv("TIDEGATE_LEASE_S", "7.5")
    monkeypatch.setenv("TIDEGATE_MAX_CRASHES", "5")
    monkeypatch.setenv("TIDEGATE_POLICY", "/etc/policy.yaml")
    settings = load()
    assert (settings.lease_s, settings.max_crashes, settings.policy_file) == (7.5, 5, Path("/etc/policy.yaml"))


@pytest.mark.parametrize("named_by", ["environment", "argument"])
def test_the_nearer_source_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named_by: str) -> None:
    """An argument before the environment, the environment before the file, the file before the default."""
    file = tmp_path / "tidegate.toml"
    file.write_text("lease_s = 1.0\nnudge_s = 2.0\njanitor_period_s = 3.0\n")
    monkeypatch.setenv("TIDEGATE_LEASE_S", "10")
    monkeypatch.setenv("TIDEGATE_NUDGE_S", "20")
    if named_by == "environment":
        monkeypatch.setenv("TIDEGATE_CONFIG", str(file))
        settings = load(lease_s=100.0)
    else:
        settings = load(lease_s=100.0, config=file)
    assert (settings.lease_s, settings.nudge_s, settings.janitor_period_s) == (100.0, 20.0, 3.0)
    assert settings.detect_timeout_s == Settings.model_fields["detect_timeout_s"].default


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LEASE_S", "0"),
        ("LEASE_S", "soon-secret"),
        ("MAX_CRASHES", "0"),
        ("FLOWER_PORT", "65536"),
        ("LOG_LEVEL", "secretly"),
        ("MAX_JOB_BYTES", "999"),
        ("RESULT_KEEP_S", "59"),
        ("FLOWER_WRITABLE", "secretly"),
        ("FLOWER_USER", "sec:ret"),
    ],
)
def test_a_wrong_variable_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    """What cannot be meant is an error that names the variable, without what it holds."""
    monkeypatch.setenv(f"TIDEGATE_{name}", value)
    with pytest.raises(InvalidSettings, match=f"TIDEGATE_{name}: ") as caught:
        load()
    assert "secret" not in str(caught.value)


def test_every_wrong_variable_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two mistakes are told in one message."""
    monkeypatch.setenv("TIDEGATE_LEASE_S", "-1")
    monkeypatch.setenv("TIDEGATE_NUDGE_S", "x")
    with pytest.raises(InvalidSettings, match=r"TIDEGATE_NUDGE_S: .*") as caught:
        load()
    assert "TIDEGATE_LEASE_S: " in str(caught.value)


def test_a_name_that_is_no_setting_is_refused_in_a_file(tmp_path: Path) -> None:
    """A typing error in the file is an error, not a setting that silently does nothing."""
    file = tmp_path / "tidegate.toml"
    file.write_text('lease = "secret"\n')
    with pytest.raises(InvalidSettings, match="TIDEGATE_LEASE: ") as caught:
        load(config=file)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("content", [None, "lease_s = = secret", b"\xff\xfe"], ids=["missing", "no TOML", "no text"])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, content: str | bytes | None) -> None:
    """A configuration that is missing or broken is an error that names it; it is never passed over."""
    file = tmp_path / "tidegate.toml"
    if isinstance(content, str):
        file.write_text(content)
    elif content is not None:
        file.write_bytes(content)
    with pytest.raises(InvalidSettings, match=r"tidegate\.toml") as caught:
        load(config=file)
    assert "secret" not in str(caught.value)


def test_no_repr_shows_a_secret() -> None:
    """Passwords in URLs and keys stay out of a settings' repr."""
    settings = load(broker_url="redis://:hush@host/0", inside_key="a:hush", flower_password="hush")
    assert "hush" not in repr(settings)
    assert "hush" not in settings.model_dump_json()


def test_settings_are_frozen() -> None:
    """What a process was started with does not change under it."""
    with pytest.raises(ValidationError):
        load().lease_s = 1.0  # type: ignore[misc]


def test_a_variable_that_is_nearly_a_setting_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A slip of the pen must not leave a key unset; names that are nobody's business pass."""
    monkeypatch.setenv("TIDEGATE_SOMETHING_ELSE", "1")
    load()
    monkeypatch.setenv("TIDEGATE_OUTSIDE_KEYFILE", "/run/secrets/outside")
    with pytest.raises(InvalidSettings, match="did you mean TIDEGATE_OUTSIDE_KEY_FILE"):
        load()
