"""Ids that follow from what they name: whoever reckons one again has the same."""

from uuid import UUID

import msgspec
import uuid_utils


def named(namespace: UUID, name: str) -> UUID:
    """What `uuid.uuid5` gives, in half the time: several are reckoned for each lead that is heard of."""
    return msgspec.convert(uuid_utils.uuid5(uuid_utils.UUID(bytes=namespace.bytes), name).bytes, UUID)
