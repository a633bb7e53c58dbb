"""Subscriptions of outgoing webhooks, and what became of each delivery."""

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import Field

from router.api.asking import Caller, Paged, found, json, listed
from router.domain.subscriptions import EVENTS
from router.sending.sealed import to_keep
from router.sending.webhooks import PREFIX, BadAddress, checked_url, is_secret, new_secret, resolve
from router.settings import Settings
from router.store import deliveries
from shared.http.access import Principal
from shared.http.commands import Ask, Asked, Body
from shared.http.problems import Problem
from shared.runtime.desk import Answer, Desk
from shared.runtime.ids import derived_id, new_id
from shared.runtime.work import Work
from shared.store.sealing import Seal

# a subscription belongs to no lead; commands are kept under one
_SUBSCRIPTIONS = derived_id("subscriptions")


class SecretRef(Body):
    """A secret by where it is kept, as in a policy."""

    env: Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]{0,99}$")] | None = None
    file: Annotated[str, Field(min_length=1, max_length=400)] | None = None
    secret: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,99}$")] | None = None

    def spelled(self) -> str | None:
        """As the service asks for it; None unless exactly one is given."""
        given = [f"{kind}:{name}" for kind, name in self.model_dump().items() if name is not None]
        return given[0] if len(given) == 1 else None


class Subscribing(Body):
    """Where to, and what: of one owner's leads or one team's, else of all. Without a secret one is made and shown once."""

    url: Annotated[str, Field(max_length=2000)]
    events: Annotated[list[str], Field(min_length=1, max_length=100)]
    secret: Annotated[str, Field(max_length=200)] | SecretRef | None = None
    owner: Annotated[str, Field(max_length=200)] | None = None
    team: Annotated[str, Field(max_length=200)] | None = None


def add(router: APIRouter, desk: Desk, settings: Settings, seal: Seal) -> None:
    """The paths of subscriptions and deliveries."""
    _subscriptions(router, desk, settings, seal)
    _deliveries(router, desk)


def _subscriptions(router: APIRouter, desk: Desk, settings: Settings, seal: Seal) -> None:
    @router.get("/v1/subscriptions")
    async def subscriptions(principal: Caller) -> Response:
        """The open ones, without their secrets."""
        async with desk.read() as session:
            return json({"items": await deliveries.listed(session, _teams(principal)), "next": None})

    @router.post("/v1/subscriptions")
    async def subscribe(ask: Asked, said: Subscribing) -> Response:
        """A new one: from now on every such event is delivered, signed by Standard Webhooks."""
        await _check(ask, said, settings)
        secret = _secret(desk, said)
        subscription_id = new_id()

        async def act(work: Work) -> Answer:
            shown: dict[str, Any] = {
                "subscription_id": subscription_id,
                "url": said.url,
                "events": sorted(set(said.events)),
                "owner": said.owner,
                "team": said.team,
                "created_by": ask.principal.actor,
                "created_at": work.now,
            }
            await deliveries.add(work.session, {**shown, "secret": to_keep(seal, secret)})
            return Answer(201, bytes(json(shown).body))

        kept = await desk.command(ask.command_id, ask.body, _SUBSCRIPTIONS, act)
        made = said.secret is None and str(subscription_id).encode() in kept.body
        body = bytes(kept.body)[:-1] + b',"secret":"' + secret.encode() + b'"}' if made else kept.body
        return Response(body, kept.status, media_type="application/json")

    @router.delete("/v1/subscriptions/{subscription_id}")
    async def unsubscribe(principal: Caller, subscription_id: UUID) -> Response:
        """End it; what was not delivered yet is cancelled."""
        async with desk.work() as work:
            known = await deliveries.listed(work.session, _teams(principal))
            found(next((each for each in known if each["subscription_id"] == subscription_id), None), "subscription")
            await deliveries.end(work.session, subscription_id, work.now)
        return Response(status_code=204)


async def _check(ask: Ask, said: Subscribing, settings: Settings) -> None:
    unknown = sorted(set(said.events) - EVENTS)
    if unknown:
        known = ", ".join(sorted(EVENTS))
        raise Problem(422, f"no such events: {', '.join(unknown)}; there are {known}", code="unknown-event")
    teams = _teams(ask.principal)
    if teams is not None and said.team not in teams:
        raise Problem(403, f"say for which of your teams: {', '.join(teams)}", code="not-owner", missing=["team"])
    try:
        await resolve(checked_url(said.url, private=settings.webhook_private), private=settings.webhook_private)
    except BadAddress as error:
        raise Problem(422, str(error), code="bad-address") from error
    except (OSError, UnicodeError) as error:
        raise Problem(422, "the host of this URL is not known", code="bad-address") from error


def _secret(desk: Desk, said: Subscribing) -> str:
    """The secret: itself with its prefix, or the name of where it is.

    Raises Problem 422.
    """
    match said.secret:
        case None:
            return new_secret()
        case SecretRef() as where:
            spelled = where.spelled()
            if spelled is None or not is_secret(desk.secrets(spelled) or ""):
                raise Problem(422, "this secret is not set here, or can't sign", code="bad-secret")
            return spelled
        case given:
            if not is_secret(given):
                raise Problem(422, "a secret is base64 of 16 to 64 bytes, such as whsec_…", code="bad-secret")
            return PREFIX + given.removeprefix(PREFIX)


def _deliveries(router: APIRouter, desk: Desk) -> None:
    @router.get("/v1/deliveries")
    async def all_deliveries(
        principal: Caller,
        page: Paged,
        state: Literal["pending", "sent", "dead", "cancelled"] | None = None,
        subscription: Annotated[UUID | None, Query()] = None,
    ) -> Response:
        """Deliveries, oldest first: how often each was tried, what came back, when it is tried again."""
        async with desk.read() as session:
            items = await deliveries.page(
                session,
                state=state,
                subscription=subscription,
                teams=_teams(principal),
                cursor=page.cursor,
                limit=page.limit,
            )
        return listed(items, page, "delivery_id")

    @router.post("/v1/deliveries/{delivery_id}/replay")
    async def replay(ask: Asked, delivery_id: UUID) -> Response:
        """Deliver it once more, under the same event id: a receiver that has it may drop it."""
        async with desk.read() as session:
            known = found(await deliveries.one(session, delivery_id), "delivery")
        teams = _teams(ask.principal)
        if teams is not None and known["team"] not in teams:
            raise Problem(403, "this delivery is of no team of yours", code="not-owner")

        async def act(work: Work) -> Answer:
            await deliveries.replay(work.session, delivery_id, work.now)
            return Answer(202, bytes(json(await deliveries.one(work.session, delivery_id)).body))

        kept = await desk.command(ask.command_id, ask.body, UUID(int=known["lead_id"].int), act)
        return Response(kept.body, kept.status, media_type="application/json")


def _teams(principal: Principal) -> list[str] | None:
    """The teams to which a manager is bound; None: all."""
    return None if principal.bound_teams is None else sorted(principal.bound_teams)
