"""A backtest as people read it: who would have crossed, how much more work for whom, how right it was, what differs."""

from collections.abc import Iterable, Mapping
from typing import Any

from scorer.domain.comparing import DIFFERENCE_KINDS, Hits, Sums, share
from scorer.domain.differing import Change, Shown, differences
from scorer.domain.lint import lint
from scorer.domain.scorecard import Scorecard
from scorer.explaining import title_of
from scorer.store_backtests import Backtest, Progress
from scorer.words import Language, say


def summary(asked: Backtest, progress: Progress) -> dict[str, Any]:
    """A backtest in a line of a list."""
    sums = progress.sums
    return {
        "backtest_id": asked.backtest_id,
        "state": "running" if progress.finished_at is None else "finished",
        "created_at": asked.created_at,
        "created_by": asked.created_by,
        "finished_at": progress.finished_at,
        "from": asked.from_at,
        "to": asked.to_at,
        "live_version": asked.live_version,
        "progress": {"leads": sums.leads, "of": max(asked.leads, sums.leads)},
        "crossed": _pair((sums.crossed_live, sums.crossed_draft)),
        "differences": {kind: sums.differences.get(kind, 0) for kind in DIFFERENCE_KINDS},
    }


def report(
    asked: Backtest, progress: Progress, live: Scorecard, draft: Scorecard, language: Language
) -> dict[str, Any]:
    """All that a backtest has found so far; the differing leads are a list of their own."""
    sums = progress.sums
    return summary(asked, progress) | {
        "cut_short": sums.cut_short,
        "weeks": [{"week": week} | _pair(pair) for week, pair in sorted(sums.weeks.items())],
        "load": _load(sums.whose),
        "judged": {
            "good": sums.good,
            "bad": sums.bad,
            "won": sums.won,
            "closed": sums.closed,
            "live": _judged(sums.live, sums),
            "draft": _judged(sums.draft, sums),
        },
        "apply_all": {
            "at": asked.created_at,
            "would_cross": sums.would_cross_now,
            "would_be_told": sums.would_rescore_now,
        },
        "lint": [
            {"path": each.path, "what": each.what, "fix": each.fix, "severity": each.severity} for each in lint(draft)
        ],
        "diff": changes_in_words(live, draft, language),
    }


def changes_in_words(live: Scorecard, draft: Scorecard, language: Language) -> list[dict[str, Any]]:
    """What differs from live to draft: each change as data and as a sentence."""
    titles = {each.id: each.title for card in (live, draft) for each in card.rules}
    return [
        {
            "what": each.what,
            "name": each.name,
            "before": each.before,
            "after": each.after,
            "words": _sentence(each, titles, language),
        }
        for each in differences(live, draft)
    ]


def _sentence(change: Change, titles: Mapping[str, Mapping[str, str]], language: Language) -> str:
    name = change.name if change.what != "rule" else title_of(change.name, titles[change.name], language)
    what = say(f"what_{change.what}", language, name=name)
    if change.before is None:
        return say("diff_added", language, what=what, after=_fields(change.after or {}, language))
    if change.after is None:
        return say("diff_removed", language, what=what, before=_fields(change.before, language))
    before, after = _fields(change.before, language), _fields(change.after, language)
    return say("diff_changed", language, what=what, before=before, after=after)


def _fields(fields: Mapping[str, Shown], language: Language) -> str:
    return ", ".join(say(f"field_{name}", language, value=value) for name, value in fields.items())


def _load(whose: Mapping[str, tuple[int, int]]) -> list[dict[str, Any]]:
    """Handoffs by whose they would be, the most extra first."""
    rows = [_whose(name) | _pair(pair) for name, pair in whose.items()]
    return sorted(rows, key=lambda row: (-row["extra"], row["by"], row["of"] or ""))


def _whose(name: str) -> dict[str, Any]:
    by, found, of = name.partition(":")
    return {"by": by, "of": of if found else None}


def _judged(hits: Hits, sums: Sums) -> dict[str, Any]:
    return {
        "verdicts": _rates(hits.good, hits.good + hits.bad, sums.good),
        "wins": _rates(hits.won, hits.won + hits.not_won, sums.won),
        "unjudged": hits.unjudged,
    }


def _rates(right: int, chosen: int, relevant: int) -> dict[str, Any]:
    return {"caught": right, "of_crossed": chosen, "precision": share(right, chosen), "recall": share(right, relevant)}


def _pair(pair: Iterable[int]) -> dict[str, int]:
    live, draft = pair
    return {"live": live, "draft": draft, "extra": draft - live}
