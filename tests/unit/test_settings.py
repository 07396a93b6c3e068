"""Settings: where they come from, what is refused."""

from pathlib import Path

import pytest

from rechka.errors import RequestError
from rechka.settings import load_settings


def test_flags_win_over_the_environment_and_that_over_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "rechka.toml"
    file.write_text("[limits]\nidle_s = 6\naudio_s = 60\naudio_bytes = 600\n")
    monkeypatch.setenv("RECHKA_LIMITS__AUDIO_S", "70")
    monkeypatch.setenv("RECHKA_LIMITS__AUDIO_BYTES", "700")
    limits = load_settings(file, overrides={"limits": {"audio_bytes": 800}}).limits
    assert (limits.idle_s, limits.audio_s, limits.audio_bytes) == (6, 70, 800)
    assert limits.folder_id_length == 50


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[limits]\nidle_s = -1", "limits.idle_s: got -1"),
        ("[limits]\nidel_s = 1", "limits.idel_s"),
        ("[limits]\naudio_bytes = 2147000000", "limits.audio_bytes: got 2147000000: Input should"),
        ("[endpointing]\npreset = 'robot'", "'assistant', 'telephony' or 'dictation'"),
        ("[limits", "settings file"),
    ],
)
def test_a_bad_setting_is_named(tmp_path: Path, text: str, named: str) -> None:
    file = tmp_path / "rechka.toml"
    file.write_text(text)
    with pytest.raises(RequestError) as caught:
        load_settings(file)
    assert named in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match=r"absent\.toml"):
        load_settings(tmp_path / "absent.toml")


def test_a_name_with_a_slip_in_it_does_not_tell_its_value(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "rechka.toml"
    path.write_text('[access]\ndatabse_url = "postgresql://a:hunter2@db/x"\n')
    with pytest.raises(RequestError) as caught:
        load_settings(path)
    assert str(caught.value) == "settings: access.databse_url: there is no such setting"
    monkeypatch.setenv("RECHKA_ACCESS", '{"database_url": "postgresql://a:hunter2@db/x"')
    with pytest.raises(RequestError) as caught:
        load_settings()
    assert "RECHKA_ACCESS:" in str(caught.value)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('access.database_url = ["postgresql://a:hunter2@db/x"]', "access.database_url"),
        ('access = "postgresql://a:hunter2@db/x"', "access"),
        ('recognition.engine_options = "hunter2"', "recognition.engine_options"),
        ('recognition = ["hunter2"]', "recognition"),
    ],
)
def test_what_may_hold_a_secret_is_not_repeated_when_its_type_is_wrong(
    tmp_path: Path, text: str, named: str
) -> None:
    file = tmp_path / "rechka.toml"
    file.write_text(text)
    with pytest.raises(RequestError, match=rf"^settings: {named}: Input should be") as caught:
        load_settings(file)
    assert "hunter2" not in str(caught.value)


def test_a_variable_that_should_be_json_is_named_without_its_value(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    accepted = 'accepted: JSON such as ["a.example"] or {"name": "value"}'
    monkeypatch.setenv("RECHKA_ACCESS__DATABASE_URL", "postgresql://db/x")
    monkeypatch.setenv("RECHKA_ACCESS__TOKEN_HOSTS", "hunter2")
    with pytest.raises(RequestError) as caught:
        load_settings()
    assert str(caught.value) == f"settings: RECHKA_ACCESS__TOKEN_HOSTS: {accepted}"
    monkeypatch.setenv("RECHKA_RECOGNITION__ENGINE", "ctc")
    monkeypatch.setenv("RECHKA_RECOGNITION__ENGINE_OPTIONS", "hunter2")
    with pytest.raises(RequestError) as caught:
        load_settings()
    assert str(caught.value) == (
        f"settings: RECHKA_ACCESS__TOKEN_HOSTS: {accepted}; "
        f"RECHKA_RECOGNITION__ENGINE_OPTIONS: {accepted}"
    )
    monkeypatch.setenv("RECHKA_ACCESS__TOKEN_HOSTS", '["a.example"]')
    monkeypatch.setenv("RECHKA_RECOGNITION__ENGINE_OPTIONS", '{"models": ["x"]}')
    assert load_settings().access.token_hosts == ("a.example",)
    assert load_settings().recognition.engine_options == {"models": ["x"]}
