"""The group commit: requests that arrive while groups are under way are the next one; a few are in flight at a time."""

import asyncio
import time
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import structlog

from intake.admission import Item, NotProven, Request
from intake.capture import Answer, OtherBody, Placed, Raced, RulesChanged, capture
from intake.domain.refusals import Refused
from intake.reading import Reading
from intake.rules import RuleBook, Rules
from shared.http.problems import Problem
from shared.runtime import failpoints
from shared.runtime.desk import Desk
from shared.runtime.failures import is_passing

log = structlog.get_logger("intake")

_WRITERS = 3
_MAX_ITEMS = 128
_MAX_WAITING = 1_500  # fewer than the connections that the server takes, whose own refusal names no time
_MAX_WAITING_BYTES = 64 * 1024 * 1024
_BUSY_ENTRIES = 4
_GATHER_S = 0.004
_PATIENCE_S = 8.0
_FIRST_PAUSE_S = 0.02
_MAX_PAUSE_S = 1.0


@dataclass(slots=True, eq=False)
class Entry:
    """A request in the queue; `answered` is set after the commit of the last of its items."""

    request: Request
    items: list[Item]
    versions: tuple[int, int]
    answered: asyncio.Future[list[Placed]]
    tried: bool = False  # a COMMIT was sent: what it may have kept must be found again under the same keys
    placed: list[Placed] = field(default_factory=list[Placed])  # what became of its first items, which are durable

    def portion(self) -> list[Item]:
        """The next items, as many as are committed at one go."""
        done = len(self.placed)
        return self.items if not done and len(self.items) <= _MAX_ITEMS else self.items[done : done + _MAX_ITEMS]

    def hear(self, answer: Answer) -> None:
        """Take what became of the next items. A request with another body under its key is not gone on with."""
        if isinstance(answer, OtherBody):
            self.fail(Problem(422, str(answer), code="key-reused"))
            return
        self.placed += answer
        if len(self.placed) >= len(self.items) and not self.answered.done():
            self.answered.set_result(self.placed)

    def fail(self, error: Exception) -> None:
        if not self.answered.done():
            self.answered.set_exception(error)


