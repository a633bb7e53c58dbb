"""A score as people read it: each reason with its title in their language, the fact behind it, its points and age."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Final
from uuid import UUID

from scorer.domain.change import next_change
from scorer.domain.dossier import Dossier, Episode
from scorer.domain.instants import from_us
from scorer.domain.nearing import Lack, Way, lacking
from scorer.domain.scorecard import Scorecard, Tier
from scorer.domain.scoring import Part, Score, score
from scorer.words import Language, age_in_words, kind_in_words, say

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

_SAID: Final = 3
"""Rules named in sentences; the data names all."""


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
        "to_next_tier": _to_next_tier(lacking(dossier, scorecard, now), scorecard, language),
        "next_change": next_change(dossier, scorecard, at),
        "episodes": [_episode(episode) for episode in dossier.episodes],
    }


def _part(part: Part, scorecard: Scorecard, language: Language) -> dict[str, object]:
    fact = (
        None
        if part.fact_kind is None
        else {
            "kind": part.fact_kind,
            "title": kind_in_words(part.fact_kind, language),
            "id": part.fact_id,
            "occurred_at": part.occurred_at,
        }
    )
    return {
        "rule": part.rule,
        "kind": part.kind,
        "title": _title(part, scorecard, language),
        "fact": fact,
        "points": part.points_milli / 1000,
        "points_milli": part.points_milli,
        "age_s": part.age_s,
        "age": None if part.age_s is None else age_in_words(part.age_s, language),
    }


def title_of(rule_id: str, titles: Mapping[str, str], language: Language) -> str:
    """A rule's title in this language, else in English, else its id."""
    return titles.get(language) or titles.get("en") or rule_id


def _title(part: Part, scorecard: Scorecard, language: Language) -> str:
    """The rule's title in this language, else in English, else its id."""
    match part.kind:
        case "rule":
            return title_of(part.rule, part.title or {}, language)
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


def _to_next_tier(lack: Lack, scorecard: Scorecard, language: Language) -> dict[str, object]:
    """What is missing to the next tier and to the line, as data and in sentences."""
    return {
        "tier": lack.tier.name if lack.tier else None,
        "label": lack.tier.label if lack.tier else None,
        "missing": lack.missing_milli / 1000,
        "missing_milli": lack.missing_milli,
        "alone": [_way(way, language) for way in lack.alone],
        "together": [_way(way, language) for way in lack.together],
        "qualifies": lack.qualifies,
        "high_value": [
            {"days": acts.days, "have": acts.have, "need": acts.need, "missing": acts.need - acts.have}
            for acts in lack.acts
        ],
        "new_act_after": None if lack.new_act_after_us is None else from_us(lack.new_act_after_us),
        "sentences": list(_sentences(lack, scorecard, language)),
    }


def _way(way: Way, language: Language) -> dict[str, object]:
    rule = way.rule
    return {
        "rule": rule.id,
        "title": title_of(rule.id, rule.title, language),
        "gain": way.gain_milli / 1000,
        "kinds": list(rule.kinds),
    }


def _sentences(lack: Lack, scorecard: Scorecard, language: Language) -> Iterator[str]:
    if lack.tier is not None:
        yield say("points_missing", language, points=lack.missing_milli / 1000, tier=_named(lack.tier))
        for way in lack.alone[:_SAID]:
            yield say("one_closes", language, rule=_rule_of(way, language), gain=f"+{way.gain_milli / 1000:g}")
        if lack.together:
            named = ", ".join(f"{_rule_of(way, language)} +{way.gain_milli / 1000:g}" for way in lack.together)
            yield say("together_close", language, rules=named)
        elif not lack.alone:
            yield say("nothing_closes", language)
    for acts in lack.acts:
        if acts.need > acts.have:
            yield say("acts_missing", language, acts=acts.need - acts.have, days=acts.days)
    if lack.line_asks_more:
        yield say("line_not_met", language, line=scorecard.qualify.expression.strip())
    if lack.new_act_after_us is not None:
        yield say("new_act", language, at=from_us(lack.new_act_after_us).strftime("%Y-%m-%d %H:%M UTC"))
    elif lack.tier is None and lack.qualifies:
        yield say("qualified", language)


def _rule_of(way: Way, language: Language) -> str:
    return title_of(way.rule.id, way.rule.title, language)


def _named(tier: Tier) -> str:
    return tier.label or tier.name


def _episode(episode: Episode) -> dict[str, object]:
    return {
        "episode": episode.number,
        "qualified_at": from_us(episode.qualified_us),
        "tier": episode.tier,
        "ended_at": None if episode.ended_us is None else from_us(episode.ended_us),
        "ended_by": episode.ended_by or None,
    }
