"""Connections: how every service reaches its database."""

from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from shared.store.urls import sqlalchemy_url


def engine(
    url: str, *, application: str, pool_size: int = 6, idle_in_transaction_s: float = 5, statement_s: float = 30
) -> AsyncEngine:
    """An engine on a PostgreSQL URL.

    A frozen owner must not hold locks: the database itself ends a transaction that idles or waits too long.
    Plans are made for each execution (`force_custom_plan`): a plan cached while a new installation's tables were
    empty scans the whole table for ever after.
    """
    return create_async_engine(
        sqlalchemy_url(url),
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_timeout=10,
        connect_args={
            "timeout": 5,
            "command_timeout": statement_s + 5,  # a peer that vanished without a word ends a wait on our side too
            "server_settings": {
                "application_name": f"baton-{application}",
                "plan_cache_mode": "force_custom_plan",
                "jit": "off",
                "timezone": "UTC",
                "idle_in_transaction_session_timeout": str(round(idle_in_transaction_s * 1000)),
                "lock_timeout": "4000",
                "statement_timeout": str(round(statement_s * 1000)),
                "tcp_keepalives_idle": "5",
                "tcp_keepalives_interval": "2",
                "tcp_keepalives_count": "3",
                "tcp_user_timeout": "10000",
            },
        },
    )
