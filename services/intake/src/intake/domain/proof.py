"""Proof of sender: path tokens and signatures over the raw bytes before parsing, Google's key after it."""

import base64
import binascii
import hashlib
import hmac
import string
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from intake.domain.policy import (
    Door,
    Resolve,
    SecretRef,
    Timestamp,
    Verify,
)
from intake.domain.strict_json import Json

_MAX_TIMESTAMP_DIGITS = 17
_MAX_SIGNATURES = 16
_UNIT_PER_S = {"s": 1, "ms": 1000}


@dataclass(frozen=True, slots=True)
class Arrival:
    """A request as it came. `headers` has lower-case names; `url` is the public one, as the sender knows it."""

    raw: bytes
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    method: str = "POST"
    url: str = ""
    token: str | None = None


@dataclass(frozen=True, slots=True)
class Proven:
    pass


_PROVEN = Proven()


@dataclass(frozen=True, slots=True)
class Unproven:
    """Not proven: 401, and nothing of the body is kept; or 503 where our own secrets are missing, so senders retry."""

    reason: str
    status: int = 401


Proof = Proven | Unproven


def prove_arrival(door: Door, arrival: Arrival, resolve: Resolve, now: datetime) -> Proof:
    """Checks the door's path token and its signature on the raw bytes. To be asked before the body is parsed."""
    if door.token is not None and isinstance(proof := prove_token(door, arrival, resolve), Unproven):
        return proof
    rule = signature_rule(door)
    return _PROVEN if rule is None else verify(rule, arrival, resolve, now)


def prove_token(door: Door, arrival: Arrival, resolve: Resolve) -> Proof:
    """Checks the door's path token, if it has one."""
    return _PROVEN if door.token is None else _equals(arrival.token, "the path token", door.token, resolve)


def signature_rule(door: Door) -> Verify | None:
    """How a door's senders sign the raw body; None where they do not."""
    match door.kind:
        case "generic":
            return door.verify
        case "meta":
            return Verify(header="X-Hub-Signature-256", prefix="sha256=", secrets=door.secret)
        case "typeform":
            return Verify(header="Typeform-Signature", prefix="sha256=", encoding="base64", secrets=door.secret)
        case _:
            return None


def is_one_of(given: str | None, name: str, secrets: Sequence[SecretRef], resolve: Resolve) -> Proof:
    """Whether a text is one of these secrets, compared in constant time."""
    return _equals(given, name, secrets, resolve)


def prove_body(door: Door, body: Json, resolve: Resolve) -> Proof:
    """Checks the proof that some vendors put into the body. To be asked after parsing, before anything is kept."""
    if door.kind != "google":
        return _PROVEN
    if not isinstance(body, dict):
        return Unproven("google_key is absent")
    keys = [value for name, value in body.items() if name.lower() == "google_key"]
    given = keys[0] if len(keys) == 1 and isinstance(keys[0], str) else None
    return _equals(given, "google_key", door.key, resolve)


def verify(rule: Verify, arrival: Arrival, resolve: Resolve, now: datetime) -> Proof:
    """Whether one signature of the header fits the message under one of the secrets."""
    keys = _keys(rule, resolve)
    if not keys:
        return Unproven("no secret of this door is set", 503)
    header = arrival.headers.get(rule.header.lower())
    if not header:
        return Unproven(f"the header {rule.header} is absent")
    given = _signatures(rule, header)
    if not given:
        return Unproven(f"the header {rule.header} holds no signature of the expected form")
    message = _message(rule, arrival, now)
    if isinstance(message, Unproven):
        return message
    expected = [hmac.new(key, message, getattr(hashlib, rule.digest)).digest() for key in keys]
    return Proven() if _any_equal(given, expected) else Unproven("the signature is wrong")


def _message(rule: Verify, arrival: Arrival, now: datetime) -> bytes | Unproven:
    parts = {"body": arrival.raw, "method": _bytes(arrival.method.upper()), "url": _bytes(arrival.url)}
    if rule.timestamp is not None:
        stamp = _timestamp(rule.timestamp, rule.separator, arrival.headers)
        if stamp is None:
            return Unproven(f"the timestamp in {rule.timestamp.header} is absent or no number")
        if abs(now.timestamp() - int(stamp) / _UNIT_PER_S[rule.timestamp.unit]) > rule.timestamp.tolerance_s:
            return Unproven(f"the timestamp lies more than {rule.timestamp.tolerance_s} s from now")
        parts["timestamp"] = _bytes(stamp)
    if rule.id_header is not None:
        message_id = arrival.headers.get(rule.id_header.lower())
        if not message_id:
            return Unproven(f"the header {rule.id_header} is absent")
        parts["id"] = _bytes(message_id)
    return _filled(rule.message, parts)


def _equals(given: str | None, name: str, secrets: Sequence[SecretRef], resolve: Resolve) -> Proof:
    expected = [_bytes(secret) for secret in _set(secrets, resolve)]
    if not expected:
        return Unproven("no secret of this door is set", 503)
    if not given:
        return Unproven(f"{name} is absent")
    return Proven() if _any_equal([_bytes(given)], expected) else Unproven(f"{name} is wrong")


def _set(secrets: Sequence[SecretRef], resolve: Resolve) -> list[str]:
    resolved = (resolve(ref) for ref in secrets)
    return [secret for secret in resolved if secret is not None and secret.strip()]


def _any_equal(given: Iterable[bytes], expected: Sequence[bytes]) -> bool:
    # compares all pairs, so that the time does not say which secret came close
    return any([hmac.compare_digest(one, other) for one in given for other in expected])  # noqa: C419


def _keys(rule: Verify, resolve: Resolve) -> list[bytes]:
    keys = (_key(secret, rule.secret_encoding) for secret in _set(rule.secrets, resolve))
    return [key for key in keys if key]


def _key(secret: str, encoding: str) -> bytes:
    if encoding == "raw":
        return _bytes(secret)
    text = secret.strip().removeprefix("whsec_") if encoding == "whsec" else secret.strip()
    return _from_base64(text) or b""


def _signatures(rule: Verify, header: str) -> list[bytes]:
    entries = header.split(rule.separator) if rule.separator else [header]
    texts = [entry.strip() for entry in entries[:_MAX_SIGNATURES]]
    decode = _from_hex if rule.encoding == "hex" else _from_base64
    decoded = (decode(text.removeprefix(rule.prefix)) for text in texts if text.startswith(rule.prefix))
    return [signature for signature in decoded if signature]


def _timestamp(rule: Timestamp, separator: str, headers: Mapping[str, str]) -> str | None:
    header = headers.get(rule.header.lower(), "")
    entries = header.split(separator) if separator and rule.prefix else [header]
    found = (entry.strip() for entry in entries[:_MAX_SIGNATURES])
    text = next((entry.removeprefix(rule.prefix) for entry in found if entry.startswith(rule.prefix)), "")
    return text if text.isascii() and text.isdigit() and len(text) <= _MAX_TIMESTAMP_DIGITS else None


def _filled(template: str, parts: Mapping[str, bytes]) -> bytes:
    pieces = string.Formatter().parse(template)
    return b"".join(_bytes(literal) + (parts[name] if name is not None else b"") for literal, name, _, _ in pieces)


def _from_hex(text: str) -> bytes | None:
    try:
        return binascii.unhexlify(text)
    except ValueError:
        return None


def _from_base64(text: str) -> bytes | None:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except ValueError:
        return None


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
