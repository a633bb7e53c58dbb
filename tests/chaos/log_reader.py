"""The auditor's own reader of Kafka: reads every topic from its start and applies the sequence filter by itself."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from aiokafka import AIOKafkaConsumer, TopicPartition

from shared.transport.kafka_codec import put_away, within

_READ_S = 30.0
Numbers = Mapping[tuple[str, int], tuple[int, int]]


@dataclass(slots=True)
class LogReader:
    """What the log has shown so far. A wiped log starts anew, and then owes nothing that lies before its first number."""

    seen: dict[tuple[str, int], dict[int, tuple[int, str, str]]] = field(
        default_factory=dict[tuple[str, int], dict[int, tuple[int, str, str]]]
    )
    """By stream and number: epoch, event id, lead id."""
    offsets: dict[tuple[str, int], int] = field(default_factory=dict[tuple[str, int], int])
    wipes: int = 0
    twice: int = 0
    _clashes: list[str] = field(default_factory=list[str])

    async def audit(self, bootstrap: str, numbers: Numbers, leads: set[str], wipes: int) -> list[str]:
        """Read on to the end and judge."""
        if wipes != self.wipes:
            self.wipes = wipes
            self.seen.clear()
            self.offsets.clear()
        await within(_READ_S, self._read(bootstrap, numbers))
        found = list(self._clashes)
        for (topic, partition), (epoch, last) in numbers.items():
            seqs = {seq for seq, kept in self.seen.get((topic, partition), {}).items() if kept[0] == epoch}
            first = 1 if not self.wipes else min(seqs, default=last + 1)
            missing = sorted(set(range(first, last + 1)) - seqs)
            if missing:
                found.append(f"lost: the log's {topic}/{partition} misses {missing[:3]} of {last}")
            if seqs and max(seqs) > last:
                found.append(f"unknown: the log's {topic}/{partition} holds {max(seqs)}, the producer gave {last}")
        captured = {
            kept[2]
            for stream, kept_of in self.seen.items()
            if stream[0] == "lead.captured"
            for kept in kept_of.values()
        }
        if not self.wipes and captured != leads:
            found.append(f"lost: the log shows {len(captured)} captured leads, intake holds {len(leads)}")
        if captured - leads:
            found.append(f"unknown: the log shows a lead that intake does not hold: {sorted(captured - leads)[:3]}")
        return found

    async def _read(self, bootstrap: str, numbers: Numbers) -> None:
        places = {TopicPartition(topic, partition): (topic, partition) for topic, partition in numbers}
        consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest", enable_auto_commit=False)
        try:
            await consumer.start()
            consumer.assign(list(places))
            ends = await consumer.end_offsets(list(places))
            for place, stream in places.items():
                consumer.seek(place, self.offsets.get(stream, 0))
            while any(self.offsets.get(stream, 0) < ends[place] for place, stream in places.items()):
                for place, messages in (await consumer.getmany(timeout_ms=200)).items():
                    for message in messages:
                        self._take(places[place], dict(message.headers), (message.key or b"").decode())
                        self.offsets[places[place]] = message.offset + 1
        finally:
            await put_away(consumer)

    def _take(self, stream: tuple[str, int], headers: Mapping[str, bytes], lead_id: str) -> None:
        epoch, seq = map(int, headers["seq"].split(b":"))
        event_id = headers["ce_id"].decode()
        known = self.seen.setdefault(stream, {}).get(seq)
        if known is None or known[0] != epoch:
            self.seen[stream][seq] = (epoch, event_id, lead_id)
            return
        self.twice += 1
        if known[1:] != (event_id, lead_id):
            self._clashes.append(f"unknown: {stream[0]}/{stream[1]} number {seq} stands for two events")
