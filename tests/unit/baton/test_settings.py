"""What the environment says: secrets also from files, and nothing asked for that nobody reads."""

import re
from pathlib import Path

import pytest
from pydantic import SecretStr

import baton
from baton.data_dir import admin_token, session_secret
from baton.serve import security
from baton.settings import Settings

SOURCES = Path(baton.__file__).parent


def test_every_secret_may_come_from_a_file(tmp_path: Path) -> None:
    secrets = {name for name, field in Settings.model_fields.items() if field.annotation is SecretStr}
    assert {f"{name}_file" for name in secrets} <= Settings.model_fields.keys()
    files = {f"{name}_file": tmp_path / name for name in secrets}
    for file in files.values():
        file.write_text(f"of {file.name}\n", "utf-8")
    settings = Settings(data_dir=tmp_path, kafka_security="SASL_PLAINTEXT").model_copy(update=files)
    assert admin_token(settings) == "of admin_token"
    assert session_secret(settings) == b"of session_secret"
    assert security(settings)["sasl_plain_password"] == "of kafka_password"


def test_a_secret_that_is_given_goes_before_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "secret").write_text("of the file", "utf-8")
    monkeypatch.setenv("BATON_SESSION_SECRET_FILE", str(tmp_path / "secret"))
    assert session_secret(Settings(data_dir=tmp_path)) == b"of the file"
    monkeypatch.setenv("BATON_SESSION_SECRET", "given")
    assert session_secret(Settings(data_dir=tmp_path)) == b"given"
    assert not (tmp_path / "session-secret").exists()


def test_every_setting_is_read_by_somebody() -> None:
    code = "\n".join(file.read_text("utf-8") for file in SOURCES.rglob("*.py"))
    unread = [name for name in Settings.model_fields if not re.search(rf"(settings|self|own)\.{name}\b", code)]
    assert unread == []


def test_the_url_of_the_server_may_come_from_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "url").write_text("postgresql://baton:secret@db/postgres\n", "utf-8")
    monkeypatch.delenv("BATON_POSTGRES", raising=False)
    monkeypatch.setenv("BATON_POSTGRES_FILE", str(tmp_path / "url"))
    assert Settings().postgres == "postgresql://baton:secret@db/postgres"
    monkeypatch.setenv("BATON_POSTGRES", "postgresql://other/postgres")
    assert Settings().postgres == "postgresql://other/postgres"
