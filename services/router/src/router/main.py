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
    )
