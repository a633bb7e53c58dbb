"""A command as it comes in by REST: who, with which idempotency key, and what was said."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from pydantic import BaseModel, ConfigDict, Field

from shared.http.access import Principal
from shared.http.app import caller
from shared.runtime.ids import new_id

Word = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")]
"""A typed reason: it travels in events, so it is never a sentence."""


class Body(BaseModel):
    """A request's body: unknown fields are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


@dataclass(frozen=True, slots=True)
class Ask:
    """One request to a service."""

    service: str
    principal: Principal
    path: str
    key: str | None
    body: bytes

    @property
    def command_id(self) -> str:
        """The same for every try of one command."""
        return f"{self.service}:{self.principal.key_id}:{self.path}:{self.key}" if self.key else str(new_id())


async def asked(request: Request, principal: Annotated[Principal, Depends(caller)]) -> Ask:
    """The request as a value (FastAPI dependency)."""
    service, key = request.scope["state"]["service"], request.headers.get("idempotency-key")
    return Ask(service, principal, request.url.path, key, await request.body())


Asked = Annotated[Ask, Depends(asked)]
