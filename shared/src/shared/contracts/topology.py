"""Who emits and who consumes which topic: the map of the product, known to every service."""

from typing import Final

EMITS: Final[dict[str, tuple[str, ...]]] = {
    "intake": ("lead.captured", "lead.updated", "lead.engaged", "lead.erased", "lead.consented"),
    "scorer": ("lead.scored", "lead.qualified"),
    "router": (
        "lead.assigned",
        "lead.waiting",
        "lead.accepted",
        "lead.rejected",
        "lead.contacted",
        "lead.moved",
        "lead.recycled",
        "lead.returned",
        "lead.prescreened",
        "lead.pooled",
        "opportunity.opened",
        "opportunity.staged",
        "opportunity.transferred",
        "opportunity.won",
        "opportunity.lost",
    ),
    "sla-watcher": (
        "sla.started",
        "sla.warned",
        "sla.breached",
        "sla.met",
        "sla.revoked",
        "sla.cancelled",
        "sla.excused",
        "sla.paused",
        "sla.resumed",
        "nurture.due",
    ),
    "analytics": (),
}

# consent is intake's to keep and marketing's to heed; it changes neither a score nor an owner
_BUT_CONSENT: Final = tuple(topic for topic in EMITS["intake"] if topic != "lead.consented")

CONSUMES: Final[dict[str, tuple[str, ...]]] = {
    "intake": (),
    "scorer": (
        *_BUT_CONSENT,
        "lead.rejected",
        "lead.recycled",
        "lead.returned",
        "lead.pooled",
        "lead.moved",
        "opportunity.won",
        "opportunity.lost",
    ),
    "router": (*_BUT_CONSENT, *EMITS["scorer"], "sla.warned", "sla.breached", "sla.revoked", "nurture.due"),
    "sla-watcher": (*EMITS["intake"], *EMITS["scorer"], *EMITS["router"]),
    "analytics": (*EMITS["intake"], *EMITS["scorer"], *EMITS["router"], *EMITS["sla-watcher"]),
}

SERVICES: Final = tuple(EMITS)
PRODUCER: Final[dict[str, str]] = {topic: service for service, topics in EMITS.items() for topic in topics}


def consumers_of(topic: str) -> tuple[str, ...]:
    """The services that read a topic."""
    return tuple(service for service, topics in CONSUMES.items() if topic in topics)
