"""Reads imported files in the background, some hundred rows a transaction, and goes on after a kill where it was.

How far a file is read is moved in the transaction that keeps the rows, by compare-and-set: two processes may read one
file, and each row is still counted once.
"""

import asyncio
import contextlib
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, BinaryIO, cast
from uuid import UUID

import msgspec
import orjson
import structlog

from intake.admission import Item, Request, read_part
from intake.capture import OtherBody, Placed, Raced, RulesChanged, capture
from intake.domain.import_row import column_field, envelope
from intake.domain.policy import Door, ImportDoor
from intake.domain.proof import Arrival
from intake.domain.refusals import Refused
from intake.domain.submission import Unmappable
from intake.imports import store
from intake.imports.file import Format
from intake.imports.rows import Row, Rows
from intake.intake import Intake
from intake.rules import Rules
from shared.http.problems import Problem
from shared.runtime.desk import Desk
from shared.runtime.failures import CommitInDoubt, is_passing

log = structlog.get_logger("intake")

_ROWS_AT_ONCE = 500
_LOOK_S = 1.0
_ABANDONED_S = 3.0  # a file that nobody has moved on for so long is taken over
_FIRST_PAUSE_S = 0.05
_LONGEST_PAUSE_S = 5.0


class Overtaken(Exception):
    """Another process reads this file, or it is at its end."""


class Unreadable(Exception):
    """The file can't be read on; says why."""


@dataclass(slots=True)
class Job:
    """A file being read by this process."""

    import_id: UUID
    door: str
    digest: str
    constants: dict[str, str]
    counts: Counter[str]
    next_row: int
    file: BinaryIO
    rows: Rows


