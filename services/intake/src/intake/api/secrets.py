"""`/v1/secrets`: what doors prove senders and ask vendors with. It can be set and replaced, never read."""

from typing import Annotated

import msgspec
from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from intake import awaiting
from intake.api.answers import answer, persistently, shown
from intake.intake import Intake
from intake.vault import GOOD_NAME, MAX_VALUE_CHARS, names
from shared.http.access import Principal
from shared.http.app import caller
from shared.http.problems import Problem
from shared.runtime.desk import Desk
from shared.runtime.work import Work

Caller = Annotated[Principal, Depends(caller)]


class Given(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is sent; its value appears in no answer and no log."""

    value: str


def add_secrets(router: APIRouter, desk: Desk, intake: Intake) -> None:
    """Add the paths to a router."""

    @router.put("/v1/secrets/{name}")
    async def put(name: str, request: Request, principal: Caller) -> Response:  # pyright: ignore[reportUnusedFunction]
        if not GOOD_NAME.fullmatch(name):
            raise Problem(422, "a secret's name has letters, digits, _, . and -, at most 63", code="invalid")
        value = _value(await request.body())
        now = desk.clock()

        async def act(work: Work) -> None:
            await intake.vault.put(work.session, name, value, now, principal.key_id)
            await awaiting.hasten(work.session, work.now)

        await persistently(desk, act)
        await intake.book.newest(desk)
        intake.fetcher.wake()
        return answer({"name": name, "set_at": shown(now)})

    @router.get("/v1/secrets")
    async def several() -> Response:  # pyright: ignore[reportUnusedFunction]
        async with desk.read() as session:
            rows = await names(session)
        return answer({"items": [{"name": row.name, "set_at": shown(row.set_at)} for row in rows], "next": None})


def _value(body: bytes) -> str:
    """The value. Raises Problem 422, which does not repeat what was sent."""
    try:
        value = msgspec.json.decode(body, type=Given).value
    except (msgspec.ValidationError, msgspec.DecodeError):
        raise Problem(422, 'send {"value": "…"}', code="invalid") from None
    if not value.strip() or len(value) > MAX_VALUE_CHARS or "\x00" in value:
        raise Problem(422, f"a secret has 1 to {MAX_VALUE_CHARS} characters and is not blank", code="invalid")
    return value
