"""A request becomes items: proven, parsed, mapped, with its ids fixed before the first try to keep it."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
import orjson

from intake.domain.attributes import attributes
from intake.domain.body import read_body
from intake.domain.mapping import items, outcome_of
from intake.domain.people import Key, stored_keys
from intake.domain.policy import Door
from intake.domain.proof import Arrival, Unproven, prove_arrival, prove_body
from intake.domain.refusals import BATCH_BOUNDS, LEAD_BOUNDS, Refused
from intake.domain.strict_json import Json
from intake.domain.submission import Ignored, Outcome, Submission, Unmappable, document
from intake.rules import Rules
from shared.runtime.ids import new_id

_CONTENT_WINDOW = timedelta(hours=24)
_KEY_WINDOW = timedelta(days=30)
_HASH_BYTES = 16
_LONG_BYTES = 32 * 1024
_LONG_VALUES = 256


class NotProven(Exception):
    """The sender is not proven: nothing of the body is kept."""

    def __init__(self, proof: Unproven) -> None:
        super().__init__(proof.reason)
        self.status = proof.status
        self.reason = proof.reason


class OneLead(Refused):
    """Several leads were sent where one is taken."""

    def __init__(self) -> None:
        super().__init__(422, "Several leads", "send one lead per request, or a list to a door of kind generic")


class Request(msgspec.Struct, frozen=True, gc=False):
    """What is kept of a request until its group is committed. `command` is its scoped Idempotency-Key, if any."""

    door: str
    arrival: Arrival
    content_type: str
    received_at: datetime
    command: str | None = None


class Seen(NamedTuple):
    """By what a repeat of an item is known, until when (None: for ever), and the digest that a repeat must have."""

    key: bytes
    until: datetime | None
    digest: bytes | None = None


class Item(NamedTuple):
    """One item of a body, as it will be kept. `lead_id` is the lead it makes if its person is new."""

    submission_id: UUID
    lead_id: UUID
    door: str
    seen: Seen
    outcome: Outcome
    content_type: str
    raw: bytes
    part: bool  # `raw` is one item of the body, not the body
    received_at: datetime
    keys: tuple[Key, ...] = ()
    attributes: Mapping[str, Any] | None = None
    lead_fields: Mapping[str, Any] | None = None
    document: str | None = None


def admit(rules: Rules, door: Door, request: Request, before: Sequence[Item] = ()) -> list[Item]:
    """The items of a request; those it had `before`, under older rules, keep their ids.

    Raises NotProven and Refused.
    """
    arrival = request.arrival
    proof = prove_arrival(door, arrival, rules.resolve, request.received_at)
    if isinstance(proof, Unproven):
        raise NotProven(proof)
    body = read_body(request.content_type, arrival.raw, BATCH_BOUNDS if door.kind == "meta" else LEAD_BOUNDS)
    proof = prove_body(door, body, rules.resolve)
    if isinstance(proof, Unproven):
        raise NotProven(proof)
    if door.kind == "rest" and isinstance(body, list):
        raise OneLead
    return read_items(rules, door, request, body, before)


def takes_long(raw: bytes) -> bool:
    """Whether a body may hold so much that to admit it would keep everybody else waiting."""
    return len(raw) > _LONG_BYTES or raw.count(b",") > _LONG_VALUES


def read_items(rules: Rules, door: Door, request: Request, body: Json, before: Sequence[Item] = ()) -> list[Item]:
    """The items of a parsed body."""
    found = items(door, body)
    if isinstance(found, Unmappable):
        return [_item(rules, request, 0, found, None, before)]
    part = len(found) != 1 or found[0] is not body
    return [
        _item(
            rules,
            request,
            place,
            outcome_of(door, rules.fields, one, f"$[{place}]" if part else "$", request.received_at),
            orjson.dumps(one) if part else None,
            before,
        )
        for place, one in enumerate(found)
    ]


def read_part(rules: Rules, door: Door, request: Request, before: Sequence[Item] = ()) -> list[Item]:
    """The item of a request whose raw bytes are one item of the body that once came."""
    outcome = outcome_of(door, rules.fields, orjson.loads(request.arrival.raw), "$", request.received_at)
    return [_item(rules, request, 0, outcome, request.arrival.raw, before)]


def _item(
    rules: Rules,
    request: Request,
    place: int,
    outcome: Outcome,
    part: bytes | None,
    before: Sequence[Item],
) -> Item:
    raw = request.arrival.raw if part is None else part
    content_type = request.content_type if part is None else "application/json"
    known = before[place] if place < len(before) else None
    submission_id = known.submission_id if known else new_id()
    lead_id = known.lead_id if known else new_id()
    seen = _seen(rules.hash_key, request, place, outcome, raw)
    if not isinstance(outcome, Submission):
        kept = b"" if isinstance(outcome, Ignored) else raw
        return Item(
            submission_id,
            lead_id,
            request.door,
            seen,
            outcome,
            content_type,
            kept,
            part is not None,
            request.received_at,
        )
    fields: dict[str, Any] = {**outcome.fields, **outcome.picked, **outcome.ids}
    if outcome.consent is not None:
        fields["consent"] = outcome.consent
    return Item(
        submission_id,
        lead_id,
        request.door,
        seen,
        outcome,
        content_type,
        raw,
        part is not None,
        request.received_at,
        stored_keys(outcome),
        attributes(outcome),
        fields,
        orjson.dumps(document(outcome)).decode(),
    )


def _seen(hash_key: bytes, request: Request, place: int, outcome: Outcome, raw: bytes) -> Seen:
    vendor_key = None if isinstance(outcome, Ignored) else outcome.vendor_key
    if vendor_key is not None:
        return Seen(_hash(hash_key, b"vendor", request.door, vendor_key.encode()), None)
    if request.command is not None:
        key = _hash(hash_key, b"command", f"{request.command}:{place}", b"")
        return Seen(key, request.received_at + _KEY_WINDOW, hashlib.sha256(request.arrival.raw).digest())
    content = outcome.content_key if isinstance(outcome, Submission) else raw
    key = _hash(hash_key, b"content", request.door, content)
    return Seen(key, request.received_at + _CONTENT_WINDOW)


def _hash(key: bytes, kind: bytes, scope: str, value: bytes) -> bytes:
    person = kind.ljust(16, b"\0")  # blake2's own separation of what is hashed for what
    scoped = scope.encode()
    message = len(scoped).to_bytes(4, "big") + scoped + value
    return hashlib.blake2b(message, key=key, person=person, digest_size=_HASH_BYTES).digest()
