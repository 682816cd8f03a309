"""Providers' keys: where they lie, which files are taken, whose they are, and that nothing quotes one."""

import os
import re
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from tidegate.cli.main import app
from tidegate.errors import InvalidSettings, Misuse
from tidegate.lane import Lane, Zone
from tidegate.providerkeys import desk, places, register, secretfile
from tidegate.providerkeys.register import Entry
from tidegate.settings import Settings, load

KEY, OTHER = "sk-canary-0123456789abcdef", "sk-another-0123456789abcde"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A fresh data folder, no variable, and an environment."""
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("OPENAI_API_KEY_FILE", raising=False)
    return load(data=tmp_path / "data", environment="staging")


def lane(name: str = "far", **given: object) -> Lane:
    """A lane outside."""
    fixed = {"name": name, "zone": Zone.OUTSIDE, "backend": "openai", "model": "m", "context_tokens": 1000}
    return Lane.model_validate({**fixed, **given})


def type_(*words: str, stdin: str = "", data: Path, environment: str = "staging") -> tuple[int, str]:
    """What a command said, and its exit code; an error of ours is told by its message."""
    env = {"TIDEGATE_DATA": str(data), "TIDEGATE_ENVIRONMENT": environment, "COLUMNS": "200"}
    found = CliRunner().invoke(app, ["keys", "provider", *words], input=stdin, env=env)
    return getattr(found.exception, "exit_code", found.exit_code), f"{found.output}{found.exception or ''}"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, ("OPENAI_API_KEY",)),
        ({"key_env": "MY_KEY"}, ("MY_KEY",)),
        ({"zone": Zone.INSIDE, "base_url": "http://127.0.0.1:1"}, ()),
        ({"zone": Zone.INSIDE, "base_url": "http://127.0.0.1:1", "key_env": "OWN"}, ("OWN",)),
        ({"backend": "noop"}, ()),
        ({"deployments": [{"name": "a", "key_env": "A_KEY"}, {"name": "b"}]}, ("A_KEY", "OPENAI_API_KEY")),
    ],
)
def test_a_lane_names_its_keys(given: dict[str, object], expected: tuple[str, ...]) -> None:
    """Each deployment's own, the lane's, or the backend's usual one; an own server without a name wants none."""
    assert places.names_of([lane(**given)]) == expected


