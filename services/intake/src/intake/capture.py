"""One group of items in one transaction: who is seen before, whose each submission is, what is kept and emitted."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import compress
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
import orjson

from intake import awaiting, store
from intake.admission import Item
from intake.domain.known import changed_attributes, merged_fields
from intake.domain.people import Person, people_of
from intake.domain.submission import Awaiting, Submission, Unmappable
from intake.telling import consents, woken_event
from shared.contracts import Attributes, Event, LeadCaptured, LeadEngaged, LeadUpdated
from shared.runtime import tally
from shared.runtime.streams import partition_of
from shared.runtime.work import Work


class Raced(Exception):
    """Another process kept the same submission or person in between: look again."""


class RulesChanged(Exception):
    """The policies have a newer version than the one that read these items: read them again."""


class OtherBody(Exception):
    """The Idempotency-Key was used with another body."""


class Placed(NamedTuple):
    """What became of an item."""

    submission_id: UUID
    lead_id: UUID | None
    state: str
    duplicate: bool
    known: bool
    reason: str | None = None


Answer = list[Placed] | OtherBody


@dataclass(slots=True)
class _Lead:
    """A lead as this group leaves it."""

    fields: Mapping[str, Any]
    attributes: Mapping[str, Any]
    first: tuple[Item, Submission] | None = None
    changed: bool = False


@dataclass(slots=True)
class _Group:
    """What is found out about a group, on the way to what is written."""

    now: datetime
    minute: datetime
    partitions: int
    writes: store.Writes = field(default_factory=store.Writes)
    events: list[Event] = field(default_factory=list[Event])
    leads: dict[UUID, _Lead] = field(default_factory=dict[UUID, _Lead])
    placed: dict[bytes, Placed] = field(default_factory=dict[bytes, Placed])
    awaiting: list[tuple[UUID, str]] = field(default_factory=list[tuple[UUID, str]])


async def capture(
    work: Work,
    partitions: int,
    requests: Sequence[Sequence[Item]],
    *,
    versions: tuple[int, int] | None = None,
    replayed: UUID | None = None,
) -> list[Answer]:
    """Keep the items of these requests, each once however often it is sent, and emit what they mean.

    `versions` are the policies' that read the items, None where they must not be read again. `replayed` is a parked
    submission whose place is taken. Raises Raced and RulesChanged; then nothing may be committed.
    """
    connection = await work.raw()
    seen = {item.seen.key: None for request in requests for item in request}
    keys = {key: None for request in requests for item in request for key in item.keys}
    found = await store.look(connection, list(seen), list(keys), work.now)
    if versions is not None and found.versions != versions:
        raise RulesChanged
    alive = {key: kept for key, kept in found.seen.items() if kept.until is None or kept.until > work.now}
    expired = found.seen.keys() - alive.keys()
    if expired:
        await store.give_up(connection, list(expired), work.now)
    digests = {key: kept.digest for key, kept in alive.items()}
    taken = [_is_its_body(request, digests) for request in requests]
    firsts: dict[bytes, Item] = {}
    for request in compress(requests, taken):
        for item in request:
            firsts.setdefault(item.seen.key, item)
    fresh = [item for key, item in firsts.items() if key not in alive]
    group = _Group(work.now, work.now.replace(second=0, microsecond=0), partitions)
    people = dict(zip((item.submission_id for item in fresh), _people(fresh, found), strict=True))
    await _load(work, group, people.values())
    for item in fresh:
        group.placed[item.seen.key] = _place(group, item, people[item.submission_id])
    answers = [
        _answer(group, request, firsts, alive, replayed)
        if its
        else OtherBody("this Idempotency-Key was used with another body: use a new key for a new request")
        for request, its in zip(requests, taken, strict=True)
    ]
    await _keep(work, group)
    work.emit(group.events)
    return answers


def _is_its_body(request: Sequence[Item], digests: dict[bytes, bytes | None]) -> bool:
    """Whether the keys of a request stand for its body, or, so far in `digests`, for none; then now for its own."""
    for item in request:
        key, _, digest = item.seen
        if digests.get(key, digest) != digest:
            return False
    digests.update([(item.seen.key, item.seen.digest) for item in request])
    return True


def _people(fresh: Iterable[Item], found: store.Look) -> list[Person]:
    return people_of([(item.lead_id, item.keys) for item in fresh], found.owners)


async def _load(work: Work, group: _Group, people: Iterable[Person]) -> None:
    """Lock and load the leads that are known and get something."""
    new = {person.lead_id for person in people if not person.known}
    wanted = {person.lead_id for person in people} - new
    if not wanted:
        return
    known = await store.lock_leads(await work.raw(), wanted)
    if known.keys() != wanted or any(lead.erased for lead in known.values()):
        raise Raced  # the owner of a key was erased since we looked
    group.leads = {lead_id: _Lead(lead.fields, lead.attributes) for lead_id, lead in known.items()}


def _place(group: _Group, item: Item, person: Person) -> Placed:
    outcome = item.outcome
    if isinstance(outcome, Awaiting):
        group.awaiting.append((item.submission_id, item.door))
        return _written(group, item, None, "awaiting", reason=outcome.reason, vendor_id=outcome.vendor_id)
    if not isinstance(outcome, Submission):
        state = "parked" if isinstance(outcome, Unmappable) else "ignored"
        where = f" (at {outcome.where}; {outcome.fix})" if isinstance(outcome, Unmappable) else ""
        vendor_id = outcome.vendor_id if isinstance(outcome, Unmappable) else None
        return _written(group, item, None, state, reason=outcome.reason + where, vendor_id=vendor_id)
    for key in person.new_keys:
        group.writes.claims[key] = person.lead_id
    if person.known:
        _further(group, item, outcome, person.lead_id)
    else:
        _captured(group, item, outcome)
    others = ", ".join(map(str, person.others))
    reason = f"another of its keys belongs to the younger lead {others}" if others else None
    state = "further" if person.known else "captured"
    return _written(group, item, person.lead_id, state, reason=reason, vendor_id=outcome.vendor_id)


def _captured(group: _Group, item: Item, submission: Submission) -> None:
    attributes = item.attributes or {}
    group.leads[item.lead_id] = _Lead(item.lead_fields or {}, attributes, (item, submission))
    cell = (partition_of(item.lead_id, group.partitions), group.minute)
    count, xor = group.writes.tally.get(cell, (0, 0))
    group.writes.tally[cell] = (count + 1, xor ^ tally.hash_of(item.lead_id))
    group.events.append(
        LeadCaptured(
            lead_id=item.lead_id,
            occurred_at=submission.occurred_at,
            recorded_at=group.now,
            correlation=item.submission_id,
            submission_id=item.submission_id,
            attributes=_attributes(attributes),
            marketing_owner=submission.owner,
            is_test=submission.is_test,
            legacy=submission.legacy,
            pool=submission.pool,
            previous_owner=submission.previous_owner,
        )
    )
    if submission.consented:
        group.events += consents(submission, item.submission_id, item.lead_id, {}, group.now)


def _further(group: _Group, item: Item, submission: Submission, lead_id: UUID) -> None:
    lead = group.leads[lead_id]
    given = item.attributes or {}
    changed = changed_attributes(lead.attributes, given)
    lead.attributes = {**lead.attributes, **changed}
    if submission.consented:
        kept = lead.fields.get("consent")
        group.events += consents(submission, item.submission_id, lead_id, kept, group.now)
    lead.fields = merged_fields(lead.fields, item.lead_fields or {})
    lead.changed = True
    group.events.append(
        LeadEngaged(
            lead_id=lead_id,
            occurred_at=submission.occurred_at,
            recorded_at=group.now,
            correlation=item.submission_id,
            engagement_id=item.submission_id,
            kind="submitted",
            source=given.get("source"),
            campaign=given.get("campaign"),
            door=item.door,
            submission_id=item.submission_id,
        )
    )
    if changed:
        group.events.append(
            LeadUpdated(
                lead_id=lead_id,
                occurred_at=submission.occurred_at,
                recorded_at=group.now,
                correlation=item.submission_id,
                attributes=_attributes(changed),
                submission_id=item.submission_id,
            )
        )


def _attributes(values: Mapping[str, Any]) -> Attributes:
    return msgspec.convert(values, Attributes)


def _written(
    group: _Group, item: Item, lead_id: UUID | None, state: str, *, reason: str | None, vendor_id: str | None
) -> Placed:
    group.writes.submissions.append(
        store.SubmissionRow(
            item.submission_id,
            item.door,
            item.seen.key,
            item.seen.until.timestamp() if item.seen.until is not None else None,
            item.seen.digest,
            lead_id,
            state,
            reason,
            vendor_id,
            item.content_type,
            item.raw or None,
            item.part or None,
            item.document,
            item.received_at.timestamp(),
        )
    )
    group.writes.counts[item.door, state] += 1
    group.writes.counts[item.door, "accepted"] += 1
    return Placed(item.submission_id, lead_id, state, duplicate=False, known=state == "further", reason=reason)


def _answer(
    group: _Group,
    request: Sequence[Item],
    firsts: dict[bytes, Item],
    alive: dict[bytes, store.Kept],
    replayed: UUID | None,
) -> list[Placed]:
    placed: list[Placed] = []
    repeats: list[tuple[str, str]] = []
    for item in request:
        kept = alive.get(item.seen.key)
        first = firsts[item.seen.key]
        if kept is not None and kept.submission_id == item.submission_id:
            # our own first try had been committed after all
            placed.append(Placed(*kept[:3], duplicate=False, known=kept.state == "further"))
        elif kept is not None:
            placed.append(Placed(*kept[:3], duplicate=True, known=kept.lead_id is not None))
        elif first.submission_id == item.submission_id:
            placed.append(group.placed[item.seen.key])
            continue
        else:
            known = group.placed[item.seen.key]
            placed.append(known._replace(duplicate=True, known=known.lead_id is not None))
        if placed[-1].duplicate and replayed is None:
            repeats += (item.door, "repeat"), (item.door, "accepted")
    if repeats:
        group.writes.counts.update(repeats)
    return placed


async def _keep(work: Work, group: _Group) -> None:
    writes = group.writes
    for lead_id, lead in group.leads.items():
        fields, attributes = orjson.dumps(lead.fields).decode(), orjson.dumps(lead.attributes).decode()
        if lead.first is not None:
            item, submission = lead.first
            writes.leads.append(
                store.LeadRow(
                    lead_id,
                    partition_of(lead_id, group.partitions),
                    item.submission_id,
                    item.door,
                    submission.occurred_at.timestamp(),
                    fields,
                    attributes,
                    submission.owner,
                    submission.is_test or None,
                )
            )
        elif lead.changed:
            writes.changes.append((lead_id, fields, attributes))
    if not (writes.submissions or writes.counts):
        return
    written = await store.write(await work.raw(), writes, group.now)
    if written.claims != len(writes.claims) or written.submissions != len(writes.submissions):
        raise Raced
    if group.awaiting:
        await awaiting.await_answers(await work.raw(), group.awaiting, group.partitions, group.now)
    group.events += [woken_event(row, group.now) for row in written.woken]
