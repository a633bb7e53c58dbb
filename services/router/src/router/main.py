"""Wiring: what the router service is made of."""

import os
from collections.abc import Callable

from router.api import api
from router.handlers import subscription
from router.keeping import keep_house
from router.policies import POLICIES
from router.sending.bell import Bell
from router.sending.delivering import deliver
from router.settings import Settings
from router.timers import WAITING, due_deliveries
from router.watching import watch_fairness
from shared.runtime.desk import Desk
from shared.runtime.service import Service
from shared.store.sealing import Seal, keys_of


def service(settings: Settings | None = None, keys: Callable[[], list[str]] | None = None) -> Service:
    """The service; what the environment says of it and of the keys of its secrets, unless given."""
    settings, bell = settings or Settings(), Bell()
    seal = Seal(keys or keys_of(os.environ))

    async def deliveries(desk: Desk) -> None:
        """Sends webhooks and e-mails."""
        await deliver(desk, bell, settings, seal)

    async def house(desk: Desk) -> None:
        """Seals and tidies up."""
        await keep_house(desk, seal)

    async def fairness(desk: Desk) -> None:
        """Checks the rotation's bound."""
        await watch_fairness(desk)

    return Service(
        name="router",
        package="router",
        subscription=subscription(),
        timers=(WAITING, due_deliveries(bell)),
        api=lambda desk: api(desk, settings, seal),
        background=(deliveries, fairness, house),
        policies=POLICIES,
        holdings={
            "leads": "select lead_id as id, lead_id, partition from lead_state",
            "handoffs": "select h.handoff_id as id, h.lead_id, s.partition from handoff h"
            " join lead_state s using (lead_id)",
        },
    )
