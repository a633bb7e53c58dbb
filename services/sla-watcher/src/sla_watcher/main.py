"""Wiring: what the sla-watcher service is made of."""

from shared.runtime.calendars import CALENDARS
from shared.runtime.service import Service
from sla_watcher.api import api
from sla_watcher.handlers import subscription
from sla_watcher.policies import CADENCES, SLA
from sla_watcher.timers import CLOCKS, NURTURE


def service() -> Service:
    """The service."""
    return Service(
        name="sla-watcher",
        package="sla_watcher",
        subscription=subscription(),
        timers=(CLOCKS, NURTURE),
        api=api,
        policies=(SLA, CADENCES, CALENDARS),
        holdings={
            "clocks": "select clock_id as id, lead_id, partition from clock where not quiet",
            "promises": _promises("clocks", "lead_fact where clocks > 0"),
            "promises kept": _promises("count(*)", "clock group by lead_id, partition"),
        },
    )


def _promises(count: str, rows: str) -> str:
    """How many clocks each lead has: of quiet ones nobody else knows, so the facts and the clocks answer for each other."""
    return f"select lead_id || ' ' || {count} as id, lead_id, partition from {rows}"
