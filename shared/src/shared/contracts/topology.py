"""Who emits and who consumes which topic: the map of the product, known to every service."""

from typing import Final

EMITS: Final[dict[str, tuple[str, ...]]] = {
    "intake": ("lead.captured", "lead.updated", "lead.engaged", "lead.erased"),
    "scorer": ("lead.scored", "lead.qualified"),
    "router": (
        "lead.assigned",
        "lead.waiting",
        "lead.accepted",
        "lead.rejected",
        "lead.contacted",
        "lead.moved",
        "lead.recycled",
        "opportunity.opened",
        "opportunity.won",
        "opportunity.lost",
    ),
    "sla-watcher": ("sla.started", "sla.warned", "sla.breached", "sla.met", "sla.revoked", "sla.cancelled"),
    "analytics": (),
}

CONSUMES: Final[dict[str, tuple[str, ...]]] = {
    "intake": (),
    "scorer": (*EMITS["intake"], "lead.rejected", "lead.recycled", "lead.moved", "opportunity.lost"),
    "router": (*EMITS["intake"], *EMITS["scorer"], "sla.breached"),
    "sla-watcher": (*EMITS["intake"], *EMITS["scorer"], *EMITS["router"]),
    "analytics": (*EMITS["intake"], *EMITS["scorer"], *EMITS["router"], *EMITS["sla-watcher"]),
}

SERVICES: Final = tuple(EMITS)
PRODUCER: Final[dict[str, str]] = {topic: service for service, topics in EMITS.items() for topic in topics}


def consumers_of(topic: str) -> tuple[str, ...]:
    """The services that read a topic."""
    return tuple(service for service, topics in CONSUMES.items() if topic in topics)
