"""Bytes to events and back: the one place that knows the encoding."""

import msgspec

from shared.contracts.base import Event, event_types

_ENCODER = msgspec.json.Encoder()
_DECODERS: dict[str, msgspec.json.Decoder[Event]] = {}


class Unreadable(ValueError):
    """The bytes are no event of that type; says what and where."""


def encode(event: Event) -> bytes:
    """The event's JSON value."""
    return _ENCODER.encode(event)


def decode(wire: str, value: bytes) -> Event | None:
    """The event, or None for a type this version does not know.

    Raises Unreadable where the value does not fit the type.
    """
    decoder = _DECODERS.get(wire)
    if decoder is None:
        event_type = event_types().get(wire)
        if event_type is None:
            return None
        decoder = _DECODERS[wire] = msgspec.json.Decoder(event_type)
    try:
        return decoder.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Unreadable(f"{wire}: {error}") from error
