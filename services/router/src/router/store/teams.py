"""Teams' desks: read under their rows' locks, which make a team's decisions serial."""

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from router.domain.desk import Desk, Load
from router.domain.policy import Routing

if TYPE_CHECKING:
    from asyncpg import Connection

_DECODER = msgspec.json.Decoder(Desk)
_LOCK = 'select id, desk from team where id = any($1::text[]) order by id collate "C" for update'
_OPEN_WORK = (
    "select owner, count(*) from (select owner from handoff where state <> 'closed' and owner = any($1::text[])"
    " union all select owner from opportunity where closed_at is null and owner = any($1::text[])) w group by owner"
)


async def locked(connection: "Connection", teams: Collection[str], routing: Routing) -> dict[str, Desk]:
    """The desks of these teams, their rows locked in ascending order in one statement."""
    if not teams:
        return {}
    rows = await connection.fetch(_LOCK, sorted(teams))
    if len(rows) < len(teams):
        await _create(connection, teams)
        rows = await connection.fetch(_LOCK, sorted(teams))
    desks: dict[str, Desk] = {row[0]: _DECODER.decode(row[1]) for row in rows}
    return {team: await _with_newcomers(connection, desk, routing) for team, desk in desks.items()}


async def _create(connection: "Connection", teams: Collection[str]) -> None:
    ids = sorted(teams)
    await connection.execute(
        "insert into team (id, desk) select * from unnest($1::text[], $2::bytea[]) on conflict do nothing",
        ids,
        [msgspec.json.encode(Desk(team)) for team in ids],
    )


async def _with_newcomers(connection: "Connection", desk: Desk, routing: Routing) -> Desk:
    """A rep who is new to the team brings the open work along, so that a move between teams frees nothing."""
    team = routing.teams.get(desk.team)
    new = [rep.id for rep in team.reps if rep.id not in desk.loads] if team else []
    if not new:
        return desk
    counts = {row[0]: row[1] for row in await connection.fetch(_OPEN_WORK, new)}
    return replace(desk, loads={**desk.loads, **{rep: Load(open=counts.get(rep, 0)) for rep in new}})


async def keep(connection: "Connection", desks: Mapping[str, Desk]) -> None:
    """Write the desks; their rows are locked by us."""
    if desks:
        await connection.execute(
            "update team set desk = d.desk from unnest($1::text[], $2::bytea[]) d(id, desk) where team.id = d.id",
            list(desks),
            [msgspec.json.encode(desk) for desk in desks.values()],
        )
