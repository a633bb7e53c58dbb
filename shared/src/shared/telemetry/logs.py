"""Structured logs: JSON lines with a closed set of fields, so that no personal data can slip in."""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any, Final

import structlog

ALLOWED: Final = frozenset(
    {
        "after", "age_s", "attempt", "consumer", "count", "databases", "delivery", "digest", "door", "doors", "effect", "failpoint", "due_at", "epoch", "error", "event",
        "event_id", "fault", "handoff", "instance", "kind", "lag", "lanes", "late_s", "lead", "level", "logger", "method",
        "partition", "partitions", "pause_s", "policy", "port", "reason", "records", "requests", "route", "rows", "seconds", "seq",
        "service", "size_bytes", "stack", "status", "stream", "timestamp", "to", "topic", "topics", "url", "version", "what", "why",
    }
)  # fmt: skip


def only_allowed(_logger: Any, _method: str, fields: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Drop every field that is not on the list; say which, so that its author notices."""
    extra = sorted(fields.keys() - ALLOWED)
    for name in extra:
        del fields[name]
    if extra:
        dropped = f"fields not on the list of logs were dropped: {', '.join(extra)}"
        fields["why"] = f"{fields['why']}; {dropped}" if "why" in fields else dropped
    return fields


def configure(level: str = "INFO", *, json: bool = True) -> None:
    """Log to standard error: JSON lines for machines, short lines for a terminal."""
    renderer: Any = structlog.processors.JSONRenderer() if json else structlog.dev.ConsoleRenderer(colors=False)
    number = logging.getLevelNamesMapping().get(level.upper(), logging.INFO)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            only_allowed,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    # the Kafka client says at ERROR what it then retries by itself; what matters of it we log where we handle it
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s %(message)s", stream=sys.stderr)