def test_a_variable_comes_before_a_named_file_before_the_folder(
    home: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The nearest wins; a blank variable is none."""
    desk.put(home, "OPENAI_API_KEY", KEY)
    assert places.place_of("OPENAI_API_KEY", home).path == home.data / "providers" / "staging" / "OPENAI_API_KEY"
    monkeypatch.setenv("OPENAI_API_KEY_FILE", "/run/secrets/key")
    assert places.place_of("OPENAI_API_KEY", home).path == Path("/run/secrets/key")
    monkeypatch.setenv("OPENAI_API_KEY", OTHER)
    assert places.place_of("OPENAI_API_KEY", home).read() == OTHER
    monkeypatch.setenv("OPENAI_API_KEY", " \n")
    assert places.place_of("OPENAI_API_KEY", home).path == Path("/run/secrets/key")


def test_a_key_is_kept_privately_and_whole(home: Settings) -> None:
    """Mode 600 in folders of mode 700, also over a file that was open to others; no draft is left."""
    path, fingerprint = desk.put(home, "OPENAI_API_KEY", KEY)
    path.chmod(0o644)
    assert desk.put(home, "OPENAI_API_KEY", KEY) == (path, fingerprint)
    assert [stat.S_IMODE(one.stat().st_mode) for one in (path, path.parent, path.parent.parent)] == [
        0o600,
        0o700,
        0o700,
    ]
    assert path.read_text() == KEY + "\n"
    assert [one.name for one in path.parent.iterdir()] == ["OPENAI_API_KEY"]
    assert KEY not in register.path_of(home).read_text()


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o601])
def test_a_file_that_others_may_read_is_refused(home: Settings, mode: int) -> None:
    """It says what to do, and not what is in it."""
    path, _ = desk.put(home, "OPENAI_API_KEY", KEY)
    path.chmod(mode)
    with pytest.raises(InvalidSettings, match="chmod 600") as caught:
        places.place_of("OPENAI_API_KEY", home).read()
    assert KEY not in str(caught.value)


def test_a_file_of_somebody_else_is_refused(home: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who owns the file can put any key there; root, and whoever owns the folder, can anyway."""
    path, _ = desk.put(home, "OPENAI_API_KEY", KEY)
    us = os.geteuid()
    monkeypatch.setattr("tidegate.providerkeys.secretfile.os.geteuid", lambda: us + 1)
    assert places.place_of("OPENAI_API_KEY", home).read() == KEY
    if us == 0:
        os.chown(path, 4242, 4242)
        with pytest.raises(InvalidSettings, match="belongs to user 4242"):
            places.place_of("OPENAI_API_KEY", home).read()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can lend a file")
def test_a_file_that_root_lends_to_one_of_our_groups_is_taken(home: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """As Kubernetes mounts a secret with an fsGroup: root's, mode 440. Not where everybody may read it."""
    path, _ = desk.put(home, "OPENAI_API_KEY", KEY)
    path.chmod(0o440)
    os.chown(path, 0, 4242)
    monkeypatch.setattr("tidegate.providerkeys.secretfile.os.geteuid", lambda: 1000)
    for groups, modes in {(4242,): {0o440: True, 0o444: False, 0o460: False}, (4243,): {0o440: False}}.items():
        monkeypatch.setattr("tidegate.providerkeys.secretfile.os.getgroups", lambda groups=groups: groups)
        for mode, taken in modes.items():
            path.chmod(mode)
            assert _is_taken(path) is taken, (groups, oct(mode))


def _is_taken(path: Path) -> bool:
    try:
        return secretfile.read(path, strict=True) == KEY
    except InvalidSettings:
        return False


def test_links_as_kubernetes_makes_them_are_followed(home: Settings) -> None:
    """NAME -> ..data/NAME, ..data -> ..2026: swapped as one, the next look finds the new key."""
    folder = places.folder(home)
    for version, key in (("..1", KEY), ("..2", OTHER)):
        (folder / version).mkdir(parents=True, exist_ok=True)
        (folder / version / "OPENAI_API_KEY").write_text(key)
        (folder / version / "OPENAI_API_KEY").chmod(0o600)
    (folder / "..data").symlink_to("..1")
    (folder / "OPENAI_API_KEY").symlink_to("..data/OPENAI_API_KEY")
    place = places.place_of("OPENAI_API_KEY", home)
    assert place.read() == KEY
    (folder / "..new").symlink_to("..2")
    (folder / "..new").replace(folder / "..data")
    assert place.read() == OTHER


def _pipe(path: Path) -> None:
    os.mkfifo(path, 0o600)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda path: path.write_text(""), "is empty"),
        (lambda path: path.write_text(" \n\n"), "is empty"),
        (lambda path: path.write_text("two\nlines"), "one line"),
        (lambda path: path.write_text("sk-with space"), "one line"),
        (lambda path: path.write_bytes(b"\xff\xfe\x00k"), "one line"),
        (lambda path: path.write_text("k" * 20_000), "one line"),
        (lambda path: path.mkdir(), "no file"),
        (_pipe, "no file"),
        (lambda path: path.symlink_to(path), "cannot be read"),
        (lambda path: path.symlink_to("/nowhere/at/all"), "cannot be read"),
    ],
)
def test_what_is_no_key_file_is_refused_at_once(tmp_path: Path, make: Callable[[Path], object], says: str) -> None:
    """A pipe does not hang, a log that was linked by mistake is not read through, and nothing is quoted."""
    path = tmp_path / "OPENAI_API_KEY"
    make(path)
    with pytest.raises(InvalidSettings, match=says) as caught:
        secretfile.read(path, strict=False)
    assert "sk-" not in str(caught.value)


@given(st.text(max_size=60))
def test_what_goes_into_a_header_is_one_plain_word(text: str) -> None:
    """Whatever a key is said to be, only what cannot break a header is one."""
    assert secretfile.plain(text) is bool(re.fullmatch(r"[!-~]+", text))


def test_a_key_of_another_environment_is_refused(home: Settings, tmp_path: Path) -> None:
    """Put down or registered anywhere, it is refused everywhere else; registered for both it is taken in both."""
    desk.put(home, "OPENAI_API_KEY", KEY)
    entries = register.read(register.path_of(home))
    assert register.refusal(entries, key=KEY, environment="staging") is None
    told = register.refusal(entries, key=KEY, environment="production")
    assert told is not None
    assert "registered for staging, and this is production" in told
    assert KEY not in told
    assert register.refusal(entries, key=OTHER, environment="production") is None
    shared = load(data=tmp_path / "elsewhere", environment="production", provider_register=register.path_of(home))
    with pytest.raises(Misuse, match="another environment"):
        desk.put(shared, "VERTEX_KEY", KEY)
    assert not places.folder(shared).exists()
    both = (*entries, Entry("production", "VERTEX_KEY", entries[0].fingerprint, "2026-11-22"))
    assert register.refusal(both, key=KEY, environment="production") is None


