"""Identifiers: time-ordered, and so kind to B-trees."""

from uuid import NAMESPACE_URL, UUID, uuid5

from asyncpg.pgproto.pgproto import UUID as DriverUUID  # noqa: N811 - it is a UUID too
from uuid_utils import uuid7


def new_id() -> UUID:
    """A new UUIDv7, later in order than those this process made before."""
    return DriverUUID(uuid7().bytes)


def quick(ident: UUID) -> UUID:
    """The same id in the driver's own kind of UUID: it holds its bytes, and they are asked for a dozen times."""
    return DriverUUID(ident.bytes)


def derived_id(*parts: object) -> UUID:
    """The same id for the same parts, for what must not be made twice."""
    return uuid5(NAMESPACE_URL, "baton:" + ":".join(str(part) for part in parts))
