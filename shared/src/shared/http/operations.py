"""What operators ask every service: lag, parked records, consumers, the tally of captures."""

from dataclasses import asdict
from typing import Annotated
from uuid import UUID

import orjson
from fastapi import APIRouter, Depends, Query
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.responses import Response

from shared.http.access import Principal
from shared.http.app import caller
from shared.http.problems import Problem
from shared.runtime.consumer import Consumer
from shared.runtime.desk import Desk
from shared.runtime.failures import is_passing
from shared.runtime.service import Service, Unprocessable
from shared.runtime.streams import Position, Record, Stream
from shared.store import lanes, outbox
from shared.store.parked import of_lead, words_of


def operations(desk: Desk, service: Service, consumer: Consumer | None) -> APIRouter:
    """`/v1/ops/{service}/…` of one service."""
    router = APIRouter(prefix=f"/v1/ops/{service.name}", tags=["operations"])

    @router.get("/me")
    async def me(principal: Annotated[Principal, Depends(caller)]) -> Response:
        """Who the caller is."""
        return _json({**asdict(principal), "teams": sorted(principal.teams)})

    @router.get("/lag")
    async def lag() -> Response:
        heads = newest_heads(desk)
        async with desk.read() as session:
            consumed = await lanes.positions(session)
        behind = {
            stream: _behind(head, consumed.get(stream, Position(0, 0)))
            for stream, head in sorted(heads.items())
            if stream.topic in service.consumes
        }
        items = [
            {"topic": stream.topic, "partition": stream.partition, "head": heads[stream].seq, "lag": count}
            for stream, count in behind.items()
        ]
        return _json({"service": service.name, "items": items, "lag": sum(behind.values())})

    @router.get("/tally")
    async def tally() -> Response:
        async with desk.read() as session:
            rows = await session.execute(
                text("select partition, minute, count, xor from capture_tally order by partition, minute")
            )
            return _json({"items": [dict(row) for row in rows.mappings()], "next": None})

    _register_routes(router, desk)
    _holding_routes(router, desk, service)
    _parked_routes(router, desk, service, consumer)
    return router


def _behind(head: Position, here: Position) -> int:
    """Records between two positions; numbers of another epoch say nothing of this one."""
    return max(0, head.seq - here.seq) if here.epoch == head.epoch else head.seq


def newest_heads(desk: Desk) -> dict[Stream, Position]:
    """The last number of every stream, by the producers' latest reports."""
    heads: dict[Stream, Position] = {}
    for report in desk.reports():
        heads.update(report.emitted)
    return heads


def _register_routes(router: APIRouter, desk: Desk) -> None:
    @router.get("/consumers")
    async def consumers() -> Response:
        async with desk.read() as session:
            heads = await outbox.heads(session)
            rows = await session.execute(
                text("select service, topic, partition, epoch, seq, reported_at from consumer order by 1, 2, 3")
            )
            items = [
                {
                    **row,
                    "behind": _behind(
                        heads[Stream(row["topic"], row["partition"])], Position(row["epoch"], row["seq"])
                    ),
                }
                for row in rows.mappings()
                if Stream(row["topic"], row["partition"]) in heads
            ]
        return _json({"items": items, "next": None})

    @router.delete("/consumers/{name}")
    async def remove(name: str) -> Response:
        async with desk.work() as work:
            result = await work.session.execute(text("delete from consumer where service = :name"), {"name": name})
        if not result.rowcount:
            raise Problem(404, f"no consumer {name!r} is registered here")
        return _json({"removed": name, "streams": result.rowcount})


