"""The Kafka transport: relays take the outboxes of this process's services to the topics, feeds read them."""

from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.contracts.topology import PRODUCER
from shared.runtime.leases import Leases
from shared.runtime.reports import Report
from shared.runtime.streams import Record
from shared.runtime.supervisor import Rounds
from shared.transport.kafka_codec import PASSING
from shared.transport.kafka_feed import KafkaFeed
from shared.transport.kafka_offsets import Offsets
from shared.transport.kafka_positions import Positions
from shared.transport.kafka_relay import Relay
from shared.transport.kafka_topics import Cluster, Topics

log = structlog.get_logger("kafka")


@dataclass(slots=True)
class KafkaTransport:
    """One process's way to Kafka. `engines` are the databases of the services in this process."""

    cluster: Cluster
    instance: str
    engines: Mapping[str, AsyncEngine]
    names: Sequence[str] = tuple(sorted(PRODUCER))
    topics: Topics = field(init=False)
    positions: Positions = field(init=False)
    relays: dict[str, Relay] = field(default_factory=dict[str, Relay])
    offsets: Offsets = field(init=False)
    _feeds: list[KafkaFeed] = field(default_factory=list[KafkaFeed])

    def __post_init__(self) -> None:
        self.topics = Topics(self.cluster, self.names)
        self.positions = Positions(self.cluster, self.topics)
        self.offsets = Offsets(self.cluster)

    async def start(self) -> None:
        """See to the topics. A broker that is away is waited for in the background.

        Raises WrongTopic.
        """
        try:
            await self.topics.ensure()
        except PASSING as error:
            log.warning("no broker yet, going on without", error=repr(error))
            self.topics.suspect()

    async def close(self) -> None:
        """Let go of Kafka; the tasks have ended."""
        for feed in self._feeds:
            await feed.close()

    def tasks(self) -> dict[str, Callable[[], Coroutine[Any, Any, None]]]:
        """What runs for ever beside the services."""
        return {
            "kafka: topics": self.topics.run,
            "kafka: hears positions": Rounds("kafka: hears positions", self.positions.listen).run,
            "kafka: says positions": Rounds("kafka: says positions", self.positions.speak).run,
            "kafka: offsets": self.offsets.run,
            **{f"{service}: relay": relay.run for service, relay in self.relays.items()},
        }

    def produce(self, service: str, leases: Leases) -> Relay:
        """Relay what a service of this process emits, in the lanes that it holds."""
        relay = self.relays[service] = Relay(
            service, self.instance, self.engines[service], leases, self.cluster, self.topics, self.positions
        )
        return relay

    async def feed(self, service: str, topics: Sequence[str]) -> KafkaFeed:
        """A feed for a consuming service; it is assigned what it reads."""
        del topics
        made = KafkaFeed(service, self.cluster, self.topics, self.positions, self.offsets)
        self._feeds.append(made)
        return made

    def committed(self, service: str, records: Sequence[Record]) -> None:
        """Hand records to the service's relay."""
        if service in self.relays:
            self.relays[service].committed(records)

    async def report(self, report: Report) -> None:
        """Say it on the positions' topic, as soon as there is a broker."""
        self.positions.say_report(report)

    def reports(self) -> Sequence[Report]:
        """What was heard lately."""
        return tuple(self.positions.reports)
