"""Database addresses in the two spellings that libraries want."""


def sqlalchemy_url(url: str) -> str:
    """`postgresql://…` as SQLAlchemy wants it for asyncpg."""
    scheme, rest = url.split("://", 1)
    return f"postgresql+asyncpg://{rest}" if scheme in {"postgres", "postgresql"} else url


def driver_url(url: str) -> str:
    """The same address as asyncpg itself wants it."""
    return url.replace("postgresql+asyncpg://", "postgresql://", 1)
