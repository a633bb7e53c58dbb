"""Database addresses: in the two spellings that libraries want, and the databases of one server."""

from collections.abc import Iterable
from contextlib import suppress
from urllib.parse import quote, urlsplit, urlunsplit

import asyncpg


def sqlalchemy_url(url: str) -> str:
    """`postgresql://…` as SQLAlchemy wants it for asyncpg."""
    scheme, rest = url.split("://", 1)
    return f"postgresql+asyncpg://{rest}" if scheme in {"postgres", "postgresql"} else url


def driver_url(url: str) -> str:
    """The same address as asyncpg itself wants it."""
    return url.replace("postgresql+asyncpg://", "postgresql://", 1)


def on_server(server_url: str, database: str) -> str:
    """The address of one database of a server whose URL is given (its own path is replaced)."""
    parts = urlsplit(server_url)
    return urlunsplit(parts._replace(path=f"/{quote(database)}"))


async def ensure_databases(server_url: str, names: Iterable[str]) -> None:
    """Create the databases that are missing on a server. Several processes may try at once."""
    connection = await asyncpg.connect(driver_url(server_url))
    try:
        present = {row["datname"] for row in await connection.fetch("select datname from pg_database")}
        for name in names:
            if name not in present:
                with suppress(asyncpg.DuplicateDatabaseError, asyncpg.UniqueViolationError):
                    quoted = name.replace('"', '""')
                    await connection.execute(f"create database \"{quoted}\" template template0 encoding 'UTF8'")
    finally:
        await connection.close()
