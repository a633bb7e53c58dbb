"""Wiring: what the router service is made of."""

from router.api import api
from router.handlers import subscription
from router.policies import POLICIES
from router.timers import WAITING
from shared.runtime.service import Service


def service() -> Service:
    """The service."""
    return Service(
        name="router",
        package="router",
        subscription=subscription(),
        timers=(WAITING,),
        api=api,
        policies=POLICIES,
        holdings={
            "leads": "select lead_id as id, lead_id, partition from lead_state",
            "handoffs": "select h.handoff_id as id, h.lead_id, s.partition from handoff h"
            " join lead_state s using (lead_id)",
        },
    )
