"""The topics: made by us, with our number of partitions, kept for ever, and made again where a broker lost them."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code

from shared.transport.kafka_codec import PASSING, quietly, within

log = structlog.get_logger("kafka")

POSITIONS = "baton.positions"
_BOUND_S = 15.0
_PAUSE_S = 1.0
_FOR_EVER = {"retention.ms": "-1", "retention.bytes": "-1", "cleanup.policy": "delete"}
_FOR_A_DAY = {"retention.ms": "86400000", "cleanup.policy": "delete"}


class WrongTopic(Exception):
    """A topic has another number of partitions than Baton was set up for."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """How to reach Kafka. `security` holds aiokafka's own settings; `prefix` goes before every topic's name."""

    bootstrap: str
    partitions: int
    prefix: str = ""
    replication: int = -1
    security: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def client(self, name: str) -> dict[str, Any]:
        """The arguments every client takes."""
        return {
            "bootstrap_servers": self.bootstrap,
            "client_id": f"baton-{name}",
            "request_timeout_ms": 10_000,
            "metadata_max_age_ms": 60_000,
            **self.security,
        }

    def wire(self, topic: str) -> str:
        """A topic's name in this cluster."""
        return self.prefix + topic


@dataclass(slots=True)
class Topics:
    """Sees to it that the topics are there."""

    cluster: Cluster
    names: Sequence[str]
    _suspected: asyncio.Event = field(default_factory=asyncio.Event)

    def suspect(self) -> None:
        """A topic seems to be gone: look soon."""
        self._suspected.set()

    async def run(self) -> None:
        """Look whenever somebody suspects, at most once a second.

        Raises WrongTopic.
        """
        while True:
            await self._suspected.wait()
            self._suspected.clear()
            try:
                await self.ensure()
            except PASSING as error:
                log.warning("topics unknown, looking again", error=repr(error))
                self._suspected.set()
            await asyncio.sleep(_PAUSE_S)

    async def ensure(self) -> None:
        """Make the topics that are missing.

        Raises WrongTopic, KafkaError, OSError or TimeoutError.
        """
        admin = AIOKafkaAdminClient(**self.cluster.client("topics"))
        try:
            await within(_BOUND_S, self._ensure(admin))
        finally:
            await quietly(admin.close())

    async def _ensure(self, admin: AIOKafkaAdminClient) -> None:
        await admin.start()
        wanted = {self.cluster.wire(name): self.cluster.partitions for name in self.names}
        wanted[self.cluster.wire(POSITIONS)] = 1
        there = sorted(wanted.keys() & set(await admin.list_topics()))
        for found in await admin.describe_topics(there) if there else []:
            partitions = len(found["partitions"])
            if found["error_code"] == 0 and partitions != wanted[found["topic"]]:
                raise WrongTopic(
                    f"the topic {found['topic']} has {partitions} partitions, Baton needs {wanted[found['topic']]}:"
                    " the number is fixed at the first start and set by BATON_PARTITIONS; a topic that somebody else"
                    " made must be deleted first"
                )
        missing = sorted(wanted.keys() - set(there))
        if missing:
            await self._create(admin, {name: wanted[name] for name in missing})

    async def _create(self, admin: AIOKafkaAdminClient, wanted: Mapping[str, int]) -> None:
        brief = self.cluster.wire(POSITIONS)
        news = [
            NewTopic(
                name,
                partitions,
                self.cluster.replication,
                replica_assignments={} if self.cluster.replication == -1 else None,
                topic_configs=_FOR_A_DAY if name == brief else _FOR_EVER,
            )
            for name, partitions in wanted.items()
        ]
        try:
            made = (await admin.create_topics(news)).to_object()
        except AttributeError as unknown:  # the client's way to say it
            raise KafkaError("no controller is known yet") from unknown
        for outcome in made["topic_errors"]:
            error: type[KafkaError] = for_code(outcome["error_code"])
            if outcome["error_code"] != 0 and error is not TopicAlreadyExistsError:
                raise error(f"the topic {outcome['topic']} can't be made: {outcome.get('error_message')}")
        log.info("topics made", topics=sorted(wanted))
