"""Offsets committed to Kafka, for operators' lag tools alone: its own client, so that it can never stall a feed."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import structlog
from aiokafka.client import AIOKafkaClient, ConnectionGroup, CoordinationType
from aiokafka.errors import for_code
from aiokafka.protocol.commit import OffsetCommitRequest

from shared.runtime.streams import Stream
from shared.transport.kafka_codec import PASSING, quietly, within
from shared.transport.kafka_topics import Cluster

log = structlog.get_logger("kafka")

_BOUND_S = 5.0
_NO_GENERATION = -1


@dataclass(slots=True)
class Offsets:
    """What is to be told to Kafka's groups `baton.<service>`, every few seconds."""

    cluster: Cluster
    pause_s: float = 5.0
    _due: dict[str, dict[Stream, int]] = field(default_factory=dict[str, dict[Stream, int]])

    def note(self, service: str, taken: Mapping[Stream, int]) -> None:
        """These log offsets are durably consumed."""
        self._due.setdefault(service, {}).update(taken)

    async def run(self) -> None:
        """Commit for ever; a failure is the lag tools' loss only."""
        while True:
            await asyncio.sleep(self.pause_s)
            due, self._due = self._due, {}
            if not due:
                continue
            client = AIOKafkaClient(**self.cluster.client("offsets"))
            try:
                await within(_BOUND_S, self._commit_all(client, due))
            except PASSING as error:
                log.debug("offsets not committed", error=repr(error))
                for service, taken in due.items():
                    self._due[service] = taken | self._due.get(service, {})
            finally:
                await quietly(client.close())

    async def _commit_all(self, client: Any, due: Mapping[str, Mapping[Stream, int]]) -> None:
        await client.bootstrap()
        for service, taken in due.items():
            await self._commit(client, service, taken)

    async def _commit(self, client: Any, service: str, taken: Mapping[Stream, int]) -> None:
        group = f"{self.cluster.prefix}baton.{service}"
        node = await client.coordinator_lookup(CoordinationType.GROUP, group)
        by_topic: dict[str, list[tuple[int, int, str]]] = {}
        for stream, offset in taken.items():
            by_topic.setdefault(self.cluster.wire(stream.topic), []).append((stream.partition, offset + 1, ""))
        request = OffsetCommitRequest(group, _NO_GENERATION, "", _NO_GENERATION, list(by_topic.items()))
        answer = await client.send(node, request, group=ConnectionGroup.COORDINATION)
        for _, places in answer.topics:
            for _, code in places:
                if code != 0:
                    raise for_code(code)(group)
