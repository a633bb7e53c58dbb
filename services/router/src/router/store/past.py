"""The past of a window, read for a what-if: desks as they were kept, handoffs, looks in vain, releases, switches, waiting ended."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from router.domain.assign import Choice, Lead, Ways
from router.domain.desk import Desk
from router.domain.past import Freed, Item, Left, Look, Past, Switched, ordered
from shared.contracts.attributes import Attributes
from shared.contracts.handoffs import Decision

MOST_ITEMS: Final = 200_000
REPLAYABLE: Final = timedelta(days=730)
"""How far back a what-if sees."""
ANSWERS_KEPT: Final = timedelta(days=90)
_PREFERRED: Final = frozenset({"returning_owner", "account_owner"})
_DESK: Final = msgspec.json.Decoder(Desk)
_LEAD: Final = msgspec.json.Decoder(Lead)


class _Told(msgspec.Struct, frozen=True):
    score_milli: int = 0
    tier: str | None = None
    attributes: Attributes = msgspec.field(default_factory=Attributes)
    decision: Decision | None = None
    previous_owner: str | None = None
    avoid: tuple[str, ...] = ()
    erased: bool = False


_TOLD: Final = msgspec.json.Decoder(_Told)


class TooMuch(Exception):
    """The window holds more than is replayed at once."""


async def past(session: AsyncConnection, begin: datetime, to: datetime) -> Past:
    """All that is needed to replay from `begin` to `to`.

    Raises TooMuch.
    """
    kept = {row.team: row for row in await session.execute(_DESKS, {"begin": begin})}
    numbers = {team: row.number for team, row in kept.items()}
    since = min([row.at for row in kept.values()], default=begin)
    window = {"since": min(since, begin), "to": to, "most": MOST_ITEMS}
    items: list[Item] = []
    for query, read in ((_HANDOFFS, _handoff), (_LOOKS, _look), (_FREED, _freed), (_SWITCHES, _switch), (_LEFT, _left)):
        rows = (await session.execute(query, window)).all()
        items += [item for row in rows if (item := read(row)) is not None and _is_in(item, numbers)]
        if len(items) >= MOST_ITEMS:
            raise TooMuch
    return Past({team: _DESK.decode(row.desk) for team, row in kept.items()}, ordered(items))


def _is_in(item: Item, numbers: Mapping[str, int]) -> bool:
    return item.team is None or (item.number or 0) >= numbers.get(item.team, 0)


_DESKS: Final = text(
    "select distinct on (team) team, number, at, desk from desk_day"
    " order by team, (at <= :begin) desc, case when at <= :begin then -number else number end"
)
_HANDOFFS: Final = text(
    "select handoff_id as id, lead_id, owner, team, step, offered_at, coalesce(told, decided) as told from handoff"
    " where coalesce(told, decided) is not null"
    " and offered_at >= :since and offered_at < :to limit :most"
)
_LOOKS: Final = text(
    "select look_id as id, team, number, lead_id, lead, policy_version, at from look where at >= :since and at < :to limit :most"
)
_FREED: Final = text(
    "select release_id as id, team, number, rep, lead_id, at from desk_release where at >= :since and at < :to limit :most"
)
_SWITCHES: Final = text(
    "select switch_id as id, team, number, rep, available, at from rep_switch where at >= :since and at < :to limit :most"
)

_LEFT: Final = text("select left_id as id, lead_id, at from waiting_left where at >= :since and at < :to limit :most")
# what stands from before every desk that is kept is part of no window; null where no desk is kept
_OLDER_THAN_ITS_DESKS: Final = "number < (select min(number) from desk_day d where d.team = it.team)"
_OLDER_THAN_ANY_DESK: Final = "at < (select min(at) from desk_day)"


def _handoff(row: Any) -> Item | None:
    told = _TOLD.decode(row.told)
    decision = told.decision
    if decision is None:  # it was carried over from another lead: no decision of a team
        return None
    lead = Lead(told.attributes, told.score_milli, told.tier, told.previous_owner, frozenset(told.avoid), row.step)
    given = decision.strategy == "by_hand" or decision.rule.startswith("pool:")
    ways = None
    if told.erased:
        lead, ways = _of_erased(lead, decision, row.owner, row.team)
    elif decision.rule == "by_hand":
        ways = Ways((), Choice(row.team, "by_hand"))
    return Look(
        row.offered_at, row.team, decision.number, _id(row.lead_id), lead, decision.policy_version, row.owner, given, ways, row.id.int
    )  # fmt: skip


def _of_erased(lead: Lead, decision: Decision, owner: str, team: str) -> tuple[Lead, Ways]:
    """Of an erased lead only the decision is known: where it went is fixed, and for whom it was nothing."""
    unfit = frozenset(
        each.rep
        for each in decision.considered
        if each.skipped is not None and (each.skipped.startswith("not_eligible") or each.skipped == "had_it_before")
    )
    seen = msgspec.structs.replace(lead, avoid=unfit)
    if decision.strategy in _PREFERRED:
        return seen, Ways(((owner, decision.strategy),), None)
    return seen, Ways((), Choice(team, decision.rule))


def _look(row: Any) -> Item:
    lead = _LEAD.decode(row.lead)
    return Look(row.at, row.team, row.number, _id(row.lead_id), lead, row.policy_version, order=row.id.int)


def _freed(row: Any) -> Item:
    return Freed(row.at, row.team, row.number, row.rep, _id(row.lead_id), row.id.int)


def _switch(row: Any) -> Item | None:
    if not row.number:  # of before it was kept where among the decisions it was thrown
        return None
    return Switched(row.at, row.team, row.number, row.rep, row.available, row.id.int)


def _left(row: Any) -> Item:
    return Left(row.at, _id(row.lead_id), row.id.int)


def _id(kept: UUID) -> UUID:
    return UUID(int=kept.int)


async def keep(session: AsyncConnection, what_if_id: UUID, by: str, at: datetime, result: bytes) -> None:
    """Keep an answer."""
    await session.execute(
        text("insert into what_if (what_if_id, asked_by, asked_at, result) values (:id, :by, :at, :result)"),
        {"id": what_if_id, "by": by, "at": at, "result": result},
    )


async def kept(session: AsyncConnection, what_if_id: UUID) -> bytes | None:
    """An answer that was kept."""
    found: bytes | None = await session.scalar(
        text("select result from what_if where what_if_id = :id"), {"id": what_if_id}
    )
    return found


async def versions(session: AsyncConnection, kind: str) -> list[tuple[int, datetime]]:
    """The versions of a policy and since when each was in force, oldest first."""
    rows = await session.execute(
        text("select version, effective_from from policy where kind = :kind order by version"), {"kind": kind}
    )
    return [(row[0], row[1]) for row in rows]


async def prune_answers(session: AsyncConnection, before: datetime, most: int) -> int:
    """Delete answers of what-ifs that were given before; how many."""
    query = text(
        "delete from what_if where what_if_id in (select what_if_id from what_if where asked_at < :before"
        " limit :most for update skip locked)"
    )
    return (await session.execute(query, {"before": before, "most": most})).rowcount


async def prune_desks(session: AsyncConnection, before: datetime, most: int) -> int:
    """Delete desks of days before, but of each team the last of them: from it a window that begins then is replayed."""
    query = text(
        "delete from desk_day where (team, number) in (select d.team, d.number from desk_day d where d.at < :before"
        " and exists (select from desk_day later where later.team = d.team and later.number > d.number"
        " and later.at <= :before) order by d.at limit :most for update skip locked)"
    )
    return (await session.execute(query, {"before": before, "most": most})).rowcount


async def prune_looks(session: AsyncConnection, before: datetime, most: int) -> int:
    """Delete looks in vain from before, once no kept desk is older than they are; how many."""
    return await _prune(session, "look", _OLDER_THAN_ITS_DESKS, before, most)


async def prune_releases(session: AsyncConnection, before: datetime, most: int) -> int:
    """Delete capacity given back before, once no kept desk is older than that; how many."""
    return await _prune(session, "desk_release", _OLDER_THAN_ITS_DESKS, before, most)


async def prune_left(session: AsyncConnection, before: datetime, most: int) -> int:
    """Delete ends of waiting from before, once no kept desk is older than they are; how many."""
    return await _prune(session, "waiting_left", _OLDER_THAN_ANY_DESK, before, most)


async def _prune(session: AsyncConnection, table: str, not_replayed: str, before: datetime, most: int) -> int:
    query = text(
        f"delete from {table} where ctid = any(array(select ctid from {table} it where at < :before"
        f" and coalesce({not_replayed}, true) order by at limit :most for update skip locked))"
    )
    return (await session.execute(query, {"before": before, "most": most})).rowcount
