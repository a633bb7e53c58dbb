"""A parked submission is mapped again, after its door or the fields were put right."""

from typing import Any
from uuid import UUID

from sqlalchemy import Row, text

from intake import queries
from intake.admission import Item, Request, Seen, read_items, read_part
from intake.capture import OtherBody, Placed, capture
from intake.domain.body import read_body
from intake.domain.proof import Arrival
from intake.domain.refusals import Refused
from intake.domain.submission import Ignored, Unmappable
from intake.rules import Rules, rules_of
from shared.http.problems import Problem
from shared.runtime.desk import Desk
from shared.runtime.ids import derived_id, new_id
from shared.runtime.work import Work


async def replay(desk: Desk, work: Work, submission_id: UUID, *, again: bool = False) -> list[Placed]:
    """Map a parked submission by the rules in force. Raises Problem where it is none, or still can't be mapped.

    `again` says that a commit of this is in doubt: a submission that is no longer parked is then our own work.
    """
    row = await queries.the_submission(work.session, submission_id, lock=True)
    if row is None:
        raise Problem(404, "there is no such submission", code="no-submission")
    if row.state != "parked" and again:
        return [Placed(submission_id, row.lead_id, row.state, row.state == "repeat", row.state != "captured")]
    if row.state != "parked":
        raise Problem(409, f"only a parked submission is mapped again; this one is {row.state}", code="not-parked")
    if row.raw is None:
        raise Problem(409, "its body is no longer kept", code="no-body")
    rules = await rules_of(work, desk)
    items = _read(rules, row)
    if isinstance(items[0].outcome, Unmappable):
        outcome = items[0].outcome
        raise Problem(422, outcome.reason, code="unmappable", where=outcome.where, fix=outcome.fix)
    # the parked one gives its place, and its id, to the first item
    await work.session.execute(text("delete from submission where submission_id = :id"), {"id": submission_id})
    [placed] = await capture(work, desk.partitions, [items], replayed=submission_id)
    if isinstance(placed, OtherBody):
        raise Problem(422, str(placed), code="key-reused")
    await _count(work, row, placed)
    return placed


def _read(rules: Rules, row: Row[Any]) -> list[Item]:
    door = rules.door(row.door)
    if door is None:
        raise Problem(409, "its door is closed: open it again in the doors policy", code="no-door")
    request = Request(row.door, Arrival(bytes(row.raw)), row.content_type or "", row.received_at)
    before = [_place(row, number) for number in range(1_000)]
    if row.part:
        return read_part(rules, door, request, before[:1])
    try:
        body = read_body(request.content_type, request.arrival.raw)
    except Refused as error:
        raise Problem(422, f"{error.title}: {error.detail}", code="unmappable") from None
    items = read_items(rules, door, request, body, before)
    if not items:
        raise Problem(422, "there is no item in it", code="unmappable")
    return items


def _place(row: Row[Any], number: int) -> Item:
    """The ids of the items that a parked body holds: the same at every try."""
    submission_id = row.submission_id if number == 0 else derived_id("replayed", row.submission_id, number)
    return Item(submission_id, new_id(), row.door, Seen(b"", None), Ignored(""), "", b"", False, row.received_at)


async def _count(work: Work, row: Row[Any], placed: list[Placed]) -> None:
    """The parked arrival counts as what it has become; further items of its body are arrivals of their own."""
    await queries.count_again(work.session, row.door, "parked", -1, work.now)
    await queries.count_again(work.session, row.door, "accepted", -1, work.now)
    for one in placed:
        if one.duplicate:
            await _repeat(work, row, one)


async def _repeat(work: Work, row: Row[Any], known: Placed) -> None:
    await queries.count_again(work.session, row.door, "repeat", 1, work.now)
    await queries.count_again(work.session, row.door, "accepted", 1, work.now)
    await work.session.execute(
        text(
            "insert into submission (submission_id, door, lead_id, state, reason, part, received_at)"
            " values (:id, :door, :lead, 'repeat', :reason, false, :received) on conflict do nothing"
        ),
        {
            "id": row.submission_id,
            "door": row.door,
            "lead": known.lead_id,
            "reason": f"the same as {known.submission_id}",
            "received": row.received_at,
        },
    )
