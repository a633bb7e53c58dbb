"""One service as a process of its own: its PostgreSQL database, Apache Kafka, its own port."""

import secrets
import ssl
from typing import Any

from baton.catalogue import service as service_named
from baton.data_dir import admin_token, find_secret, given_secret, session_secret, sha256, this_start
from baton.embedded import databases, plainly
from baton.presets import presets
from baton.process import health, listen, run
from baton.settings import Settings, database_name
from shared.http.app import build
from shared.runtime.clock import HurriedClock
from shared.runtime.node import node, prepare
from shared.store.engine import engine
from shared.telemetry.meters import Meters
from shared.transport.kafka import KafkaTransport
from shared.transport.kafka_topics import Cluster, WrongTopic


async def serve(name: str, settings: Settings) -> None:
    """Run one service until a signal comes.

    Raises SystemExit where the environment names no broker or no database server.
    """
    if not settings.kafka or not settings.postgres:
        raise SystemExit(
            "baton serve needs BATON_KAFKA=host:port and BATON_POSTGRES=postgresql://…;"
            " `baton up` runs everything in one process without either"
        )
    with plainly():
        await _serve(name, settings)


async def _serve(name: str, settings: Settings) -> None:
    service = service_named(name)
    door = listen(settings.host, settings.port)
    meters = Meters()
    instance = this_start(settings.instance or secrets.token_hex(6))
    async with databases(settings, [database_name(name)]) as found:
        url = found.url(database_name(name))
        pool = engine(url, application=name, idle_in_transaction_s=2 if name == "intake" else 5)
        transactions = await prepare(
            service,
            url,
            pool,
            partitions=settings.partitions,
            clock=HurriedClock(),
            presets=presets(settings.policy_dir),
            begins=settings.clock_start,
        )
        cluster = Cluster(
            settings.kafka, settings.partitions, prefix=settings.kafka_prefix, security=security(settings)
        )
        transport = KafkaTransport(cluster, instance, {name: pool})
        try:
            await transport.start()
        except WrongTopic as error:
            raise SystemExit(f"baton: {error}") from error
        running = await node(
            service,
            transactions,
            transport,
            instance=instance,
            meters=meters,
            admin_sha256=sha256(admin_token(settings)),
            session_secret=session_secret(settings),
            find_secret=find_secret,
        )
        transport.produce(name, running.leases)
        app = build([*running.routers, health([running], meters)], {name: running.ring})
        try:
            await run(app, {**running.tasks, **transport.tasks()}, door, meters=meters)
        finally:
            await running.retire()
            await transport.close()


def security(settings: Settings) -> dict[str, Any]:
    """How to reach the broker, as its client wants to be told."""
    found: dict[str, Any] = {"security_protocol": settings.kafka_security}
    if "SSL" in settings.kafka_security:
        found["ssl_context"] = ssl.create_default_context(
            cafile=str(settings.kafka_ca_file) if settings.kafka_ca_file else None
        )
    if settings.kafka_security.startswith("SASL"):
        found |= {
            "sasl_mechanism": settings.kafka_mechanism,
            "sasl_plain_username": settings.kafka_username,
            "sasl_plain_password": given_secret(settings.kafka_password, settings.kafka_password_file),
        }
    return found
