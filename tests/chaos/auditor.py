"""The auditor: holds every database against the ledger. It knows the tables and topics, and none of the product's code.

What it finds is a list of sentences, each beginning with the kind of the violation.
"""

from collections import Counter, defaultdict
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import orjson

from tests.chaos.ledger import Acknowledged, read

_SHOWN = 3
_COUNTED_BY_LEAD = ("leads", "assigned", "contacted", "handoffs", "contacts")


@dataclass(frozen=True, slots=True)
class Said:
    """An event as analytics has kept it."""

    n: int
    topic: str
    partition: int
    epoch: int
    seq: int
    id: str
    lead_id: str
    data: Mapping[str, Any]


@dataclass(slots=True)
class Books:
    """What the five databases hold."""

    leads: set[str] = field(default_factory=set[str])
    submissions: dict[str, tuple[str | None, str]] = field(default_factory=dict[str, "tuple[str | None, str]"])
    emails: dict[str, str] = field(default_factory=dict[str, str])
    engagements: set[str] = field(default_factory=set[str])
    dossiers: dict[str, int | None] = field(default_factory=dict[str, "int | None"])
    states: set[str] = field(default_factory=set[str])
    handoffs: list[tuple[str, str, bool]] = field(default_factory=list[tuple[str, str, bool]])
    clocks: set[str] = field(default_factory=set[str])
    facts: set[str] = field(default_factory=set[str])
    events: list[Said] = field(default_factory=list[Said])
    numbers: dict[tuple[str, int], tuple[int, int]] = field(default_factory=dict[tuple[str, int], tuple[int, int]])
    tallies: dict[str, tuple[int, int]] = field(default_factory=dict[str, tuple[int, int]])
    parked: dict[str, int] = field(default_factory=dict[str, int])
    rollup: dict[str, Counter[str]] = field(default_factory=dict[str, Counter[str]])


@asynccontextmanager
async def _open(url: str) -> AsyncGenerator[asyncpg.Connection]:
    connection = await asyncpg.connect(url, timeout=5, command_timeout=20)
    try:
        yield connection
    finally:
        await connection.close(timeout=5)


async def behind(urls: Mapping[str, str]) -> dict[str, int]:
    """By registered consumer, how many numbers its positions are behind what its producers have given."""
    heads: dict[tuple[str, int], tuple[int, int]] = {}
    readers: set[tuple[str, str, int]] = set()
    positions: dict[tuple[str, str, int], tuple[int, int]] = {}
    for service, url in urls.items():
        async with _open(url) as connection:
            for row in await connection.fetch("select topic, partition, epoch, last_seq from stream_out"):
                heads[row[0], row[1]] = (row[2], row[3])
            readers |= {tuple(row) for row in await connection.fetch("select service, topic, partition from consumer")}
            for row in await connection.fetch("select topic, partition, epoch, seq from position_in"):
                positions[service, row[0], row[1]] = (row[2], row[3])
    lag: Counter[str] = Counter()
    for reader in readers:
        epoch, last = heads[reader[1], reader[2]]
        at_epoch, at = positions.get(reader, (epoch, 0))
        lag[reader[0]] += abs(last - at) if epoch == at_epoch else last
    return dict(lag)


async def heads_of(urls: Mapping[str, str]) -> dict[tuple[str, int], tuple[int, int]]:
    """The last number of each stream."""
    found: dict[tuple[str, int], tuple[int, int]] = {}
    for url in urls.values():
        async with _open(url) as connection:
            for row in await connection.fetch("select topic, partition, epoch, last_seq from stream_out"):
                found[row[0], row[1]] = (row[2], row[3])
    return found


async def reached(urls: Mapping[str, str], heads: Mapping[tuple[str, int], tuple[int, int]]) -> bool:
    """Whether every registered consumer holds everything up to these numbers."""
    readers: set[tuple[str, str, int]] = set()
    positions: dict[tuple[str, str, int], tuple[int, int]] = {}
    for service, url in urls.items():
        async with _open(url) as connection:
            readers |= {tuple(row) for row in await connection.fetch("select service, topic, partition from consumer")}
            for row in await connection.fetch("select topic, partition, epoch, seq from position_in"):
                positions[service, row[0], row[1]] = (row[2], row[3])
    return all(positions.get(reader, (0, 0))[1] >= heads[reader[1], reader[2]][1] for reader in readers)


async def books_of(urls: Mapping[str, str]) -> Books:
    """Read everything."""
    books = Books(numbers=await heads_of(urls))
    for service, url in urls.items():
        async with _open(url) as connection:
            [(parked,)] = await connection.fetch("select count(*) from parked where state in ('parked', 'behind')")
            tally = "select coalesce(sum(count), 0), coalesce(bit_xor(xor), 0) from capture_tally"
            [(count, xor)] = await connection.fetch(tally)
            books.parked[service], books.tallies[service] = parked, (int(count), int(xor))
            await _READ[service](connection, books)
    return books


