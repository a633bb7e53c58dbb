"""Door 2: what reps, managers and the CRM ask and command."""

from fastapi import APIRouter

from router.api import handoffs, leads, opportunities, pools, reps, tasks
from shared.runtime.desk import Desk


def api(desk: Desk) -> APIRouter:
    """The router's paths, as in the table of routes."""
    router = APIRouter()
    for room in (handoffs, leads, pools, opportunities, tasks, reps):
        room.add(router, desk)
    return router
