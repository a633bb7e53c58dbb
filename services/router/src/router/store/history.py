"""What a what-if replays beside the handoffs: desks as each day began, capacity given back, looks in vain, waiting ended."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

import msgspec

from router.domain.assign import Lead, Pooled, Waiting
from router.domain.desk import Desk, kept_today, local_day
from router.domain.rules import Policy
from shared.runtime.ids import new_id

if TYPE_CHECKING:
    from asyncpg import Connection

_ENCODER = msgspec.json.Encoder()


class Release(NamedTuple):
    """A rep's open work ended before the team's decision of this number."""

    team: str
    number: int
    rep: str
    lead_id: UUID
    id: UUID


class Vain(NamedTuple):
    """A look at a lead that gave it to nobody."""

    lead: Lead
    outcome: Waiting | Pooled
    lead_id: UUID
    id: UUID


def opened(desk: Desk, policy: Policy, now: datetime) -> Desk:
    """The desk as it is to be kept, once on each local day of its team; itself where it was, or the team is gone."""
    team = policy.routing.teams.get(desk.team)
    return desk if team is None else kept_today(desk, local_day(team, now))


async def keep_desks(connection: "Connection", desks: Sequence[Desk], now: datetime) -> None:
    """Keep how these desks stood before the day's first decision."""
    if desks:
        await connection.execute(
            "insert into desk_day (team, number, at, desk) select t, n, $1, d"
            " from unnest($2::text[], $3::int[], $4::bytea[]) x(t, n, d) on conflict do nothing",
            now,
            [desk.team for desk in desks],
            [desk.next_number for desk in desks],
            [_ENCODER.encode(desk) for desk in desks],
        )


async def keep(
    connection: "Connection",
    releases: Sequence[Release],
    vain: Sequence[Vain],
    left: Sequence[UUID],
    now: datetime,
    version: int,
) -> None:
    """Keep what was given back, who was looked at in vain, and who waits no more though nobody got them."""
    if left:
        await connection.execute(
            "insert into waiting_left (left_id, lead_id, at) select *, $1 from unnest($2::uuid[], $3::uuid[])",
            now,
            [new_id() for _ in left],
            list(left),
        )
    if releases:
        await connection.execute(
            "insert into desk_release (team, number, rep, lead_id, release_id, at)"
            " select *, $1 from unnest($2::text[], $3::int[], $4::text[], $5::uuid[], $6::uuid[])",
            now,
            *map(list, zip(*releases, strict=True)),
        )
    if vain:
        await connection.execute(
            "insert into look (team, number, lead_id, lead, reason, look_id, policy_version, at) select *, $1, $2"
            " from unnest($3::text[], $4::int[], $5::uuid[], $6::bytea[], $7::text[], $8::uuid[])",
            version,
            now,
            [look.outcome.team for look in vain],
            [look.outcome.decision.number if look.outcome.decision else None for look in vain],
            [look.lead_id for look in vain],
            [_ENCODER.encode(look.lead) for look in vain],
            [look.outcome.reason if isinstance(look.outcome, Waiting) else "pull" for look in vain],
            [look.id for look in vain],
        )