async def _read_intake(connection: asyncpg.Connection, books: Books) -> None:
    books.leads = {str(row[0]) for row in await connection.fetch("select lead_id from lead")}
    for row in await connection.fetch("select submission_id, lead_id, state from submission"):
        books.submissions[str(row[0])] = (str(row[1]) if row[1] else None, row[2])
    rows = await connection.fetch("select value, lead_id from identity_key where kind = 'email'")
    books.emails = {row[0]: str(row[1]) for row in rows}
    books.engagements = {str(row[0]) for row in await connection.fetch("select engagement_id from engagement")}


async def _read_scorer(connection: asyncpg.Connection, books: Books) -> None:
    rows = await connection.fetch("select lead_id, score_milli from dossier")
    books.dossiers = {str(row[0]): row[1] for row in rows}


async def _read_router(connection: asyncpg.Connection, books: Books) -> None:
    books.states = {str(row[0]) for row in await connection.fetch("select lead_id from lead_state")}
    rows = await connection.fetch("select handoff_id, lead_id, state from handoff")
    books.handoffs = [(str(row[0]), str(row[1]), row[2] != "closed") for row in rows]


async def _read_sla(connection: asyncpg.Connection, books: Books) -> None:
    rows = await connection.fetch("select distinct handoff_id from clock where handoff_id is not null")
    books.clocks = {str(row[0]) for row in rows}


async def _read_analytics(connection: asyncpg.Connection, books: Books) -> None:
    books.facts = {str(row[0]) for row in await connection.fetch("select lead_id from lead_fact")}
    rows = await connection.fetch("select n, topic, partition, epoch, seq, id, lead_id, value from event order by n")
    books.events = [
        Said(row[0], row[1], row[2], row[3], row[4], str(row[5]), str(row[6]), orjson.loads(row[7])) for row in rows
    ]
    columns = (*_COUNTED_BY_LEAD, "breaches", "revoked")
    sums = ", ".join(f"sum({name})::bigint" for name in columns)
    for row in await connection.fetch(f"select dimension, {sums} from rollup group by dimension"):
        books.rollup[row[0]] = Counter(dict(zip(columns, list(row)[1:], strict=True)))


_READ = {
    "intake": _read_intake,
    "scorer": _read_scorer,
    "router": _read_router,
    "sla-watcher": _read_sla,
    "analytics": _read_analytics,
}


async def audit(urls: Mapping[str, str], ledger: Path) -> tuple[list[str], Books]:
    """Every violation that the databases show now; nothing where all is well."""
    books = await books_of(urls)
    acknowledged = read(ledger)
    found = [
        *acknowledged.complaints,
        *_lost(books, acknowledged),
        *_owners(books),
        *_streams(books),
        *_doubled(books, acknowledged),
        *_figures(books),
        *_say("parked: records in", [f"{service} ({count})" for service, count in books.parked.items() if count]),
    ]
    return found, books


def _lost(books: Books, acknowledged: Acknowledged) -> list[str]:
    told = {ident: lead for ident, lead in acknowledged.submissions.items() if lead is not None}
    wrong = [
        ident for ident, lead in told.items() if ident in books.submissions and books.submissions[ident][0] != lead
    ]
    captured = Counter(said.lead_id for said in books.events if said.topic == "lead.captured")
    assigned = {said.lead_id for said in books.events if said.topic == "lead.assigned"}
    heard = {said.data.get("engagement_id") for said in books.events if said.topic == "lead.engaged"}
    contacted = Counter(said.lead_id for said in books.events if said.topic == "lead.contacted")
    owed = Counter(lead for lead, _ in acknowledged.contacts.values())
    known = {lead for lead, _ in books.submissions.values() if lead} | set(told.values())
    return [
        *_say(
            "lost: acknowledged submission missing in intake:",
            acknowledged.submissions.keys() - books.submissions.keys(),
        ),
        *_say("lost: acknowledged under another lead:", wrong),
        *_say("lost: acknowledged person missing in intake:", acknowledged.emails - books.emails.keys()),
        *_say("lost: person without a lead in intake:", set(books.emails.values()) - books.leads),
        *_say("lost: engagement missing in intake:", acknowledged.engagements.keys() - books.engagements),
        *_say("lost: engagement missing in analytics:", acknowledged.engagements.keys() - heard),
        *_say("lost: lead missing in intake:", known - books.leads),
        *_say("lost: lead missing in scorer:", (books.leads | known) - books.dossiers.keys()),
        *_say("lost: lead missing in router:", (books.leads | known) - books.states),
        *_say("lost: lead missing in analytics:", (books.leads | known) - books.facts),
        *_say("lost: lead.captured missing:", (books.leads | known) - captured.keys()),
        *_say("lost: hot lead never assigned:", acknowledged.hot - assigned),
        *_say("lost: hot lead without a handoff:", acknowledged.hot - {lead for _, lead, _ in books.handoffs}),
        *_say("lost: handoff without a clock:", {ident for ident, _, _ in books.handoffs} - books.clocks),
        *_say("lost: contact missing:", [lead for lead, count in owed.items() if contacted[lead] < count]),
        *_say("unknown: lead that nobody sent:", books.emails.keys() - acknowledged.asked),
    ]


