"""Door 2: what reps, managers and the CRM ask and command."""

from fastapi import APIRouter

from router.api import (
    absence,
    handoffs,
    leads,
    notes,
    opportunities,
    passes,
    pools,
    reps,
    stream,
    subscriptions,
    tasks,
    transfers,
    what_ifs,
)
from router.settings import Settings
from shared.runtime.desk import Desk
from shared.store.sealing import Seal


def api(desk: Desk, settings: Settings, seal: Seal) -> APIRouter:
    """The router's paths, as in the table of routes."""
    router = APIRouter()
    rooms = (stream, handoffs, transfers, leads, passes, notes, pools, opportunities, tasks, reps, absence, what_ifs)
    for room in rooms:
        room.add(router, desk)
    subscriptions.add(router, desk, settings, seal)
    return router
