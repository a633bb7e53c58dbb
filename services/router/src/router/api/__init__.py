"""Door 2: what reps, managers and the CRM ask and command."""

from fastapi import APIRouter

from router.api import absence, handoffs, leads, notes, opportunities, pools, reps, stream, tasks, transfers
from shared.runtime.desk import Desk


def api(desk: Desk) -> APIRouter:
    """The router's paths, as in the table of routes."""
    router = APIRouter()
    for room in (stream, handoffs, transfers, leads, notes, pools, opportunities, tasks, reps, absence):
        room.add(router, desk)
    return router