def _owners(books: Books) -> list[str]:
    open_handoffs = Counter(lead for _, lead, is_open in books.handoffs if is_open)
    ended = Counter(said.lead_id for said in books.events if said.topic in {"lead.rejected", "lead.recycled"})
    assigned: Counter[tuple[str, int]] = Counter(
        (said.lead_id, said.data["episode"]) for said in books.events if said.topic == "lead.assigned"
    )
    qualified: Counter[tuple[str, int]] = Counter(
        (said.lead_id, said.data["episode"]) for said in books.events if said.topic == "lead.qualified"
    )
    return [
        *_say("two owners: open handoffs of lead", [lead for lead, count in open_handoffs.items() if count > 1]),
        *_say("two owners: lead.assigned of lead", [lead for (lead, _), n in assigned.items() if n > 1 + ended[lead]]),
        *_say("duplicate: lead.qualified of lead", [lead for (lead, _), count in qualified.items() if count > 1]),
    ]


def _streams(books: Books) -> list[str]:
    """Each stream as analytics took it: from 1 to the producer's last number, none missing, none twice, in order."""
    by_stream: defaultdict[tuple[str, int], list[Said]] = defaultdict(list)
    for said in books.events:
        by_stream[said.topic, said.partition].append(said)
    found: list[str] = []
    for stream, (epoch, last) in books.numbers.items():
        seqs = [said.seq for said in by_stream.get(stream, ()) if said.epoch == epoch]
        if seqs == list(range(1, last + 1)):
            continue
        name = f"{stream[0]}/{stream[1]}"
        found += _say(f"lost: {name} misses number", set(range(1, last + 1)) - set(seqs))
        found += _say(f"duplicate: {name} counted twice in analytics, number", _twice(seqs))
        found += _say(f"unknown: {name} holds number", {seq for seq in seqs if seq > last})
        if seqs != sorted(seqs):
            found.append(f"order: {name} was taken out of its order")
    return found


def _doubled(books: Books, acknowledged: Acknowledged) -> list[str]:
    by_topic: defaultdict[str, list[Said]] = defaultdict(list)
    for said in books.events:
        by_topic[said.topic].append(said)
    found: list[str] = []
    for topic, name in (
        ("lead.captured", "lead_id"), ("lead.captured", "submission_id"), ("lead.engaged", "engagement_id"),
        ("lead.contacted", "contact_id"), ("lead.assigned", "handoff_id"), ("sla.started", "clock_id"),
        ("sla.breached", "clock_id"), ("sla.met", "clock_id"),
    ):  # fmt: skip
        found += _say(f"duplicate: two {topic} of one {name}:", _twice([said.data[name] for said in by_topic[topic]]))
    contacted = Counter(said.lead_id for said in by_topic["lead.contacted"])
    owed = Counter(lead for lead, _ in acknowledged.contacts.values())
    if not acknowledged.complaints:
        found += _say(
            "duplicate: more contacts than keys, lead", [lead for lead, n in contacted.items() if n > owed[lead]]
        )
    found += _say("duplicate: event id", _twice([said.id for said in books.events]))
    scores = Counter(books.dossiers.get(lead) for lead in acknowledged.hot)
    if len(scores) > 1:
        found.append(f"duplicate: equal leads have different scores: {dict(scores)}")
    return found


def _figures(books: Books) -> list[str]:
    """The figures against the events, and every service's tally against the leads."""
    topics: defaultdict[str, set[str]] = defaultdict(set)
    counts = Counter(said.topic for said in books.events)
    for said in books.events:
        topics[said.topic].add(said.lead_id)
    true = {
        "leads": len(topics["lead.captured"]), "assigned": len(topics["lead.assigned"]),
        "contacted": len(topics["lead.contacted"]), "handoffs": counts["lead.assigned"],
        "contacts": counts["lead.contacted"],
    }  # fmt: skip
    found = [
        f"figures: by {dimension} {name} are {sums[name]}, the events say {count}"
        for dimension, sums in books.rollup.items()
        if dimension != "promise"
        for name, count in true.items()
        if sums[name] != count
    ]
    breaches = books.rollup.get("promise", Counter())["breaches"]
    if breaches != counts["sla.breached"] - counts["sla.revoked"]:
        found.append(f"figures: {breaches} breaches, the events say {counts['sla.breached']} - {counts['sla.revoked']}")
    found += [
        f"figures: {service} tallied {count} captures of {len(books.leads)}"
        for service, (count, _) in books.tallies.items()
        if count != len(books.leads)
    ]
    if len({xor for _, xor in books.tallies.values()}) > 1:
        found.append("figures: the services tallied different leads")
    return found


def _twice(values: Sequence[Any]) -> list[Any]:
    return [value for value, count in Counter(values).items() if count > 1]


def _say(what: str, which: Iterable[Any]) -> list[str]:
    """One sentence where there is any, with a few of them named."""
    named = sorted(map(str, which))
    if not named:
        return []
    more = f" and {len(named) - _SHOWN} more" if len(named) > _SHOWN else ""
    return [f"{what} {', '.join(named[:_SHOWN])}{more}"]