@dataclass(slots=True)
class Reader:
    """The files that this process reads, one chunk of each in turn."""

    intake: Intake
    woken: asyncio.Event = field(default_factory=asyncio.Event)
    ours: set[UUID] = field(default_factory=set[UUID])
    jobs: dict[UUID, Job] = field(default_factory=dict[UUID, Job])
    _stood: dict[UUID, tuple[int, float]] = field(default_factory=dict[UUID, tuple[int, float]])

    def take(self, import_id: UUID) -> None:
        """A file was accepted here: read it at once."""
        self.ours.add(import_id)
        self.woken.set()

    async def run(self, desk: Desk) -> None:
        """Read for ever."""
        try:
            await self._run(desk)
        finally:
            for job in self.jobs.values():
                job.file.close()

    async def _run(self, desk: Desk) -> None:
        while True:
            self.woken.clear()
            try:
                await self._look(desk)
                while self.jobs and not self.woken.is_set():
                    for job in list(self.jobs.values()):
                        await self._step(desk, job)
            except Exception as error:
                if not (is_passing(error) or isinstance(error, Problem)):
                    raise
                log.warning("imports wait", error=type(error).__name__)
                await asyncio.sleep(_LOOK_S)
            if not self.jobs:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_LOOK_S):
                        await self.woken.wait()

    async def _look(self, desk: Desk) -> None:
        """Open the files that nobody reads: those accepted here, and those that stand still."""
        async with desk.read() as session:
            found = await store.being_read(session)
        now_s = time.monotonic()
        for import_id, next_row in found:
            before = self._stood.get(import_id)
            if before is None or before[0] != next_row:
                self._stood[import_id] = before = (next_row, now_s)
            if import_id not in self.jobs and (import_id in self.ours or now_s - before[1] >= _ABANDONED_S):
                self.ours.discard(import_id)
                await self._open(desk, import_id)
        self._stood = {import_id: self._stood[import_id] for import_id, _ in found}

    async def _open(self, desk: Desk, import_id: UUID) -> None:
        async with desk.read() as session:
            row = await store.the_import(session, import_id)
            if row is None or row.state != "reading":
                return
        file = cast("BinaryIO", tempfile.TemporaryFile())  # noqa: SIM115 - closed with the job
        try:
            async with desk.read() as session:
                await store.bring(session, import_id, file)
            rows = await asyncio.to_thread(_opened, file, msgspec.convert(row.format, Format), row.next_row)
            job = Job(import_id, row.door, row.digest, row.constants, Counter(row.counts), row.next_row, file, rows)
            door = await self._door(desk, job)
            named = [{"column": name, "field": column_field(door[1], name) if door else None} for name in rows.columns]
            async with desk.work() as work:
                await store.describe(work.session, import_id, named, rows.total)
        except Refused as error:
            file.close()
            await self._end(desk, import_id, "failed", [_in_words(error)])
        except BaseException:
            file.close()
            self.ours.add(import_id)
            raise
        else:
            self.jobs[import_id] = job

    async def _step(self, desk: Desk, job: Job) -> None:
        """The next rows of a file, or its end."""
        try:
            self.intake.ready_to_write()
            rows = await asyncio.to_thread(job.rows.take, _ROWS_AT_ONCE)
            if rows:
                await self._keep(desk, job, rows)
                return
            await self._end(desk, job.import_id, "done", [])
        except Overtaken:
            log.info("an import is read elsewhere, or over", what=str(job.import_id))
        except (Unreadable, Refused) as error:
            await self._end(desk, job.import_id, "failed", [_in_words(error)])
        except Exception:
            # rows were taken and not kept: open the file anew, where the database says that it is
            self._close(job)
            self.ours.add(job.import_id)
            raise
        self._close(job)

    def _close(self, job: Job) -> None:
        del self.jobs[job.import_id]
        job.file.close()

    async def _end(self, desk: Desk, import_id: UUID, state: str, problems: Sequence[str]) -> None:
        async with desk.work() as work:
            await store.end(work.session, import_id, state, problems, work.now)

    async def _door(self, desk: Desk, job: Job) -> tuple[Rules, ImportDoor] | None:
        rules = await self.intake.book.current(desk)
        door: Door | None = rules.door(job.door)
        return (rules, door) if isinstance(door, ImportDoor) else None

    async def _keep(self, desk: Desk, job: Job, rows: Sequence[Row], *, broken: bool = False) -> None:
        """Keep these rows, however often it takes; rows that fail together are halved until the bad one is alone."""
        there, pause_s = rows[-1].number + 1, _FIRST_PAUSE_S
        while job.next_row < there:
            found = await self._door(desk, job)
            if found is None:
                raise Unreadable("its door was closed: open it in the doors policy, and import the file again")
            items = await asyncio.to_thread(_items, job, *found, rows, desk.clock(), broken)
            try:
                await self._commit(desk, job, items, rows, found[0].versions)
            except RulesChanged:
                await self.intake.book.newest(desk)
            except CommitInDoubt:
                await self._ask(desk, job, there)
            except (Overtaken, Unreadable):
                raise
            except Exception as error:
                if isinstance(error, Raced) or is_passing(error):
                    await asyncio.sleep(pause_s)
                    pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)
                elif len(rows) == 1 and broken:
                    raise
                elif len(rows) == 1:
                    log.warning("a row could not be kept", error=type(error).__name__, what=str(job.import_id))
                    await self._keep(desk, job, rows, broken=True)
                else:
                    half = len(rows) // 2
                    await self._keep(desk, job, rows[:half])
                    await self._keep(desk, job, rows[half:])

    async def _commit(
        self, desk: Desk, job: Job, items: Sequence[Item], rows: Sequence[Row], versions: tuple[int, int]
    ) -> None:
        there = rows[-1].number + 1
        async with desk.work() as work:
            connection = await work.raw()
            answers = await capture(work, desk.partitions, [[item] for item in items], versions=versions)
            results = [_result(row, answer) for row, answer in zip(rows, answers, strict=True)]
            counts = job.counts + Counter(result.state for result in results)
            if not await store.move(connection, job.import_id, job.next_row, there, counts):
                raise Overtaken
            await store.keep_rows(connection, job.import_id, results)
        job.next_row, job.counts = there, counts

    async def _ask(self, desk: Desk, job: Job, there: int) -> None:
        """A commit is in doubt: whether it happened stands in the database."""
        async with desk.read() as session:
            row = await store.the_import(session, job.import_id)
        if row is None or row.state != "reading" or row.next_row not in (job.next_row, there):
            raise Overtaken
        job.next_row, job.counts = row.next_row, Counter(row.counts)


def _opened(file: BinaryIO, how: Format, next_row: int) -> Rows:
    rows = Rows(file, how)
    rows.after(next_row)
    return rows


def _items(
    job: Job,
    rules: Rules,
    door: ImportDoor,
    rows: Sequence[Row],
    now: datetime,
    broken: bool,  # noqa: FBT001
) -> list[Item]:
    """The rows as items, each as it would come from a replay."""
    found: list[Item] = []
    for row in rows:
        raw = orjson.dumps(envelope(job.digest, row.number, job.constants, row.cells))
        request = Request(door.name, Arrival(raw), "application/json", now)
        [item] = read_part(rules, door, request)
        if broken:
            key = f"{job.digest}:{row.number}"
            why = Unmappable("it could not be kept; the log says why", f"row {row.number}", "replay it", key, key)
            item = item._replace(outcome=why, keys=(), attributes=None, lead_fields=None, document=None)
        found.append(item)
    return found


def _result(row: Row, answer: Any) -> store.RowResult:
    if isinstance(answer, OtherBody):
        raise answer
    [placed] = cast("list[Placed]", answer)
    if placed.duplicate:
        reason = f"the same as submission {placed.submission_id}"
        return store.RowResult(row.number, "repeat", reason, placed.submission_id, placed.lead_id)
    return store.RowResult(row.number, placed.state, placed.reason, placed.submission_id, placed.lead_id)


def _in_words(error: Exception) -> str:
    if isinstance(error, Refused):
        return f"{error}{f' ({error.where})' if error.where else ''} {error.fix}"
    return str(error)
