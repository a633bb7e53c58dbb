"""What people find on their desks: handoffs, opportunities, tasks and notes, written from the cases."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

import msgspec

from router.cases import Case, standing
from router.domain.dossier import Dossier, Handoff, Opportunity
from router.domain.facts import Offered, OwnerWanted, TaskRaised
from router.store import tasks
from shared.runtime.ids import new_id

if TYPE_CHECKING:
    from asyncpg import Connection

_HANDOFF = (
    "insert into handoff (handoff_id, lead_id, owner, team, state, episode, cause, step, offered_at, accepted_at,"
    " verdict, reason, rating, ending, closed_at, pool, told) select * from unnest($1::uuid[], $2::uuid[], $3::text[],"
    " $4::text[], $5::text[], $6::int[], $7::text[], $8::text[], $9::timestamptz[], $10::timestamptz[], $11::text[],"
    " $12::text[], $13::int[], $14::text[], $15::timestamptz[], $16::text[], $17::bytea[])"
    " on conflict (handoff_id) do update set state = excluded.state, accepted_at = excluded.accepted_at,"
    " verdict = excluded.verdict, reason = excluded.reason, rating = excluded.rating, ending = excluded.ending,"
    " closed_at = excluded.closed_at"
)
# most changes are a fresh offer and its owner's task: what is null or the same in all of them is not sent row by row
_OFFERED = (
    "with offered as (select * from unnest($2::uuid[], $3::uuid[], $4::uuid[], $5::text[], $6::text[], $7::int[],"
    " $8::text[], $9::text[], $10::bytea[]) o(task_id, handoff_id, lead_id, owner, team, episode, cause, step, told)),"
    " kept as (insert into handoff (handoff_id, lead_id, owner, team, state, episode, cause, step, offered_at, told)"
    " select handoff_id, lead_id, owner, team, 'offered', episode, cause, step, $1, told from offered)"
    " insert into task (task_id, lead_id, handoff_id, kind, owner, team, detail, raised_at)"
    " select task_id, lead_id, handoff_id, 'handoff', owner, team, '{}', $1 from offered"
)
_OPPORTUNITY = (
    "insert into opportunity (opportunity_id, lead_id, handoff_id, owner, team, stage, amount_minor, currency, reason,"
    " opened_at, closed_at) select * from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::text[],"
    " $6::text[], $7::bigint[], $8::text[], $9::text[], $10::timestamptz[], $11::timestamptz[])"
    " on conflict (opportunity_id) do update set owner = excluded.owner, team = excluded.team, stage = excluded.stage,"
    " amount_minor = excluded.amount_minor, currency = excluded.currency, reason = excluded.reason,"
    " closed_at = excluded.closed_at"
)
_BESIDE_AN_OFFER = frozenset({OwnerWanted, TaskRaised})
_ENCODER = msgspec.json.Encoder()


class Note(NamedTuple):
    """Something typed. One text per lead, kind and subject: a later one takes its place."""

    lead_id: UUID
    about: str
    subject: str
    text: str
    by: str


class Offer(NamedTuple):
    """An offer to which nothing else happened since, and the dossier as it stood then."""

    case: Case
    handoff: Handoff
    dossier: Dossier


class _Decided(msgspec.Struct, frozen=True):
    decision: msgspec.Raw = msgspec.Raw(b"null")


_DECISION = msgspec.json.Decoder(_Decided)


class Told(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """What the owner is told with a handoff, as it stood then."""

    score_milli: int
    tier: str | None
    attributes: Any
    last_engagement: Any
    decision: Any
    marketing_owner: str | None = None
    previous_owner: str | None = None
    avoid: tuple[str, ...] = ()


async def keep(connection: "Connection", cases: Sequence[Case], now: datetime, marketing: str | None) -> None:
    """Write the handoffs and opportunities that changed, and the tasks that follow.

    `marketing` has what marketing is to do about leads without a marketing owner.
    """
    told = [case for case in cases if case.told]
    offers = [offer for case in told if (offer := _only_offered(case, now)) is not None]
    if offers:
        await _keep_offers(connection, offers, now)
    raised = [task for offer in offers for task in tasks.beside(offer.case, marketing)]
    if len(offers) < len(told):
        plain = {offer.case.lead_id for offer in offers}
        others = [case for case in told if case.lead_id not in plain]
        await _keep_all(connection, others, now)
        raised += [task for case in others for task in tasks.of(case, marketing)]
    await tasks.keep(connection, raised, now)


def _only_offered(case: Case, now: datetime) -> Offer | None:
    """The offer that is all that happened to a lead in this transaction."""
    last = case.told[-1]
    if type(last.fact) is not Offered or not _BESIDE_AN_OFFER.issuperset([type(told.fact) for told in case.told[:-1]]):
        return None
    handoff = last.fact.handoff
    fresh = handoff.state == "offered" and handoff.offered_at == now and case.dossier.handoffs[-1] is handoff
    return Offer(case, handoff, last.dossier) if fresh and _pool(case, handoff) is None else None


async def _keep_offers(connection: "Connection", offers: Sequence[Offer], now: datetime) -> None:
    await connection.execute(
        _OFFERED,
        now,
        [new_id() for _ in offers],
        [offer.handoff.id for offer in offers],
        [offer.case.lead_id for offer in offers],
        [offer.handoff.owner for offer in offers],
        [offer.handoff.team for offer in offers],
        [offer.handoff.episode for offer in offers],
        [offer.handoff.cause for offer in offers],
        [offer.handoff.step for offer in offers],
        [_ENCODER.encode(_as_told(offer.case, offer.dossier, offer.handoff)) for offer in offers],
    )


async def _keep_all(connection: "Connection", cases: Sequence[Case], now: datetime) -> None:
    await _keep_handoffs(connection, cases)
    await _keep_opportunities(connection, cases)
    await tasks.finish(connection, cases, now)


async def _keep_handoffs(connection: "Connection", cases: Sequence[Case]) -> None:
    rows = [
        (
            handoff.id, case.lead_id, handoff.owner, handoff.team, handoff.state, handoff.episode, handoff.cause,
            handoff.step, handoff.offered_at, handoff.accepted_at, handoff.verdict, handoff.reason, handoff.rating,
            handoff.ending, handoff.closed_at, _pool(case, handoff), _told(case, handoff),
        )
        for case in cases
        for handoff in _changed_handoffs(case)
    ]  # fmt: skip
    if rows:
        await connection.execute(_HANDOFF, *map(list, zip(*rows, strict=True)))


def _changed_handoffs(case: Case) -> Iterable[Handoff]:
    if case.dossier.erased_at is not None:
        return ()
    known = {handoff.id: handoff for handoff in case.before.handoffs} if case.before else {}
    return [handoff for handoff in case.dossier.handoffs if known.get(handoff.id) != handoff]


def _pool(case: Case, handoff: Handoff) -> str | None:
    offering = case.offerings.get(handoff.id)
    return offering.pool if offering else None


def _told(case: Case, handoff: Handoff) -> bytes | None:
    """What was told at the offer; null for a handoff of before, whose row keeps it."""
    offered = next(
        (t.dossier for t in case.told if isinstance(t.fact, Offered) and t.fact.handoff.id == handoff.id), None
    )
    return None if offered is None else _ENCODER.encode(_as_told(case, offered, handoff))


def _as_told(case: Case, dossier: Dossier, handoff: Handoff) -> Told:
    offering = case.offerings.get(handoff.id)
    score_milli, tier = standing(dossier)
    # what routing saw beside the attributes, for a what-if
    lead = offering.lead if offering is not None else None
    return Told(
        score_milli,
        tier,
        dossier.attributes,
        dossier.last_engagement,
        offering.decision if offering is not None else None,
        dossier.marketing_owner,
        lead.previous_owner if lead is not None else None,
        tuple(sorted(lead.avoid)) if lead is not None and lead.avoid else (),
    )


async def _keep_opportunities(connection: "Connection", cases: Sequence[Case]) -> None:
    rows = [
        (
            deal.id, case.lead_id, deal.handoff_id, deal.owner, deal.team, deal.stage, deal.amount_minor,
            deal.currency, deal.reason, deal.opened_at, deal.closed_at,
        )
        for case in cases
        for deal in _changed_opportunities(case)
    ]  # fmt: skip
    if rows:
        await connection.execute(_OPPORTUNITY, *map(list, zip(*rows, strict=True)))


def _changed_opportunities(case: Case) -> Iterable[Opportunity]:
    known = {deal.id: deal for deal in case.before.opportunities} if case.before else {}
    return [deal for deal in case.dossier.opportunities if known.get(deal.id) != deal]


async def _forget_what_was_told(connection: "Connection", lead_ids: list[UUID]) -> None:
    """Of an erased lead's handoffs only the decision stays, so that a what-if still finds every turn of the rotation."""
    rows = await connection.fetch(
        "select handoff_id, told from handoff where lead_id = any($1::uuid[]) and told is not null", lead_ids
    )
    decisions = [_ENCODER.encode({"decision": _DECISION.decode(row[1]).decision, "erased": True}) for row in rows]
    await connection.execute(
        "update handoff set told = null, decided = t.decided from unnest($1::uuid[], $2::bytea[]) t(id, decided)"
        " where handoff_id = t.id",
        [row[0] for row in rows],
        decisions,
    )


