"""What the environment says: technical values only; business thresholds are policy."""

import os
from datetime import datetime
from pathlib import Path
from typing import Self

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """`BATON_…` of the environment; a secret may also come from the file that `BATON_…_FILE` names."""

    model_config = SettingsConfigDict(env_prefix="BATON_", extra="ignore")

    host: str = "127.0.0.1"
    port: int = Field(default=8080, ge=0, le=65535)
    public_url: str = ""
    data_dir: Path = Path("data")
    admin_token: SecretStr = SecretStr("")
    admin_token_file: Path | None = None
    kafka: str = ""
    kafka_security: str = "PLAINTEXT"
    kafka_prefix: str = ""
    kafka_mechanism: str = "SCRAM-SHA-512"
    kafka_username: str = ""
    kafka_password: SecretStr = SecretStr("")
    kafka_password_file: Path | None = None
    kafka_ca_file: Path | None = None
    postgres: str = ""
    postgres_file: Path | None = None
    partitions: int = Field(default=8, ge=1, le=256)
    policy_dir: Path | None = None
    timezone: str = "UTC"
    log_level: str = "INFO"
    instance: str = ""
    session_secret: SecretStr = SecretStr("")
    session_secret_file: Path | None = None
    clock_start: datetime | None = None
    demo: bool = Field(default=True, alias="DEMO")

    @model_validator(mode="after")
    def _read_files(self) -> Self:
        """A server's URL holds a password, so it too may lie in a file."""
        if not self.postgres and self.postgres_file is not None:
            self.postgres = self.postgres_file.read_text("utf-8").strip()
        return self

    @property
    def address(self) -> str:
        """Where a person finds the product."""
        return self.public_url or f"http://{self.host}:{self.port}"

    @property
    def is_secure(self) -> bool:
        """Whether people come by HTTPS, so that cookies must too."""
        return self.address.startswith("https://")

    def service_url(self, service: str) -> str:
        """`BATON_<SERVICE>_URL`, empty where it is not set."""
        return os.environ.get(f"BATON_{service.upper().replace('-', '_')}_URL", "")


def database_name(service: str) -> str:
    """The name of a service's own database."""
    return f"baton_{service.replace('-', '_')}"