@dataclass(slots=True)
class Committer:
    """The queue in front of the writers."""

    book: RuleBook
    reading: Reading = field(default_factory=Reading)
    waiting: deque[Entry] = field(default_factory=deque[Entry])
    waiting_bytes: int = 0
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    async def keep(self, request: Request, items: list[Item], rules: Rules) -> list[Placed]:
        """What became of the items, once that is durable. Raises Problem 503 where too much waits already."""
        size = len(request.arrival.raw)
        if len(self.waiting) >= _MAX_WAITING or self.waiting_bytes + size > _MAX_WAITING_BYTES:
            raise busy("too many submissions wait to be written; send it again shortly")
        entry = Entry(request, items, rules.versions, asyncio.get_running_loop().create_future())
        self._queue(entry)
        return await entry.answered

    def _queue(self, entry: Entry) -> None:
        self.waiting.append(entry)
        self.waiting_bytes += len(entry.request.arrival.raw)
        self.arrived.set()

    async def run(self, desk: Desk) -> None:
        """Commit groups for ever, `_WRITERS` at a time: while one waits for the store, others are read and answered."""
        try:
            async with asyncio.TaskGroup() as writers:
                for _ in range(_WRITERS):
                    writers.create_task(self._write(desk))
        finally:
            _stop(self.waiting)
            self.waiting.clear()
            self.waiting_bytes = 0

    async def _write(self, desk: Desk) -> None:
        group: list[Entry] = []
        try:
            while True:
                await self.arrived.wait()
                if len(group) >= _BUSY_ENTRIES and len(self.waiting) < len(group):
                    # under load a fuller group is worth more than an earlier one; alone, nobody waits
                    await asyncio.sleep(_GATHER_S)
                group = self._take()
                await self._settle(desk, group)
        finally:
            _stop(group)

    def _take(self) -> list[Entry]:
        group: list[Entry] = []
        count = 0
        while self.waiting and (not group or count + len(self.waiting[0].portion()) <= _MAX_ITEMS):
            entry = self.waiting.popleft()
            self.waiting_bytes -= len(entry.request.arrival.raw)
            count += len(entry.portion())
            group.append(entry)
        if not self.waiting:
            self.arrived.clear()
        return group

    async def _settle(self, desk: Desk, group: list[Entry]) -> None:
        """Commit a group; one that fails is halved until the bad request is alone, so its neighbours never feel it."""
        try:
            answers = await self._persist(desk, group)
        except Exception as error:  # noqa: BLE001 - whatever it is, it must stay with the request that caused it
            if isinstance(error, Problem) or len(group) <= 1:
                self._refuse(group, error)
                return
            half = len(group) // 2
            await self._settle(desk, group[:half])
            await self._settle(desk, group[half:])
            return
        _tell(answers)
        for entry in group:
            if not entry.answered.done():
                self._queue(entry)  # the rest of a long one, behind those who came meanwhile

    def _refuse(self, group: Sequence[Entry], error: Exception) -> None:
        if not isinstance(error, Problem):
            log.error(
                "a submission could not be kept", error=type(error).__name__, doors=[e.request.door for e in group]
            )
            error = Problem(500, "this submission could not be kept; it has been logged", code="not-kept")
        for entry in group:
            entry.fail(error)

    async def _persist(self, desk: Desk, group: list[Entry]) -> list[tuple[Entry, Answer]]:
        """Try until the group is committed; the ids are the same at every try, so what was committed is found."""
        deadline_s = time.monotonic() + _PATIENCE_S
        pause_s = _FIRST_PAUSE_S
        rules: Rules | None = None
        while True:
            try:
                rules = rules or await self.book.current(desk)
                group = await self._read_again(group, rules)
                if not group:
                    return []
                untried = next((one.versions for one in group if not one.tried), None)
                async with desk.work() as work:
                    answers = await capture(work, desk.partitions, [one.portion() for one in group], versions=untried)
                    for entry in group:
                        entry.tried = True
                    if failpoints.on("ack-before-commit"):
                        _tell(list(zip(group, answers, strict=True)))
                return list(zip(group, answers, strict=True))
            except RulesChanged:
                rules = await self.book.newest(desk)
                continue
            except Exception as error:
                if not (isinstance(error, Raced) or is_passing(error)):
                    raise
                if time.monotonic() > deadline_s:
                    log.warning("gave up on a group", error=type(error).__name__, requests=len(group))
                    raise busy("the store does not answer now; send it again shortly") from error
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, _MAX_PAUSE_S)

    async def _read_again(self, group: list[Entry], rules: Rules) -> list[Entry]:
        """The group with every entry read by one version of the rules; who is refused by it drops out."""
        for entry in group:
            if entry.versions != rules.versions and not entry.tried:
                await self._reread(entry, rules)
        return [entry for entry in group if not entry.answered.done()]

    async def _reread(self, entry: Entry, rules: Rules) -> None:
        door = rules.door(entry.request.door)
        if door is None:
            entry.fail(Problem(404, "this door was closed", code="no-door"))
            return
        try:
            entry.items = await self.reading.admit(rules, door, entry.request, entry.items)
        except (NotProven, Refused) as error:
            entry.fail(error)
        entry.versions = rules.versions


def _tell(answers: Sequence[tuple[Entry, Answer]]) -> None:
    for entry, answer in answers:
        entry.hear(answer)


def _stop(entries: Iterable[Entry]) -> None:
    for entry in entries:
        entry.fail(busy("this process is stopping; send it again"))


def busy(detail: str) -> Problem:
    """An answer that has the sender try again."""
    return Problem(503, detail, code="busy", headers={"Retry-After": "2"})