async def keep_notes(connection: "Connection", notes: Sequence[Note], now: datetime) -> None:
    """Write what was typed."""
    for note in notes:
        await connection.execute(
            "insert into note (note_id, lead_id, about, subject, text, by, at) values ($1, $2, $3, $4, $5, $6, $7)"
            " on conflict (lead_id, about, subject) do update set text = excluded.text, by = excluded.by,"
            " at = excluded.at",
            new_id(),
            *note,
            now,
        )


async def erase(connection: "Connection", lead_ids: Sequence[UUID], now: datetime) -> None:
    """Delete what was typed and what was to be done about these leads; of their handoffs only who had them remains."""
    if not lead_ids:
        return
    ids = list(lead_ids)
    await connection.execute("delete from note where lead_id = any($1::uuid[])", ids)
    # the answers kept for repeats hold what was typed as well; a repeat finds the lead erased
    await connection.execute("delete from command where lead_id = any($1::uuid[])", ids)
    await connection.execute("delete from task where lead_id = any($1::uuid[])", ids)
    await _forget_what_was_told(connection, ids)
    await connection.execute("delete from look where lead_id = any($1::uuid[])", ids)
    await connection.execute(
        "update handoff set state = 'closed', ending = coalesce(ending, 'erased'),"
        " closed_at = coalesce(closed_at, $2) where lead_id = any($1::uuid[])",
        ids,
        now,
    )
    await connection.execute(
        "update opportunity set closed_at = coalesce(closed_at, $2) where lead_id = any($1::uuid[])", ids, now
    )
