"""A relay's side of its service's database: numbers given and dropped, records to send, confirmations, the register."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from shared.contracts.topology import PRODUCER
from shared.runtime.reports import Report
from shared.runtime.streams import Announcement, Position, Record, Stream
from shared.store import outbox
from shared.store.register import announcements, report_consumed


@dataclass(slots=True)
class Numbers:
    """The last number given in each stream, the highest dropped, and the restores announced."""

    heads: dict[Stream, Position] = field(default_factory=dict[Stream, Position])
    floors: dict[Stream, Position] = field(default_factory=dict[Stream, Position])
    history: Mapping[Stream, Sequence[Announcement]] = field(default_factory=dict[Stream, Sequence[Announcement]])

    def last_seq(self, stream: Stream, epoch: int) -> int:
        """The last number given in an epoch."""
        ended = [step.old_last for step in self.history.get(stream, ()) if step.old_epoch == epoch]
        return ended[0] if ended else self.heads[stream].seq

    def floor(self, stream: Stream, epoch: int) -> int:
        """The highest number dropped in an epoch."""
        floor = self.floors.get(stream)
        return floor.seq if floor is not None and floor.epoch == epoch else 0


@dataclass(slots=True)
class Outbox:
    """One service's outbox, as its relay needs it."""

    engine: AsyncEngine
    service: str

    async def numbers(self) -> Numbers:
        """All of them, read now."""
        async with self.engine.connect() as session:
            numbers = Numbers(
                await outbox.heads(session), await outbox.floors(session), await announcements(session)
            )  # fmt: skip
            await session.rollback()
        return numbers

    async def heads(self) -> dict[Stream, Position]:
        """The last number given in each stream."""
        async with self.engine.connect() as session:
            heads = await outbox.heads(session)
            await session.rollback()
        return heads

    async def read(self, after: Mapping[Stream, Position], limit: int) -> list[Record]:
        """The records behind these positions."""
        async with self.engine.connect() as session:
            raw = await session.get_raw_connection()
            if raw.driver_connection is None:
                raise ConnectionError("the database connection is gone")
            records = await outbox.read(raw.driver_connection, after, limit)
            await session.rollback()
        return records

    async def confirmed(self) -> dict[Stream, Position]:
        """What was confirmed, as kept now and then."""
        async with self.engine.connect() as session:
            rows = await session.execute(text("select topic, partition, epoch, confirmed from relay_out"))
            kept = {Stream(row[0], row[1]): Position(row[2], row[3]) for row in rows}
            await session.rollback()
        return kept

    async def keep(
        self, confirmed: Mapping[Stream, Position], reports: Sequence[Report], partitions: Collection[int]
    ) -> None:
        """Keep confirmations, and enter in the register what consumers say they hold of these partitions."""
        async with self.engine.connect() as session:
            await session.execute(text("set local lock_timeout = '500ms'"))
            if confirmed:
                await self._keep_confirmed(session, confirmed)
            for report in reports:
                mine = {
                    stream: position
                    for stream, position in report.consumed.items()
                    if stream.partition in partitions and PRODUCER.get(stream.topic) == self.service
                }
                await report_consumed(session, report.service, mine)
            await session.commit()

    async def _keep_confirmed(self, session: AsyncConnection, confirmed: Mapping[Stream, Position]) -> None:
        await session.execute(
            text(
                "insert into relay_out as r (topic, partition, epoch, confirmed) select * from unnest("
                "cast(:topics as text[]), cast(:partitions as int[]), cast(:epochs as bigint[]),"
                " cast(:confirmed as bigint[])) on conflict (topic, partition)"
                " do update set epoch = excluded.epoch, confirmed = excluded.confirmed"
                " where r.epoch <> excluded.epoch or r.confirmed < excluded.confirmed"
            ),
            {
                "topics": [stream.topic for stream in confirmed],
                "partitions": [stream.partition for stream in confirmed],
                "epochs": [position.epoch for position in confirmed.values()],
                "confirmed": [position.seq for position in confirmed.values()],
            },
        )
