"""Wiring: what the analytics service is made of."""

import os

from analytics.api import api
from analytics.handlers import subscription
from analytics.settings import Settings, from_environment
from analytics.timers import rebuilding
from shared.runtime.service import Service


def service(settings: Settings | None = None) -> Service:
    """The service; its settings come from the environment unless given."""
    settings = settings or from_environment(os.environ)
    return Service(
        name="analytics",
        package="analytics",
        subscription=subscription(settings.basis),
        timers=(rebuilding(settings.basis),),
        api=api(settings),
    )
