"""A lead's timeline: what happened, in order, each step in words of a language and with its cause (pure)."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
import yaml

from analytics.domain.money import spelled

LANGUAGES: Final = ("en", "zh", "vi")
_GIVEN: Final = ("lead.assigned", "opportunity.transferred")
_ENVELOPE: Final = frozenset({"lead_id", "occurred_at", "recorded_at", "causation", "correlation", "schema"})
Catalogue = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Speech:
    """How to say it: the catalogue's sentences in one language, instants in one zone."""

    catalogue: Catalogue
    language: str
    zone: ZoneInfo


@cache
def catalogue() -> Catalogue:
    """The sentences that come with the service."""
    return yaml.safe_load(files("analytics").joinpath("catalogue.yaml").read_text("utf-8"))


def steps(story: Iterable[tuple[UUID, str, bytes]], speech: Speech) -> list[dict[str, Any]]:
    """The steps as the API shows them, oldest first. Events of one instant stand in the order they were made."""
    events = [(event_id, topic, msgspec.json.decode(value)) for event_id, topic, value in story]
    kinds = {str(event_id): topic for event_id, topic, _ in events}
    return [
        {
            "id": event_id,
            "at": event["occurred_at"],
            "recorded_at": event["recorded_at"],
            "kind": topic,
            "words": sentence(topic, event, speech),
            "cause": _cause(event.get("causation"), kinds),
            "details": {name: value for name, value in event.items() if name not in _ENVELOPE},
        }
        for event_id, topic, event in sorted(events, key=_order)
    ]


def holders(story: Iterable[tuple[UUID, str, bytes]]) -> set[tuple[str, str]]:
    """Whoever had the lead at some time: owner and team."""
    given = (msgspec.json.decode(value) for _, topic, value in story if topic in _GIVEN)
    return {(event["owner"], event["team"]) for event in given}


def teams_of(story: Iterable[tuple[UUID, str, bytes]]) -> set[str]:
    """Whichever teams had the lead at some time, or were to have it when somebody there had room."""
    told = (msgspec.json.decode(value) for _, topic, value in story if topic in (*_GIVEN, "lead.waiting"))
    return {event["team"] for event in told if event.get("team")}


def _order(step: tuple[UUID, str, Mapping[str, Any]]) -> tuple[datetime, datetime, int]:
    event_id, _, event = step
    return _at(event["occurred_at"]), _at(event["recorded_at"]), event_id.int


def _at(written: str) -> datetime:
    return datetime.fromisoformat(written)


def _cause(causation: str | None, kinds: Mapping[str, str]) -> dict[str, str | None] | None:
    return None if causation is None else {"id": causation, "kind": kinds.get(causation)}


def sentence(topic: str, event: Mapping[str, Any], speech: Speech) -> str:
    """One step in words; the topic itself where the catalogue has no sentence for it."""
    step = speech.catalogue["steps"].get(topic)
    if step is None:
        return topic
    said = _Fields(event, speech)
    also = (text for name, text in step.get("also", {}).items() if _field(event, name) not in (None, False, [], ""))
    return "".join(text[speech.language].format_map(said) for text in (step["text"], *also))


class _Fields(dict[str, str]):
    """The event's fields as text, said when a sentence asks for them."""

    def __init__(self, event: Mapping[str, Any], speech: Speech) -> None:
        super().__init__()
        self.event = event
        self.speech = speech

    def __missing__(self, name: str) -> str:
        """A field's text, or that of what is composed from several."""
        composed = _COMPOSED.get(name)
        if composed is not None:
            return composed(self.event, self.speech)
        return _say(name, _field(self.event, name), self.speech)


def _field(event: Mapping[str, Any], name: str) -> Any:
    """A field of the event, else an attribute that it carries."""
    return event[name] if name in event else event.get("attributes", {}).get(name)


def _say(name: str, value: Any, speech: Speech) -> str:
    if value is None:
        return _phrase("unknown", speech)
    if name.endswith("_milli"):
        return f"{value / 1000:.1f}"
    if name.endswith("_at"):
        return f"{_at(value).astimezone(speech.zone):%Y-%m-%d %H:%M}"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    word = speech.catalogue["words"].get(name, {}).get(str(value))
    return str(word[speech.language]) if word else str(value)


def _phrase(name: str, speech: Speech) -> str:
    return str(speech.catalogue["phrases"][name][speech.language])


def _parts(event: Mapping[str, Any], _speech: Speech) -> str:
    return ", ".join(f"{part['rule']} {part['points_milli'] / 1000:+.1f}" for part in event.get("parts", ()))


def _decision(event: Mapping[str, Any], speech: Speech) -> str:
    decision = event["decision"]
    considered: Sequence[Mapping[str, str]] = decision.get("considered", ())
    skipped = ", ".join(f"{each['rep']} ({each['skipped']})" for each in considered if each.get("skipped"))
    told = _phrase("decision", speech).format(**{**decision, "n": len(considered)})
    told += _phrase("skipped", speech).format(skipped=skipped) if skipped else ""
    if not decision.get("by"):
        return told
    reason = _say("reason", decision.get("reason"), speech)
    return told + _phrase("by_hand", speech).format(by=decision["by"], reason=reason)


def _changes(event: Mapping[str, Any], speech: Speech) -> str:
    changed = {name: _say(name, value, speech) for name, value in event.get("attributes", {}).items()}
    return ", ".join(f"{name} = {value}" for name, value in changed.items()) or "–"


def _amount(event: Mapping[str, Any], _speech: Speech) -> str:
    return spelled(event.get("amount_minor") or 0, event.get("currency") or "")


def _elapsed(event: Mapping[str, Any], _speech: Speech) -> str:
    hours, rest = divmod(int(event.get("elapsed_s") or 0), 3600)
    return f"{hours}:{rest // 60:02}:{rest % 60:02}"


_COMPOSED: Final[Mapping[str, Callable[[Mapping[str, Any], Speech], str]]] = {
    "parts": _parts,
    "decision": _decision,
    "changes": _changes,
    "amount_minor": _amount,
    "elapsed_s": _elapsed,
}
