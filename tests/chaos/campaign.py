"""A campaign: rounds of load and faults on one stage, each followed by quiet and an audit."""

import asyncio
import random
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg

from tests.chaos import auditor
from tests.chaos.faults import BY_NAME, Fault, inflict, pick
from tests.chaos.ledger import Ledger
from tests.chaos.load import Senders
from tests.chaos.log_reader import LogReader
from tests.chaos.stage import TWICE, Stage, a_stage

_QUIET_S = 90.0
_LOOK_S = 0.5
_AGREE_S = 20.0
_HEAL_S = 120.0
_UNREACHABLE = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError)
POLICIES: dict[str, dict[str, Any]] = {
    "calendars": {"calendars": {"always": {}, "office": {}, "office-cn": {}}},
    "sla": {
        "promises": [
            {"name": "first_contact", "from": "assigned", "within": "2s", "hours": "elapsed", "met_by": "attempt"},
            {"name": "untouched", "from": "assigned", "within": "48h", "hours": "elapsed", "then": "recycle"},
        ]
    },
    "routing": {
        "teams": {
            "north": {
                "zone": "UTC", "calendar": "always", "strategy": "rotation", "outside_hours": "assign",
                "reps": [{"id": "ann", "weight": 1}, {"id": "joann", "weight": 2}, {"id": "an", "weight": 1}],
            }
        },
        "fallback": "north",
    },
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done. `faults` names the fault of each round instead of having them picked."""

    mode: str
    rounds: int
    seed: int
    rate: float = 20
    leads: int = 60
    mistake: str = ""
    faults: Sequence[str] = ()
    lasts_s: float = 4 * 3600
    """No round begins after this."""
    twice: Sequence[str] = TWICE
    """The services of which two instances run, on Kafka."""
    steady_names: bool = False
    """Every process keeps its instance's name, and so has its lanes back without waiting for a lease to end."""


@dataclass(slots=True)
class Outcome:
    """What came of it."""

    plan: Plan
    rounds: int = 0
    leads: int = 0
    events: int = 0
    tries: int = 0
    faults: Counter[str] = field(default_factory=Counter[str])
    fences: float = 0
    doubts: float = 0
    commits_cut: int = 0
    repeats_in_log: int = 0
    heals_s: list[float] = field(default_factory=list[float])
    quiet_s: list[float] = field(default_factory=list[float])
    ends: list[str] = field(default_factory=list[str])
    violations: list[str] = field(default_factory=list[str])
    took_s: float = 0
    home: Path | None = None


async def campaign(plan: Plan, say: Callable[[str], None]) -> Outcome:
    """Run it; stops at the first round with a violation. The stage's files stay where there was one."""
    outcome = Outcome(plan)
    home = Path(tempfile.mkdtemp(prefix="baton-chaos-", dir="/tmp"))
    home.chmod(0o711)
    began_s = time.monotonic()
    chance = random.Random(f"{plan.mode}:{plan.seed}")
    async with a_stage(
        plan.mode, home, mistake=plan.mistake, chance=None if plan.steady_names else chance, twice=plan.twice
    ) as stage:
        await _publish(stage)
        say(f"{plan.mode}: the stage stands after {time.monotonic() - began_s:.1f} s, {home}")
        await _rounds(plan, stage, chance, outcome, say)
    outcome.took_s = time.monotonic() - began_s
    if outcome.violations or outcome.ends:
        outcome.home = home
    else:
        shutil.rmtree(home, ignore_errors=True)
    return outcome


async def _publish(stage: Stage) -> None:
    for kind, body in POLICIES.items():
        answer = await stage.http.put(f"{stage.origin}/v1/policies/{kind}", json=body, timeout=30)
        if answer.is_error:
            raise RuntimeError(f"the policy {kind} was refused: {answer.text}")


async def _rounds(
    plan: Plan, stage: Stage, chance: random.Random, outcome: Outcome, say: Callable[[str], None]
) -> None:
    ledger = Ledger(stage.home / "ledger.jsonl")
    senders = Senders(
        stage.http,
        ledger,
        chance,
        f"r{plan.seed}-{plan.mode}",
        lambda: stage.address("intake", chance),
        lambda: stage.address("router", chance),
        patience_s=_QUIET_S,
    )
    reader = LogReader()
    ends_s = time.monotonic() + plan.lasts_s
    for number in range(plan.rounds):
        began_s = time.monotonic()
        if began_s > ends_s:
            break
        did = await _round(plan, number, stage, senders, chance, outcome)
        answered_s = time.monotonic() - began_s
        books = await _judge(stage, ledger.path, reader, outcome)
        outcome.rounds, outcome.tries = number + 1, senders.tries
        outcome.leads, outcome.events = len(books.leads), len(books.events)
        for actor in stage.actors:
            outcome.ends += actor.ends
            actor.ends.clear()
        outcome.fences = sum(actor.counted[0] for actor in stage.actors)
        outcome.doubts = sum(actor.counted[1] for actor in stage.actors)
        outcome.commits_cut, outcome.repeats_in_log = stage.wire.made, reader.twice
        words = "; ".join(did)
        took_s = f"{time.monotonic() - began_s:.1f} s (answered {answered_s:.1f}, quiet {outcome.quiet_s[-1]:.1f})"
        say(f"{plan.mode} {number + 1:>3} {took_s}  leads {outcome.leads}  {words}")
        if outcome.violations:
            break
    ledger.close()


async def _round(
    plan: Plan, number: int, stage: Stage, senders: Senders, chance: random.Random, outcome: Outcome
) -> list[str]:
    """Load with faults in it, to the last acknowledgement."""
    lasts_s = plan.leads / plan.rate
    chosen: list[tuple[float, Fault]] = pick(plan.mode, chance)
    if plan.faults:
        chosen = [(0.3, BY_NAME[name]) for name in plan.faults[number % len(plan.faults)].split("+")]
    outcome.faults.update(fault.name for _, fault in chosen)
    load = asyncio.create_task(senders.round(plan.leads, plan.rate))
    healing = asyncio.create_task(_healing(stage)) if any(fault.name == "wipe-broker" for _, fault in chosen) else None
    did = await asyncio.gather(*(inflict(stage, share * lasts_s, fault, chance) for share, fault in chosen))
    await load
    await stage.ready()
    await senders.drained()
    if healing is not None:
        healed_s = await healing
        outcome.heals_s.append(healed_s)
        did.append(f"healed {healed_s:.1f} s after the wipe")
    return did


async def _healing(stage: Stage) -> float:
    """From an empty broker's first answer until everything emitted before is consumed everywhere."""
    wipes = stage.wipes
    while stage.wipes == wipes or stage.kafka_lock.locked():  # noqa: ASYNC110 - it is looked at from outside
        await asyncio.sleep(0.1)
    began_s = time.monotonic()
    heads: dict[tuple[str, int], tuple[int, int]] = {}
    while time.monotonic() - began_s < _HEAL_S:
        try:
            heads = heads or await auditor.heads_of(stage.urls())
            if await auditor.reached(stage.urls(), heads):
                break
        except _UNREACHABLE:
            pass
        await asyncio.sleep(0.2)
    return time.monotonic() - began_s


async def _judge(stage: Stage, ledger: Path, reader: LogReader, outcome: Outcome) -> auditor.Books:
    """Wait for quiet, then audit until it is clean or its findings stay."""
    waited_s, lag = await _quiet(stage)
    outcome.quiet_s.append(waited_s)
    if lag:
        outcome.violations.append(f"stuck: after {_QUIET_S:.0f} s of quiet still behind: {lag}")
        for actor in stage.actors:
            actor.tell()
    await stage.count()
    deadline_s = time.monotonic() + _AGREE_S
    while True:
        found, books = await auditor.audit(stage.urls(), ledger)
        if stage.kafka is not None:
            found += await reader.audit(stage.kafka.bootstrap, books.numbers, books.leads, stage.wipes)
        if not found or time.monotonic() > deadline_s:
            break
        await asyncio.sleep(2 * _LOOK_S)
    found += await _reconciled(stage, len(books.leads), deadline_s + _AGREE_S)
    code, said = await stage.baton("audit")
    if code != 0:
        found.append(f"audit: `baton audit` ended with {code}: {' '.join(said.split())[:600]}")
    outcome.violations += found
    return books


async def _reconciled(stage: Stage, leads: int, deadline_s: float) -> list[str]:
    while True:
        answer = await stage.http.get(f"{stage.origin}/v1/reconciliation", timeout=20)
        picture = answer.json() if answer.is_success else {"unexplained": answer.text}
        if answer.is_success and not picture["unexplained"] and picture["captured"] == leads:
            return []
        if time.monotonic() > deadline_s:
            return [f"unexplained: of {leads} leads /v1/reconciliation says {picture}"]
        await asyncio.sleep(_LOOK_S)


async def _quiet(stage: Stage) -> tuple[float, dict[str, int]]:
    """Wait until nobody is behind and nothing new is emitted between two looks; how long, and who is behind still."""
    began_s = time.monotonic()
    before: object = None
    lag: dict[str, int] = {"everybody": -1}
    while time.monotonic() - began_s < _QUIET_S:
        try:
            heads = await auditor.heads_of(stage.urls())
            lag = {service: count for service, count in (await auditor.behind(stage.urls())).items() if count}
        except _UNREACHABLE:
            before = None
        else:
            if not lag and heads == before:
                return time.monotonic() - began_s, {}
            before = heads
        await asyncio.sleep(_LOOK_S)
    return time.monotonic() - began_s, lag or {"something": -1}
