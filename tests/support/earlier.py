"""A database as an older version of a service left it, for the tests of migrations."""

from importlib import import_module
from typing import TYPE_CHECKING

from shared.store.migrate import version_table

if TYPE_CHECKING:
    from asyncpg import Connection


async def lay_out(connection: "Connection", package: str, *versions: str) -> None:
    """Make the tables of these versions of a package and nothing later; `migrate` goes on behind the last of them."""
    for name in versions:
        await connection.execute(import_module(f"{package}.migrations.versions.{name}").STATEMENTS)
    table = version_table(package)
    await connection.execute(f"create table {table} (version_num text)")
    await connection.execute(f"insert into {table} values ('{versions[-1]}')")
