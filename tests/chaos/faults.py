"""What is done to the product, picked by a seed; each fault ends by itself and leaves everything running."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from baton.local_kafka import Broker
from tests.chaos.actor import Actor
from tests.chaos.stage import SERVICES, Stage, database_of
from tests.chaos.wire import Hold, Order
from tests.support.proxy import Cut

_REACHED_S = 4.0
_MORE_S = 0.2
Do = Callable[[Stage, random.Random], Awaitable[str]]


@dataclass(frozen=True, slots=True)
class Fault:
    """One kind of harm, how often it is picked beside the others, and where it can be done."""

    name: str
    do: Do
    weight: int = 1
    kafka_only: bool = False


async def kill_a_process(stage: Stage, chance: random.Random) -> str:
    actor = chance.choice(stage.actors)
    async with actor.lock:
        await actor.count(stage.http)
        actor.kill()
    return actor.name


async def freeze_a_process(stage: Stage, chance: random.Random) -> str:
    """Short, or longer than its leases live: it wakes up believing that it still owns its lanes."""
    actor = chance.choice([each for each in stage.actors if each.service != "gateway"])
    frozen_s = chance.choice((1.5, 12.5)) if stage.mode == "kafka" else chance.uniform(1, 4)
    return await _freeze(stage, actor, frozen_s)


async def freeze_an_owner(stage: Stage, chance: random.Random) -> str:
    """One of two instances, for about as long as its leases live: another may have its lanes when it wakes up."""
    actor = chance.choice([each for each in stage.actors if len(stage.of(each.service)) > 1])
    return await _freeze(stage, actor, chance.uniform(9, 13))


async def freeze_with_a_batch(stage: Stage, chance: random.Random) -> str:
    """One of two instances, at the moment when it has a batch in hand and has not begun to keep it: it wakes up in the
    belief that it owns the lane, and another has moved on.
    """
    actor = chance.choice([each for each in stage.actors if len(stage.of(each.service)) > 1])
    frozen_s = chance.uniform(14, 17)  # a lease, and the time that another takes to see that it is over
    async with actor.lock:
        await actor.count(stage.http)
        hold = stage.wire.hold = Hold(actor.ports())
        try:
            async with asyncio.timeout(_REACHED_S):
                await hold.reached.wait()
            await asyncio.sleep(_MORE_S)  # lanes are handled side by side: more of them come to this point
            actor.freeze()
            await asyncio.sleep(frozen_s)
        except TimeoutError:
            return f"no batch of {actor.name} came by"
        finally:
            stage.wire.hold = None
            hold.over.set()
            await asyncio.sleep(_MORE_S)
            actor.thaw()
    return f"{actor.name} for {frozen_s:.1f} s"


async def _freeze(stage: Stage, actor: Actor, frozen_s: float) -> str:
    async with actor.lock:
        await actor.count(stage.http)
        actor.freeze()
        try:
            await asyncio.sleep(frozen_s)
        finally:
            actor.thaw()
    return f"{actor.name} for {frozen_s:.1f} s"


async def kill_postgres(stage: Stage, chance: random.Random) -> str:
    del chance
    async with stage.store.lock:
        await stage.store.kill()
    return "postmaster"


async def freeze_postgres(stage: Stage, chance: random.Random) -> str:
    frozen_s = chance.uniform(0.5, 7)
    async with stage.store.lock:
        stage.store.freeze()
        try:
            await asyncio.sleep(frozen_s)
        finally:
            stage.store.thaw()
    return f"postgres for {frozen_s:.1f} s"


async def reset_connections(stage: Stage, chance: random.Random) -> str:
    count = 0
    for _ in range(chance.randint(1, 4)):
        count += stage.wire.reset_all()
        await asyncio.sleep(chance.uniform(0, 0.5))
    return f"{count} connections"


async def refuse_connections(stage: Stage, chance: random.Random) -> str:
    away_s = chance.uniform(0.5, 5)
    stage.wire.refuses = True
    stage.wire.reset_all()
    try:
        await asyncio.sleep(away_s)
    finally:
        stage.wire.refuses = False
    return f"for {away_s:.1f} s"


async def cut_commits(stage: Stage, chance: random.Random) -> str:
    """Connections lost around COMMIT: the server did it or did not, and the client can't tell."""
    orders = [Order(chance.choice(tuple(Cut)), _database(chance)) for _ in range(chance.randint(2, 6))]
    await _ordered(stage, orders)
    return ", ".join(f"{order.cut.name.lower()} {order.database}" for order in orders if order.reached.is_set())


async def lose_every_answer(stage: Stage, chance: random.Random) -> str:
    """Commits of one service that happened and whose answers are lost, one after the other."""
    database = _database(chance)
    orders = [Order(Cut.AFTER, database) for _ in range(4)]
    await _ordered(stage, orders)
    return f"{sum(order.reached.is_set() for order in orders)} of {database}"


async def kill_in_commit(stage: Stage, chance: random.Random) -> str:
    """A COMMIT is held on its way there or back, and whoever waits for it is killed."""
    return await _kill_in_commit(stage, chance.choice(SERVICES), chance.choice(tuple(Cut)))


