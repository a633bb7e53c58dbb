"""Wiring: what the scorer service is made of."""

from scorer.api import api
from scorer.handlers import subscription
from scorer.policies import scorecards
from scorer.timers import fading
from shared.runtime.service import Service


def service() -> Service:
    """The service."""
    return Service(
        name="scorer",
        package="scorer",
        subscription=subscription(),
        timers=(fading(),),
        api=api,
        policies=(scorecards(),),
        holdings={"leads": "select lead_id as id, lead_id, partition from dossier"},
    )