def _parked_routes(router: APIRouter, desk: Desk, service: Service, consumer: Consumer | None) -> None:
    @router.get("/parked")
    async def parked_list(limit: Annotated[int, Query(ge=1)] = 100, cursor: UUID | None = None) -> Response:
        async with desk.read() as session:
            rows = await session.execute(
                text(
                    "select id, lead_id, topic, partition, seq, event_id, state, reason, digest, parked_at from parked"
                    " where state in ('parked', 'behind') and (cast(:cursor as uuid) is null or id > :cursor)"
                    " order by id limit :limit"
                ),
                {"cursor": cursor, "limit": min(limit, 1000)},
            )
            items = [dict(row) for row in rows.mappings()]
        last = items[-1]["id"] if len(items) == min(limit, 1000) else None
        return _json({"items": items, "next": last})

    @router.post("/parked/{parked_id}/release")
    async def release(parked_id: UUID) -> Response:
        lead_id = await _lead_of(desk, parked_id)
        if consumer is None:
            raise Problem(404, f"{service.name} consumes nothing, so nothing is parked here")
        async with desk.work_on([lead_id]) as work:
            rows = (
                await work.session.execute(
                    text(
                        "select topic, partition, epoch, seq, event_id, lead_id, value from parked"
                        " where lead_id = :lead and state in ('parked', 'behind') order by parked_at, id for update"
                    ),
                    {"lead": lead_id},
                )
            ).all()
            records = [
                Record(Stream(r.topic, r.partition), r.epoch, r.seq, r.event_id, r.lead_id, r.value) for r in rows
            ]
            try:
                await consumer.dispatch(records, work)
            except Exception as error:
                if is_passing(error):
                    raise
                words = str(error) if isinstance(error, Unprocessable) else words_of(error)
                raise Problem(
                    409, f"it still can't be handled, and stays parked: {words}", code="still-fails"
                ) from error
            await _close(work.session, lead_id, "released")
            await _advance(work.session, desk.lane(lead_id))
        return _json({"released": len(records), "lead_id": lead_id})

    @router.post("/parked/{parked_id}/discard")
    async def discard(parked_id: UUID) -> Response:
        lead_id = await _lead_of(desk, parked_id)
        async with desk.work_on([lead_id]) as work:
            result = await work.session.execute(
                text(
                    "update parked set state = 'discarded', closed_at = clock_timestamp()"
                    " where id = :id and state in ('parked', 'behind')"
                ),
                {"id": parked_id},
            )
            if not result.rowcount:
                raise _no_such_record()  # released in the meantime: its effect stands
            waiting = await of_lead(work.session, lead_id)
            await _advance(work.session, desk.lane(lead_id))
        return _json({"discarded": parked_id, "lead_id": lead_id, "waiting": waiting})


def _holding_routes(router: APIRouter, desk: Desk, service: Service) -> None:
    @router.get("/holdings")
    async def holdings() -> Response:
        items: list[dict[str, object]] = []
        async with desk.read() as session:
            for name, query in service.holdings.items():
                rows = await session.execute(
                    text(
                        "select partition, count(*) as count, bit_xor(hashtextextended(id::text, 0)) as xor"
                        f" from ({query}) held group by partition order by partition"
                    )
                )
                for row in rows.mappings():
                    items.append({"holding": name, **{str(column): value for column, value in row.items()}})  # noqa: PERF401 - typed
        return _json({"items": items, "next": None})

    @router.get("/holdings/{holding}")
    async def held(holding: str, partition: int) -> Response:
        query = service.holdings.get(holding)
        if query is None:
            raise Problem(404, f"{service.name} holds {', '.join(service.holdings) or 'nothing'}")
        async with desk.read() as session:
            rows = await session.execute(
                text(f"select id, lead_id from ({query}) held where partition = :partition order by id"),
                {"partition": partition},
            )
            return _json({"items": [dict(row) for row in rows.mappings()], "next": None})


async def _lead_of(desk: Desk, parked_id: UUID) -> UUID:
    async with desk.read() as session:
        lead_id = await session.scalar(
            text("select lead_id from parked where id = :id and state in ('parked', 'behind')"), {"id": parked_id}
        )
    if lead_id is None:
        raise _no_such_record()
    return lead_id


def _no_such_record() -> Problem:
    return Problem(404, "no open parked record has this id; see `baton parked list`", code="not-parked")


async def _close(session: AsyncConnection, lead_id: UUID, state: str) -> None:
    await session.execute(
        text(
            "update parked set state = :state, closed_at = clock_timestamp()"
            " where lead_id = :lead and state in ('parked', 'behind')"
        ),
        {"state": state, "lead": lead_id},
    )


async def _advance(session: AsyncConnection, partition: int) -> None:
    """The owner's cached set of parked leads is stale now: moving the version has it reload."""
    await session.execute(text("update lane set version = version + 1 where partition = :p"), {"p": partition})


def _json(value: dict[str, object]) -> Response:
    return Response(orjson.dumps(value, default=_plain), media_type="application/json")


def _plain(value: object) -> str:
    if isinstance(value, UUID):
        return str(value)  # the driver's UUIDs are of a class of its own, which orjson refuses
    raise TypeError(type(value).__name__)