def test_a_register_that_nobody_understands_lets_no_key_through(home: Settings, tmp_path: Path) -> None:
    """Who cannot tell whose a key is does not send it."""
    path = register.path_of(home)
    path.parent.mkdir(parents=True)
    path.write_text("# fine\n\nstaging OPENAI_API_KEY 0123456789abcdef 2026-11-22\nproduction: OPENAI_API_KEY\n")
    with pytest.raises(InvalidSettings, match="register:4: expected"):
        register.read(path)
    with pytest.raises(InvalidSettings, match="no file"):
        register.path_of(load(data=tmp_path, provider_register=tmp_path / "missing"))


def test_a_register_is_kept_as_people_left_it(home: Settings) -> None:
    """Comments stay, a key is entered once, and everybody may read it: it is there to be shared."""
    desk.enter(home, "OPENAI_API_KEY", KEY)
    path = register.path_of(home)
    path.write_text(path.read_text() + "# moved from the old account\n")
    desk.enter(home, "OPENAI_API_KEY", KEY)
    desk.enter(home, "OPENAI_API_KEY", OTHER)
    lines = path.read_text().splitlines()
    assert [line.split()[0] for line in lines] == ["#", "staging", "#", "staging"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


def test_the_list_tells_of_missing_shadowed_and_foreign_keys(home: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """What lanes name is listed though it is not there; what lies in folders, though nobody uses it."""
    desk.put(home, "OPENAI_API_KEY", KEY)
    desk.put(home.model_copy(update={"environment": "production"}), "OPENAI_API_KEY", OTHER)
    lanes = {name: lane(name, key_env=key) for name, key in {"a": "OPENAI_API_KEY", "b": "MISSING_KEY"}.items()}
    found = {(key.name, key.environment): key for key in desk.every(home, lanes)}
    assert found["MISSING_KEY", "staging"].problem == "not there"
    ours, theirs = found["OPENAI_API_KEY", "staging"], found["OPENAI_API_KEY", "production"]
    assert (ours.used, ours.lanes, ours.problem) == (True, ("a",), None)
    assert (theirs.used, theirs.problem) == (False, None)
    monkeypatch.setenv("OPENAI_API_KEY", OTHER)
    first, second = (key for key in desk.every(home, lanes) if (key.name, key.environment) == ours_of(ours))
    assert (first.place, first.age_s) == ("the variable OPENAI_API_KEY", None)
    assert "registered for production" in (first.problem or "")
    assert (second.used, second.fingerprint) == (False, ours.fingerprint)
    assert KEY not in repr([*found.values(), first, second])


def ours_of(key: desk.Found) -> tuple[str, str]:
    """What tells keys apart in a list."""
    return key.name, key.environment


def test_a_key_comes_by_standard_input_only(tmp_path: Path) -> None:
    """Set, list, remove: exit codes 0; an argument is refused without being quoted, with exit 2."""
    code, said = type_("set", "OPENAI_API_KEY", stdin=KEY + "\n", data=tmp_path)
    assert code == 0, said
    assert (tmp_path / "providers" / "staging" / "OPENAI_API_KEY").read_text().strip() == KEY
    for words in (["set", "OPENAI_API_KEY", KEY], ["set", KEY], ["remove", KEY], ["register", KEY]):
        code, refused = type_(*words, stdin=OTHER, data=tmp_path)
        assert code == 2
        assert "never an argument" in refused
        said += refused
    for stdin in ("", "two\nlines\n", "has space", "k\x00k"):
        code, refused = type_("set", "OPENAI_API_KEY", stdin=stdin, data=tmp_path)
        assert code == 2, stdin
        said += refused
    listed = type_("list", "--json", data=tmp_path)
    removed = type_("remove", "OPENAI_API_KEY", data=tmp_path)
    missing = type_("remove", "OPENAI_API_KEY", data=tmp_path)
    assert (listed[0], removed[0], missing[0]) == (0, 0, 2)
    assert "there is: none" in missing[1]
    assert KEY not in said + listed[1] + removed[1] + missing[1]
    assert type_("list", data=tmp_path)[0] == 1  # the default policy's lanes have no key now
    code, refused = type_("set", "OPENAI_API_KEY", stdin=KEY, data=tmp_path, environment="production")
    assert (code, "another environment" in refused) == (2, True)


def test_a_key_of_a_secret_store_can_be_registered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Read where a worker would read it; where there is none it says which places were looked at."""
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    code, said = type_("register", "OPENAI_API_KEY", data=tmp_path)
    assert (code, register.fingerprint(KEY) in said, KEY in said) == (0, True, False)
    monkeypatch.delenv("OPENAI_API_KEY")
    code, said = type_("register", "OPENAI_API_KEY", data=tmp_path)
    assert (code, "nor OPENAI_API_KEY_FILE" in said) == (2, True)
