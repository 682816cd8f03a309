"""What the doctor and `tidegate models show` say of local models: what they are, and whether they fit."""

import json
from pathlib import Path
from typing import Any

import pytest
from tiny_models import bert
from typer.testing import CliRunner

from tidegate.cli.doctor import Finding
from tidegate.cli.main import app
from tidegate.settings import Settings, load
from workers import checkup
from workers.local import memory


def settings_of(folder: Path, **lanes: dict[str, Any]) -> Settings:
    """Settings with a policy of these local lanes."""
    usual = {"zone": "inside", "backend": "llama_cpp", "model": "tidegate-tiny", "context_tokens": 256}
    policy = folder / "policy.yaml"
    policy.write_text(json.dumps({"lanes": {name: {**usual, **lane} for name, lane in lanes.items()}}))
    return load(policy=policy)


def found(settings: Settings) -> dict[str, Finding]:
    """The findings by what was checked."""
    return {finding.check: finding for finding in checkup._models(settings)}


def test_each_lane_says_what_its_model_is_and_what_it_needs(tmp_path: Path) -> None:
    """Architecture, quantisation, context and template from the file; the sum of all lanes against what is free."""
    encoder = bert(tmp_path / "bert.gguf")
    findings = found(
        settings_of(
            tmp_path, chat={}, vectors={"model": str(encoder), "capabilities": ["embeddings"]}, none={"model": "x"}
        )
    )
    assert "llama, Q8_0, context 256, template; needs about" in findings["model of chat"].detail
    assert "bert, context 64; needs about" in findings["model of vectors"].detail
    assert [findings[f"model of {name}"].ok for name in ("chat", "vectors", "none")] == [True, True, False]
    assert findings["memory of the lanes"].ok
    assert "0.31 GB needed" in findings["memory of the lanes"].detail


def test_a_model_without_a_template_is_none_for_a_lane_that_writes(tmp_path: Path) -> None:
    """It would be refused with the first job; the doctor says so before."""
    finding = found(settings_of(tmp_path, chat={"model": str(bert(tmp_path / "bert.gguf"))}))["model of chat"]
    assert finding.ok is False
    assert "no chat template" in finding.detail


def test_lanes_that_do_not_fit_together_are_told_before_anything_is_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each would fit alone; a worker that serves both has too little."""
    monkeypatch.setattr(memory, "available_bytes", lambda: 200_000_000)
    monkeypatch.setattr(checkup, "_held_by_engines", lambda: 0)
    assert found(settings_of(tmp_path, one={}))["memory of the lanes"].ok
    finding = found(settings_of(tmp_path, one={}, two={}))["memory of the lanes"]
    assert finding.ok is False
    assert "0.20 GB free; what helps: a smaller model" in finding.detail


def test_a_models_own_words_are_shown(tmp_path: Path) -> None:
    """By name or by path; as a table or as JSON; what is no model is an error that says so."""
    shown = CliRunner().invoke(app, ["models", "show", str(bert(tmp_path / "bert.gguf")), "--json"])
    facts = json.loads(shown.stdout)
    assert {facts[name] for name in ("architecture", "pooling", "chat_template")} == {"bert", "cls", "no"}
    assert "architecture" in CliRunner().invoke(app, ["models", "show", "tidegate-tiny"]).stdout
    (tmp_path / "text.gguf").write_text("text")
    assert CliRunner().invoke(app, ["models", "show", str(tmp_path / "text.gguf")]).exit_code != 0
