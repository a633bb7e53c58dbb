"""Wiring: what the analytics service is made of."""

import os
from collections.abc import Sequence

from analytics.api import api
from analytics.handlers import subscription
from analytics.settings import Settings, from_environment
from analytics.timers import rebuilding
from shared.contracts.topology import EMITS
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
        holdings={
            "leads": "select lead_id as id, lead_id, partition from lead_fact",
            "handoffs": _distinct("handoff_id", ("lead.assigned",)),
            "clocks": _distinct("clock_id", [topic for topic in EMITS["sla-watcher"] if topic.startswith("sla.")]),
        },
    )


def _distinct(field: str, topics: Sequence[str]) -> str:
    """Every value of an id in the events of these types, with its lead: what the audit compares with its owner's."""
    listed = ", ".join(f"'{topic}'" for topic in topics)
    return (
        f"select distinct (convert_from(value, 'UTF8')::jsonb ->> '{field}')::uuid as id, lead_id, partition"
        f" from event where topic in ({listed})"
    )
