"""Which models are known, and what the commands say about them."""

import json
import sys
from importlib import import_module
from pathlib import Path

import pytest

from tidegate.errors import InvalidDocument, MissingExtra, ModelMissing
from tidegate.settings import Settings, load
from workers.models import catalogue, checksum
from workers.models.catalogue import Pulled

SHA256 = "a" * 64
SHIPPED = f"""\
models:
  - name: small
    file: small/small.gguf
    sha256: {SHA256}
    size_bytes: 1000
    context_tokens: 512
    licence: Apache-2.0
    description: A small one.
"""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A checkout that ships one model, whose file was lost."""
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "catalogue.yaml").write_text(SHIPPED)
    return load(home=tmp_path, models=tmp_path / "pulled")


def put_manifest(settings: Settings, text: str | None = None) -> Path:
    """A pulled model's manifest in its place."""
    settings.models_folder.mkdir(exist_ok=True)
    pulled = Pulled(
        name="mine", file="mine.gguf", repo="acme/x", repo_file="x.gguf", revision="c" * 40, sha256=SHA256, size_bytes=9
    )
    path = settings.models_folder / "mine.gguf.json"
    path.write_text(pulled.to_json() if text is None else text)
    return path


def test_shipped_and_pulled_models_are_known(settings: Settings) -> None:
    """In this order, each with where it lies; a file that is not there is not present."""
    put_manifest(settings)
    small, mine = catalogue.known(settings)
    assert (small.name, small.origin, small.present, small.path) == (
        "small",
        "shipped",
        False,
        settings.home / "models/small/small.gguf",
    )
    assert (mine.name, mine.origin, mine.path) == ("mine", "pulled", settings.models_folder / "mine.gguf")


def test_a_checkout_without_a_catalogue_ships_nothing(tmp_path: Path) -> None:
    """No file is no model, and no error."""
    assert catalogue.known(load(home=tmp_path, models=tmp_path)) == ()


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (SHIPPED.replace("sha256: a", "sha256: z"), "catalogue.yaml:4:"),
        (SHIPPED.replace("small/small.gguf", "../../etc/passwd"), "catalogue.yaml:3:"),
        (SHIPPED.replace("licence", "license"), "unknown field"),
    ],
)
def test_a_broken_catalogue_is_told_with_its_place(settings: Settings, wrong: str, words: str) -> None:
    """File, line, and what is wrong; a path that leaves the folder is wrong."""
    (settings.home / "models" / "catalogue.yaml").write_text(wrong)
    with pytest.raises(InvalidDocument, match=words):
        catalogue.known(settings)


@pytest.mark.parametrize("text", ["", "{}", '{"v": 1, "name": "../x"}'])
def test_a_broken_manifest_is_told_with_its_name(settings: Settings, text: str) -> None:
    """A manifest that was cut or tampered with names itself and the way out."""
    put_manifest(settings, text)
    with pytest.raises(ModelMissing, match=r"mine\.gguf\.json"):
        catalogue.known(settings)


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ("small", "restore it with git"),
        ("mine", "tidegate models pull acme/x"),
        ("unheard-of", r"known: small, mine\. Get one with `tidegate models pull"),
        ("/nowhere/x.gguf", "no file /nowhere/x.gguf"),
    ],
)
def test_a_missing_model_says_what_to_do(settings: Settings, model: str, words: str) -> None:
    """Each way to be missing has its own way out."""
    put_manifest(settings)
    with pytest.raises(ModelMissing, match=words):
        catalogue.find(model, settings)


def test_a_checksum_is_counted_again_after_a_change(tmp_path: Path) -> None:
    """An unchanged file is read once; a changed one is read again."""
    path, reads = tmp_path / "file", []
    path.write_bytes(b"one")
    one = checksum.sha256(path)
    for _ in range(2):
        assert checksum.matches(path, one.upper(), each_chunk=lambda: reads.append(1))
    assert reads == [1]
    path.write_bytes(b"other")
    assert not checksum.matches(path, one, each_chunk=lambda: reads.append(1))
    assert reads == [1, 1]
    assert checksum.matches(path, None)


def test_every_entry_of_the_catalogue_is_whole() -> None:
    """What this checkout ships is here, of the stated size, and the very file."""
    shipped = [model for model in catalogue.known(load()) if model.origin == "shipped"]
    assert shipped
    for model in shipped:
        assert model.path.stat().st_size == model.size_bytes
        assert checksum.sha256(model.path) == model.sha256
        assert catalogue.head_of(model).context_tokens == model.context_tokens


def test_pulling_without_its_extra_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Listing and verifying need nothing; pulling needs the hub's library."""
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    monkeypatch.delitem(sys.modules, "workers.models.hub", raising=False)
    with pytest.raises(MissingExtra, match=r"tidegate\[models\]"):
        import_module("workers.models.hub")


def test_the_list_is_json_for_programs(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One object a line, with the full path."""
    from tidegate.cli.main import app  # noqa: PLC0415 - the command brings every part along

    monkeypatch.setenv("TIDEGATE_HOME", str(settings.home))
    app(["models", "list", "--json"], standalone_mode=False)
    entry = json.loads(capsys.readouterr().out)
    assert (entry["name"], entry["present"]) == ("small", False)
    assert entry["path"] == str(settings.home / "models" / "small" / "small.gguf")
