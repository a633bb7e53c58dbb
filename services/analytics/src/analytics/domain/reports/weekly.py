"""The weekly pack: forgotten leads, breaches by promise and owner, rejections by reason, and who is to be called again."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from analytics.domain.facts import Facts
from analytics.domain.reports.forgotten import Forgotten, forgotten_leads
from analytics.domain.reports.lateness import Rejection, lateness_or_quality
from analytics.domain.reports.scope import Scope
from analytics.domain.reports.table import Column, Table, columns
from analytics.domain.stages import is_true
from analytics.domain.values import Value, Word
from shared.contracts import ClockBreached, ClockRevoked


class Broken(NamedTuple):
    """A breach, and whether it still stands."""

    promise: str
    owner: str | None
    team: str | None
    lead_id: UUID
    revoked: bool


def broken(events: Iterable[ClockBreached | ClockRevoked], facts: Mapping[UUID, Facts]) -> list[Broken]:
    """Each clock once, with the owner as of its handoff; a lead that no longer counts is left out."""
    clocks: dict[UUID, Broken] = {}
    for event in events:
        known = facts.get(event.lead_id)
        breach = known.breaches.get(event.clock_id.bytes) if known else None
        if known is None or breach is None or known.test or known.purged or not (is_true(breach) or breach.revoked):
            continue
        handoff = known.handoffs.get(breach.handoff) if breach.handoff else None
        assignment = handoff.assignment if handoff else None
        owner, team = (assignment.owner, assignment.team) if assignment else (breach.owner, breach.team)
        clocks[event.clock_id] = Broken(breach.promise, owner, team, event.lead_id, breach.revoked)
    return list(clocks.values())


def weekly_pack(
    forgotten: Sequence[Forgotten],
    breaches: Sequence[Broken],
    rejections: Sequence[Rejection],
    scope: Scope,
    now: datetime,
) -> list[Table]:
    """The sections of the one document."""
    late = [each for each in rejections if each.verdict == "late_rep"]
    return [
        forgotten_leads(forgotten, scope, now),
        _breaches(each for each in breaches if scope.sees(each.owner, each.team)),
        _rejections([each for each in rejections if scope.sees(each.event.owner, each.team)]),
        lateness_or_quality(late, scope, name="late-reps"),
    ]


def _breaches(found: Iterable[Broken]) -> Table:
    lines: defaultdict[tuple[str, str, str], Counter[str]] = defaultdict(Counter[str])
    every = Counter[str]()
    for each in found:
        what = "revoked" if each.revoked else "breaches"
        lines[each.promise, each.team or "", each.owner or ""][what] += 1
        every[what] += 1
    rows: list[Mapping[str, Value]] = [
        {"promise": Word("promise", promise), "owner": owner or None, "team": team or None, **_stood(counts)}
        for (promise, team, owner), counts in sorted(lines.items())
    ]
    return Table("breaches", columns("promise", "owner", "team", "breaches", "revoked"), rows, _stood(every))


def _stood(counts: Counter[str]) -> dict[str, Value]:
    return {"breaches": counts["breaches"], "revoked": counts["revoked"]}


def _rejections(found: Sequence[Rejection]) -> Table:
    lines: defaultdict[str, Counter[str]] = defaultdict(Counter[str])
    for each in found:
        lines[each.event.reason][each.verdict] += 1
    faults = ("late_rep", "bad_lead", "both", "neither")
    every = sum(lines.values(), Counter[str]())
    ordered = sorted(lines, key=lambda reason: (-lines[reason].total(), reason))
    heads = [*columns("reason", "rejections"), *(Column("rejections", of=each, words="verdict") for each in faults)]

    def cells(counts: Counter[str]) -> dict[str, Value]:
        return {"rejections": counts.total(), **{f"rejections_{each}": counts[each] for each in faults}}

    rows: list[Mapping[str, Value]] = [{"reason": Word("reason", each), **cells(lines[each])} for each in ordered]
    return Table("rejections", heads, rows, cells(every))
