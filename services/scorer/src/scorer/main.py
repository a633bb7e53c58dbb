"""Wiring: what the scorer service is made of."""

from scorer.api import api
from scorer.backtesting import backtests
from scorer.handlers import subscription
from scorer.policies import scorecards
from scorer.rescoring import rescores
from scorer.timers import fading
from shared.runtime.service import Service


def service() -> Service:
    """The service."""
    return Service(
        name="scorer",
        package="scorer",
        subscription=subscription(),
        timers=(fading(), backtests(), rescores()),
        api=api,
        policies=(scorecards(),),
        holdings={"leads": "select lead_id as id, lead_id, partition from dossier"},
    )
