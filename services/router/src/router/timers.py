"""Door 3: leads that wait are looked at again when their time comes, when capacity is freed, when a policy changes.

Who frees capacity, or publishes a policy, calls leads by their waiting rows (store/waiting.py). A lead that was called
and still finds nobody passes the call on to the next of its team, as long as anybody there could take a lead.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from router.domain.assign import Assigned, Outcome
from router.sending.bell import Bell
from router.store import deliveries, waiting
from router.turn import Call, Turn, begin, finish, has_room, settle
from shared.runtime.desk import due_in_lane
from shared.runtime.service import Timer
from shared.runtime.work import Work


async def next_due(session: AsyncConnection, partitions: Sequence[int]) -> Mapping[int, datetime]:
    """The earliest wake of each lane."""
    return due_in_lane(await waiting.next_due(session, partitions))


async def look_again(work: Work, partition: int, limit: int) -> int:
    """Take those of a lane whose time has come, best first."""
    turn = await begin(work)
    rows = await waiting.due(turn.connection, partition, work.now, turn.rules.basis, limit)
    if not rows:
        return 0
    await turn.load(dict.fromkeys([row.lead_id for row in rows], partition))
    for case in turn.cases.values():
        case.wants = case.dossier.wanting is not None
    await waiting.forget(turn.connection, [case.lead_id for case in turn.cases.values() if not case.wants])
    outcomes = await settle(turn, turn.cases.values())
    _pass_on(turn, rows, outcomes)
    await finish(turn, work)
    return len(rows)


def _pass_on(turn: Turn, rows: Sequence[waiting.Row], outcomes: Mapping[UUID, Outcome]) -> None:
    in_vain: defaultdict[str, list[waiting.Row]] = defaultdict(list)
    for row in rows:
        outcome = outcomes.get(row.lead_id)
        served = isinstance(outcome, Assigned) and outcome.team == row.team
        if row.woken and row.team is not None and not served:
            in_vain[row.team].append(row)
    for team, calls in sorted(in_vain.items()):
        if has_room(turn, team):
            turn.calls.append(Call(team, len(calls), calls[-1].place))


async def postpone(work: Work, partition: int, until: datetime) -> UUID | None:
    """Have the lead that `look_again` would take first wait longer, so that it holds up nobody else."""
    turn = await begin(work)
    return await waiting.postpone(turn.connection, partition, work.now, turn.rules.basis, until)


def due_deliveries(bell: Bell) -> Timer:
    """Deliveries are rows with a due instant like all that waits; whoever sends them is rung, outside the transaction."""

    async def next_delivery(session: AsyncConnection, partitions: Sequence[int]) -> Mapping[int, datetime]:
        return due_in_lane(await deliveries.next_due(session, partitions))

    async def ring(_work: Work, _partition: int, _limit: int) -> int:
        bell.ring()
        return 0

    return Timer("deliveries", next_delivery, ring)


WAITING: Final = Timer("waiting", next_due, look_again, postpone)
