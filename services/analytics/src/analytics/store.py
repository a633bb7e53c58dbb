"""Analytics' tables and the hot statements of a batch; reads for the API are in queries.py."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from uuid import UUID

import msgspec

from analytics.domain.contribution import MEASURES, Cell, Measures
from analytics.domain.facts import NOTHING, Facts, pack, unpack
from shared.contracts import Event
from shared.runtime.service import Delivered

if TYPE_CHECKING:
    from asyncpg import Connection

_EVENT_COLUMNS: Final = ("partition", "id", "topic", "epoch", "seq", "lead_id", "value")
_KEY: Final = ("partition", "generation", "dimension", "day", "value", "currency")
_ROLLUP_COLUMNS: Final = (*_KEY, *MEASURES)
_ROLLUP_TYPES: Final = ("int", "int", "text", "date", "text", "text", *(["bigint"] * len(MEASURES)))
_ADD: Final = (
    f"insert into rollup ({', '.join(_ROLLUP_COLUMNS)}) select * from unnest("
    + ", ".join(f"${n}::{kind}[]" for n, kind in enumerate(_ROLLUP_TYPES, 1))
    + f") on conflict ({', '.join(_KEY)}) do update set "
    + ", ".join(f"{name} = rollup.{name} + excluded.{name}" for name in MEASURES)
)
_AT: Final = "'epoch'::timestamptz + {} * interval '1 microsecond'"
"""Bigints are sent in a third of the time; exact until the year 2255."""
_KEEP: Final = (
    "insert into lead_fact (lead_id, partition, generation, basis, day, captured_recorded_at, touched_at, place, facts)"
    f" select lead_id, partition, generation, $9, day, {_AT.format('captured')}, {_AT.format('touched')}, place, facts"
    " from unnest($1::uuid[], $2::int[], $3::bigint[], $4::text[], $5::bytea[], $6::int[], $7::date[], $8::bigint[])"
    " as t(lead_id, partition, touched, place, facts, generation, day, captured)"
    " on conflict (lead_id) do update set generation = excluded.generation, basis = excluded.basis,"
    " day = excluded.day, captured_recorded_at = excluded.captured_recorded_at, touched_at = excluded.touched_at,"
    " place = excluded.place, facts = excluded.facts"
)
# of rows that are there; an update's join could be planned on the small table of the first day, a conflict is looked up
_CARRY_ON: Final = (
    "insert into lead_fact (lead_id, partition, basis, touched_at, place, facts)"
    f" select lead_id, partition, $6, {_AT.format('touched')}, place, facts"
    " from unnest($1::uuid[], $2::int[], $3::bigint[], $4::text[], $5::bytea[])"
    " as t(lead_id, partition, touched, place, facts)"
    " on conflict (lead_id) do update set touched_at = excluded.touched_at, place = excluded.place,"
    " facts = excluded.facts"
)


class Kept(msgspec.Struct, frozen=True):
    """A lead's row: its facts, the basis its contribution was counted on, the generation of cells it went into."""

    lead_id: UUID
    partition: int
    generation: int
    basis: str
    facts: Facts


class Place(NamedTuple):
    """A cell of one lane and generation."""

    partition: int
    generation: int
    cell: Cell


class Row(msgspec.Struct, frozen=True):
    """A lead's row as it is to be written."""

    kept: Kept
    place: str | None
    day: date | None
    carries_on: bool
    """Whether the row is there already, with the same capture, basis and generation."""


async def keep_events(connection: "Connection", batch: Sequence[Delivered[Event]]) -> None:
    """Append the events as they came."""
    rows: list[tuple[Any, ...]] = []
    for each in batch:
        record = each.record
        topic, partition = record.stream
        rows.append((partition, record.id, topic, record.epoch, record.seq, record.lead_id, record.value))
    await connection.copy_records_to_table("event", records=rows, columns=_EVENT_COLUMNS)


async def kept_of(connection: "Connection", lead_ids: Iterable[UUID]) -> dict[UUID, Kept]:
    """The rows of these leads that are known."""
    rows = await connection.fetch(
        "select lead_id, partition, generation, basis, facts from lead_fact where lead_id = any($1::uuid[])",
        list(lead_ids),
    )
    return {row[0]: _kept(row) for row in rows}


async def kept_before(connection: "Connection", partition: int, generation: int, limit: int) -> list[Kept]:
    """Rows of a lane whose contribution stands in an older generation of cells."""
    rows = await connection.fetch(
        "select lead_id, partition, generation, basis, facts from lead_fact"
        " where partition = $1 and generation < $2 order by lead_id limit $3",
        partition,
        generation,
        limit,
    )
    return [_kept(row) for row in rows]


def _kept(row: Sequence[Any]) -> Kept:
    return Kept(row[0], row[1], row[2], row[3], unpack(row[4]) if row[4] else NOTHING)


async def events_of(connection: "Connection", lead_ids: Sequence[UUID]) -> list[tuple[UUID, UUID, str, bytes]]:
    """(lead, event id, topic, value) of all events of these leads."""
    rows = await connection.fetch(
        "select lead_id, id, topic, value from event where lead_id = any($1::uuid[])", list(lead_ids)
    )
    return [(row[0], row[1], row[2], row[3]) for row in rows]


async def keep(connection: "Connection", rows: Iterable[Row], basis: str) -> None:
    """Write the leads' rows, counted on `basis`, in the order of their ids; of most, only what every event changes."""
    ordered = sorted(rows, key=lambda row: row.kept.lead_id.bytes)
    if carrying_on := [row for row in ordered if row.carries_on]:
        await connection.execute(_CARRY_ON, *_columns(carrying_on), basis)
    if others := [row for row in ordered if not row.carries_on]:
        await connection.execute(
            _KEEP,
            *_columns(others),
            [row.kept.generation for row in others],
            [row.day for row in others],
            [row.kept.facts.captured_recorded for row in others],
            basis,
        )


def _columns(rows: Sequence[Row]) -> tuple[list[UUID], list[int], list[int], list[str | None], list[bytes]]:
    kept = [row.kept for row in rows]
    return (
        [each.lead_id for each in kept],
        [each.partition for each in kept],
        [each.facts.touched for each in kept],
        [row.place for row in rows],
        [pack(each.facts) for each in kept],
    )


async def add(connection: "Connection", changes: Mapping[Place, Measures]) -> None:
    """Add to the cells, in one statement and in the order of their keys."""
    ordered = sorted((each for each in changes.items() if any(each[1])), key=itemgetter(0))
    if not ordered:
        return
    keys = [place for place, _ in ordered]
    await connection.execute(
        _ADD,
        [key.partition for key in keys],
        [key.generation for key in keys],
        [key.cell.dimension for key in keys],
        [key.cell.day for key in keys],
        [key.cell.value for key in keys],
        [key.cell.currency for key in keys],
        *(list(column) for column in zip(*(measures for _, measures in ordered), strict=True)),
    )
