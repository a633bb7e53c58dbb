"""Leads: loaded and kept a batch at a time."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final
from uuid import UUID

from router.cases import Case
from router.domain.dossier import Dossier, from_json, place, to_json

if TYPE_CHECKING:
    from asyncpg import Connection

_COLUMNS: Final = ("lead_id", "partition", "place", "dossier")
# looked up row by row: an update's join could be planned as a scan of the table, before its first statistics
_KEEP: Final = (
    "insert into lead_state (lead_id, partition, place, dossier)"
    " select * from unnest($1::uuid[], $2::int[], $3::text[], $4::bytea[])"
    " on conflict (lead_id) do update set place = excluded.place, dossier = excluded.dossier"
)


async def cases_of(connection: "Connection", lanes: Mapping[UUID, int]) -> dict[UUID, Case]:
    """A case for each of these leads (with its lane), in their order; unknown ones begin with an empty dossier."""
    rows = await connection.fetch(
        "select lead_id, dossier from lead_state where lead_id = any($1::uuid[])", list(lanes)
    )
    known: dict[UUID, Dossier] = {row[0]: from_json(row[1]) for row in rows}
    return {lead_id: _case(lead_id, lane, known.get(lead_id)) for lead_id, lane in lanes.items()}


def _case(lead_id: UUID, lane: int, before: Dossier | None) -> Case:
    return Case(lead_id, lane, before, Dossier(lead_id=lead_id) if before is None else before)


async def keep(connection: "Connection", cases: Sequence[Case]) -> None:
    """Write the dossiers that changed, in the order of their ids."""
    changed = sorted([case for case in cases if case.dossier is not case.before], key=_id_bytes)
    # under the lane's lock nobody else makes a lead's row, so those of new leads are copied, which costs half
    if new := [_row(case) for case in changed if case.before is None]:
        await connection.copy_records_to_table("lead_state", records=new, columns=_COLUMNS)
    if known := [_row(case) for case in changed if case.before is not None]:
        await connection.execute(_KEEP, *map(list, zip(*known, strict=True)))


def _row(case: Case) -> tuple[UUID, int, str, bytes]:
    return case.lead_id, case.partition, str(place(case.dossier)), to_json(case.dossier)


def _id_bytes(case: Case) -> bytes:
    return case.lead_id.bytes