async def kill_intake_in_commit(stage: Stage, chance: random.Random) -> str:
    """Intake is killed when its COMMIT has not yet come to the server: nobody may have been told anything."""
    del chance
    return await _kill_in_commit(stage, "intake", Cut.BEFORE)


async def _kill_in_commit(stage: Stage, service: str, cut: Cut) -> str:
    order = Order(cut, database_of(service), hold=True)
    reached = await _ordered(stage, [order])
    if not reached:
        return f"no COMMIT of {service} came by"
    victims = stage.of(service)
    for actor in victims:
        actor.kill()
    return f"{service}, {order.cut.name.lower()} its COMMIT"


async def _ordered(stage: Stage, orders: Sequence[Order]) -> bool:
    stage.wire.orders.extend(orders)
    try:
        async with asyncio.timeout(_REACHED_S):
            await asyncio.gather(*(order.reached.wait() for order in orders))
    except TimeoutError:
        return False
    finally:
        for order in orders:
            stage.wire.cancel(order)
    return True


async def kill_the_broker(stage: Stage, chance: random.Random) -> str:
    away_s = chance.uniform(0, 4)
    async with stage.kafka_lock:
        kafka = _broker(stage)
        await kafka.kill()
        await asyncio.sleep(away_s)
        await kafka.start()
    return f"away for {away_s:.1f} s more"


async def pause_the_broker(stage: Stage, chance: random.Random) -> str:
    paused_s = chance.uniform(1, 8)
    async with stage.kafka_lock:
        kafka = _broker(stage)
        kafka.pause()
        try:
            await asyncio.sleep(paused_s)
        finally:
            kafka.resume()
    return f"for {paused_s:.1f} s"


async def wipe_the_broker(stage: Stage, chance: random.Random) -> str:
    """Everything in the log is lost; the outboxes are the truth."""
    del chance
    async with stage.kafka_lock:
        stage.wipes += 1
        await _broker(stage).wipe()
    return "an empty cluster"


async def crash_the_relay(stage: Stage, chance: random.Random) -> str:
    """A relay that dies between a batch's sending and the note of its confirmation."""
    actor = chance.choice([each for each in stage.actors if each.service in {"intake", "scorer", "router"}])
    async with actor.lock:
        await actor.count(stage.http)
        actor.once = {"BATON_FAILPOINTS": _also(actor, "relay-crash-after-send")}
        actor.kill()
    return actor.name


async def relay_twice(stage: Stage, chance: random.Random) -> str:
    """A relay that sends batches again, from its process's next start to the one after."""
    actor = chance.choice([each for each in stage.actors if each.service in {"intake", "scorer", "router"}])
    async with actor.lock:
        await actor.count(stage.http)
        actor.once = {"BATON_FAILPOINTS": _also(actor, "relay-send-twice")}
        actor.kill()
    return actor.name


def _also(actor: Actor, failpoint: str) -> str:
    return ",".join(filter(None, (actor.environment["BATON_FAILPOINTS"], failpoint)))


def _database(chance: random.Random) -> str:
    return database_of(chance.choice(SERVICES))


def _broker(stage: Stage) -> Broker:
    if stage.kafka is None:
        raise LookupError("there is no broker in this mode")
    return stage.kafka


FAULTS = (
    Fault("kill", kill_a_process, 3),
    Fault("freeze", freeze_a_process),
    Fault("freeze-owner", freeze_an_owner, 2, kafka_only=True),
    Fault("freeze-with-batch", freeze_with_a_batch, 3, kafka_only=True),
    Fault("kill-postgres", kill_postgres, 2),
    Fault("freeze-postgres", freeze_postgres),
    Fault("reset", reset_connections),
    Fault("refuse", refuse_connections),
    Fault("cut-commits", cut_commits, 3),
    Fault("lose-answers", lose_every_answer, 2),
    Fault("kill-in-commit", kill_in_commit, 3),
    Fault("kill-intake", kill_intake_in_commit),
    Fault("kill-broker", kill_the_broker, 2, kafka_only=True),
    Fault("pause-broker", pause_the_broker, kafka_only=True),
    Fault("wipe-broker", wipe_the_broker, 2, kafka_only=True),
    Fault("relay-crash", crash_the_relay, kafka_only=True),
    Fault("relay-twice", relay_twice, kafka_only=True),
)
BY_NAME: Mapping[str, Fault] = {fault.name: fault for fault in FAULTS}


def pick(mode: str, chance: random.Random) -> list[tuple[float, Fault]]:
    """One fault, sometimes several at once; each with the share of the round's load after which it comes."""
    possible = [fault for fault in FAULTS if mode == "kafka" or not fault.kafka_only]
    count = chance.choices((1, 2, 3), weights=(6, 3, 1))[0]
    chosen = chance.choices(possible, weights=[fault.weight for fault in possible], k=count)
    return [(chance.uniform(0.05, 0.7), fault) for fault in chosen]


async def inflict(stage: Stage, after_s: float, fault: Fault, chance: random.Random) -> str:
    """Do it at its time; what was done."""
    await asyncio.sleep(after_s)
    began_s = time.monotonic()
    did = await fault.do(stage, chance)
    return f"{fault.name} ({did}, {time.monotonic() - began_s:.1f} s)"
