"""What the environment says to the router: where people find the product, and how it reaches others."""

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """`BATON_…` of the environment. `webhook_private` lets webhooks go to private addresses and by plain HTTP."""

    model_config = SettingsConfigDict(env_prefix="BATON_", extra="ignore")

    host: str = "127.0.0.1"
    port: int = Field(default=8080, ge=0, le=65535)
    public_url: str = ""
    locale: str = "en"
    webhook_private: bool = False
    smtp_url: SecretStr = SecretStr("")
    smtp_url_file: Path | None = None

    @property
    def address(self) -> str:
        """Where a person finds the product."""
        return (self.public_url or f"http://{self.host}:{self.port}").rstrip("/")

    @property
    def language(self) -> Literal["en", "zh", "vi"]:
        """The language of e-mails."""
        match self.locale[:2].lower():
            case "zh":
                return "zh"
            case "vi":
                return "vi"
            case _:
                return "en"

    def smtp(self) -> str:
        """`smtp[s]://user:password@host:port/?from=…`, empty where e-mail is not sent."""
        if self.smtp_url_file is not None:
            return self.smtp_url_file.read_text("utf-8").strip()
        return self.smtp_url.get_secret_value()
