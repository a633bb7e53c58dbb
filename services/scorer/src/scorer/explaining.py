"""A score as people read it: each reason with its title in their language, the fact behind it, its points and age."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final, Literal
from uuid import UUID

from scorer.domain.change import next_change
from scorer.domain.dossier import Dossier, Episode
from scorer.domain.instants import from_us
from scorer.domain.scorecard import Scorecard
from scorer.domain.scoring import Part, Score, score

Language = Literal["en", "zh", "vi"]

_CAP: Final[Mapping[Language, str]] = {
    "en": "The most that “{group}” can give: {most:g}",
    "zh": "“{group}”分组上限：{most:g} 分",
    "vi": "Mức tối đa của nhóm “{group}”: {most:g} điểm",
}
_LIMIT: Final[Mapping[Language, str]] = {
    "en": "A score lies between 0 and 100",
    "zh": "分数限于 0 至 100",
    "vi": "Điểm nằm trong khoảng 0 đến 100",
}


def shown(lead_id: UUID, dossier: Dossier, scorecard: Scorecard, at: datetime, language: Language) -> dict[str, object]:
    """The score at this instant; the parts' points sum to it."""
    now = score(dossier, scorecard, at)
    return {
        "lead_id": lead_id,
        "at": at,
        "score": now.milli / 1000,
        "score_milli": now.milli,
        "shown": now.shown,
        "tier": now.tier.name,
        "label": now.tier.label,
        "action": now.tier.action,
        "scorecard_version": now.version,
        "parts": [_part(part, scorecard, language) for part in now.parts],
        "undecided": [{"rule": rule, "why": why} for rule, why in now.undecided],
        "next_tier": _next_tier(now),
        "next_change": next_change(dossier, scorecard, at),
        "episodes": [_episode(episode) for episode in dossier.episodes],
    }


def _part(part: Part, scorecard: Scorecard, language: Language) -> dict[str, object]:
    fact = (
        None
        if part.fact_kind is None
        else {"kind": part.fact_kind, "id": part.fact_id, "occurred_at": part.occurred_at}
    )
    return {
        "rule": part.rule,
        "kind": part.kind,
        "title": _title(part, scorecard, language),
        "fact": fact,
        "points": part.points_milli / 1000,
        "points_milli": part.points_milli,
        "age_s": part.age_s,
    }


def _title(part: Part, scorecard: Scorecard, language: Language) -> str:
    """The rule's title in this language, else in English, else its id."""
    match part.kind:
        case "rule":
            titles = part.title or {}
            return titles.get(language) or titles.get("en") or part.rule
        case "cap":
            most = next((group.cap_milli or 0 for group in scorecard.groups if group.name == part.rule), 0)
            return _CAP[language].format(group=part.rule, most=most / 1000)
        case "limit":
            return _LIMIT[language]


def _next_tier(now: Score) -> dict[str, object] | None:
    if now.next_tier is None or now.missing_to_next_tier_milli is None:
        return None
    missing = now.missing_to_next_tier_milli
    return {"tier": now.next_tier, "missing": missing / 1000, "missing_milli": missing}


def _episode(episode: Episode) -> dict[str, object]:
    return {
        "episode": episode.number,
        "qualified_at": from_us(episode.qualified_us),
        "tier": episode.tier,
        "ended_at": None if episode.ended_us is None else from_us(episode.ended_us),
        "ended_by": episode.ended_by or None,
    }
