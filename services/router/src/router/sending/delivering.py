"""Sends what is due: takes deliveries in one short transaction, sends outside of any, and writes how it ended."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import httpx
import msgspec
import structlog

from router.domain.mail import mail_of
from router.domain.policy import Rep
from router.domain.rules import Policy
from router.domain.subscriptions import link_to, next_try, payload
from router.sending import mail, sealed, webhooks
from router.sending.bell import Bell
from router.sending.webhooks import Outcome
from router.settings import Settings
from router.store import deliveries
from router.store.deliveries import Taken
from shared.runtime.clock import system_clock
from shared.runtime.desk import Desk
from shared.runtime.failures import is_passing
from shared.store.sealing import Seal

log = structlog.get_logger("deliveries")

_AT_ONCE: Final = 16
_EACH: Final = 4  # of one queue: a receiver that hangs must not take all places
_PAUSE_S: Final = 1.0


@dataclass(slots=True)
class Sender:
    """What is under way in this process."""

    desk: Desk
    bell: Bell
    settings: Settings
    seal: Seal
    http: httpx.AsyncClient
    under_way: Counter[str] = field(default_factory=Counter[str])

    async def take(self) -> list[Taken]:
        """What is due and finds a place."""
        free = _AT_ONCE - self.under_way.total()
        if free <= 0:
            return []
        busy = [queue for queue, count in self.under_way.items() if count >= _EACH]
        async with self.desk.work() as work:
            return await deliveries.take(work.session, work.now, busy=busy, each=_EACH, limit=free)

    async def send(self, letter: Taken) -> None:
        """Try once, and keep how it ended. What can't be kept is tried again when the lease ends."""
        try:
            outcome = await self._try(letter)
            await self._keep(letter, outcome)
        except Exception as error:
            if not is_passing(error):
                raise
            log.warning("a delivery's end is not kept yet", delivery=str(letter.id), error=type(error).__name__)
        finally:
            self.under_way[letter.queue] -= 1
            self.under_way = +self.under_way
            self.bell.ring()

    async def _try(self, letter: Taken) -> Outcome | None:
        """How it went; None: nobody is to be told any more."""
        link = link_to(self.settings.address, letter.lead_id)
        if letter.kind == "email":
            return await self._mail(letter, link)
        if letter.url is None or letter.secret is None:
            return None
        secret = self._secret(letter.secret)
        if secret is None:
            return Outcome(sent=False, problem="its secret is not set, or no present key opens it")
        body = payload(letter.body, link)
        # receivers check the instant by their own clocks: it is the real one, whatever ours shows
        headers = webhooks.signed(secret, str(letter.event_id), body, system_clock())
        return await webhooks.post(self.http, letter.url, headers, body, private=self.settings.webhook_private)

    def _secret(self, kept: str) -> str | None:
        found = sealed.found(self.seal, kept, self.desk.secrets)
        return found if found is not None and webhooks.is_secret(found) else None

    async def _mail(self, letter: Taken, link: str) -> Outcome | None:
        address, url = await self._address_of(letter.rep), self.settings.smtp()
        if address is None or not url:
            return None
        said: dict[str, Any] = msgspec.json.decode(letter.body)["data"]
        due = _minute(said.get("due_at"))
        return await mail.send(
            url, address, mail_of(letter.event, self.settings.language, link=link, due=due), str(letter.id)
        )

    async def _address_of(self, rep_id: str | None) -> str | None:
        async with self.desk.read() as session:
            published = await self.desk.transactions.policies.current(session, "routing", self.desk.clock())
        policy: Policy = published.value
        team = policy.team_of.get(rep_id or "")
        rep: Rep | None = policy.team(team).rep(rep_id or "") if team is not None else None
        return rep.email if rep is not None else None

    async def _keep(self, letter: Taken, outcome: Outcome | None) -> None:
        meter = self.desk.meters.deliveries
        async with self.desk.work_on([letter.lead_id]) as work:
            if outcome is None:
                meter.labels(letter.kind, "cancelled").inc()
                await deliveries.ended(work.session, letter, "cancelled", work.now, None, "nobody to tell")
                return
            if outcome.sent:
                meter.labels(letter.kind, "sent").inc()
                await deliveries.ended(work.session, letter, "sent", work.now, outcome.answer, None)
                return
            problem = outcome.problem or "failed"
            again = None if outcome.final else next_try(letter.attempts, work.now, letter.give_up_at)
            if again is not None:
                meter.labels(letter.kind, "failed").inc()
                await deliveries.again(work.session, letter, again, outcome.answer, problem)
                return
            await deliveries.ended(work.session, letter, "dead", work.now, outcome.answer, problem)
        meter.labels(letter.kind, "dead").inc()
        log.error("a delivery is dead", delivery=str(letter.id), why=f"{letter.kind}: {problem}")


def _minute(at: str | None) -> str | None:
    return datetime.fromisoformat(at).strftime("%Y-%m-%d %H:%M") if at else None


async def deliver(desk: Desk, bell: Bell, settings: Settings, seal: Seal) -> None:
    """Send for ever. A failure that does not pass ends the process."""
    async with webhooks.client() as http, asyncio.TaskGroup() as group:
        sender = Sender(desk, bell, settings, seal, http)
        while True:
            await bell.heard()
            try:
                taken = await sender.take()
            except Exception as error:
                if not is_passing(error):
                    raise
                await asyncio.sleep(_PAUSE_S)
                bell.ring()
                continue
            for letter in taken:
                sender.under_way[letter.queue] += 1
                group.create_task(sender.send(letter))
