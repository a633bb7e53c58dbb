"""The delivery protocol as steps from one state to the next, and the mistakes it can be seeded with.

A step is atomic where a database or a broker makes it so (one statement, one COMMIT, one append) and everything else may
come between any two steps. What isn't modelled, because another step already covers it:

- Leases: every owner may act at any time, which is more than a wrong lease can do. A frozen owner is one whose steps
  come late; when the session timeout ends its transaction, that is a crash with the transaction open.
- A COMMIT still under way holds the lane's row, so whoever reads the lane FOR UPDATE sees it as done or undone: a lost
  reply is the choice between these two at once.
- Intake's lost COMMIT reply is a crash after the commit: the request comes again with the id fixed before its first try.
- A late or old mark, report or rewind request is one whose step comes earlier or later.
- An unannounced epoch stops a consumer for its operator; here a restore and its announcement are one step, because a
  restored producer does not start before the announcement.
- The log keeps at most `log_size` records per stream: the oldest goes first. That bounds the states and is one more fault.
"""

from collections.abc import Iterator

from .rules import Fault, Mistake, Rules, Scenario, can_fail, failing
from .world import (
    COMMAND,
    START,
    Event,
    Owner,
    Phase,
    Position,
    Producer,
    Sent,
    Store,
    World,
    ahead,
    last_position,
    loaded_owner,
    next_position,
    outbox,
    replaced,
)

Steps = Iterator[tuple[str, World]]


def first_world(scenario: Scenario) -> World:
    starts = (START,) * scenario.topics
    none = ((),) * scenario.topics
    producer = Producer(1, (), none, starts, starts, starts, ())
    for request in range(scenario.already_sent):
        producer = committed(producer, request, scenario.requests[request])
    logs, lasts = none, starts
    if scenario.already_in_log:
        logs, lasts = producer.history, tuple(last_position(events) for events in producer.history)
    sent = scenario.already_sent
    requests = (Sent.ACKNOWLEDGED,) * sent + (Sent.BY_NOBODY,) * (len(scenario.requests) - sent)
    store = Store(0, starts, (), ())
    owners = (loaded_owner(store),) * scenario.owners
    budget = tuple(scenario.faults.get(fault, 0) for fault in Fault)
    producer = producer._replace(confirmed=lasts)
    return World(
        producer, requests, (lasts,) * scenario.relays, logs, lasts, store, owners, budget, scenario.faults_together
    )


def steps(world: World, rules: Rules) -> Steps:
    """Every step that needs no fault."""
    yield from intake_steps(world, rules)
    yield from relay_steps(world, rules)
    if rules.scenario.drops:
        yield from drop_steps(world, rules)
    for index, owner in enumerate(world.owners):
        if owner.phase is Phase.READING:
            yield from reading_steps(world, rules, index, owner)
            yield from rewind_steps(world, rules, index, owner)
        else:
            yield commit_step(world, rules, index, owner)
    if rules.scenario.command:
        yield from command_steps(world, rules)


# Producing


def intake_steps(world: World, rules: Rules) -> Steps:
    early = rules.mistake is Mistake.ACKNOWLEDGE_BEFORE_COMMIT
    for request, sent in enumerate(world.requests):
        if sent is Sent.BY_NOBODY:
            yield f"client sends r{request}", with_request(world, request, Sent.TO_INTAKE)
        if sent is Sent.TO_INTAKE:
            producer = committed(world.producer, request, rules.scenario.requests[request])
            done = with_request(world, request, Sent.TO_STORE)
            yield f"intake commits r{request}", done._replace(producer=producer)
        if sent is Sent.TO_STORE or (early and sent is Sent.TO_INTAKE):
            yield f"intake acknowledges r{request}", with_request(world, request, Sent.ACKNOWLEDGED)


def with_request(world: World, request: int, sent: Sent) -> World:
    return world._replace(requests=replaced(world.requests, request, sent))


def committed(producer: Producer, request: int, topics: tuple[int, ...]) -> Producer:
    """On conflict do nothing: a request sent again emits nothing. Numbers are given in the order of the commits."""
    if request in producer.submissions:
        return producer
    history = producer.history
    for topic in topics:
        epoch, seq = last_position(history[topic])
        number = seq + 1 if epoch == producer.epoch else 1
        history = replaced(history, topic, (*history[topic], Event(topic, producer.epoch, number, request)))
    return producer._replace(history=history, submissions=(*producer.submissions, request))


def drop_steps(world: World, rules: Rules) -> Steps:
    producer = world.producer
    for topic in range(rules.scenario.topics):
        held = world.store.positions[topic]
        if producer.report[topic] != held:
            report = replaced(producer.report, topic, held)
            yield f"consumer reports {held}", world._replace(producer=producer._replace(report=report))
        early = rules.mistake is Mistake.OUTBOX_DROPPED_TOO_EARLY
        limit = producer.confirmed[topic] if early else producer.report[topic]
        rows = outbox(producer, topic)
        if rows and rows[0].position <= limit:
            floor = replaced(producer.floor, topic, rows[0].position)
            yield f"outbox drops {rows[0]}", world._replace(producer=producer._replace(floor=floor))


# Relaying


def relay_steps(world: World, rules: Rules) -> Steps:
    producer = world.producer
    for relay, cursors in enumerate(world.relays):
        for topic, cursor in enumerate(cursors):
            event = next((row for row in outbox(producer, topic) if row.position > cursor), None)
            if event is not None:
                took = appended(world, rules, event)
                yield f"relay {relay} sends {event}", with_cursor(took, relay, topic, event.position)
            if event is not None and can_fail(world, Fault.CONFIRMATION_LOST):
                yield from unconfirmed_steps(world, rules, relay, event)
            if cursor > producer.confirmed[topic]:
                confirmed = replaced(producer.confirmed, topic, cursor)
                yield (
                    f"relay {relay} confirms {cursor}",
                    world._replace(producer=producer._replace(confirmed=confirmed)),
                )


def unconfirmed_steps(world: World, rules: Rules, relay: int, event: Event) -> Steps:
    """No confirmation came, whether the log took the event or not: a new producer starts at confirmed + 1."""
    topic = event.topic
    past_the_gap = rules.mistake is Mistake.CONFIRM_PAST_A_GAP
    cursor = event.position if past_the_gap else world.producer.confirmed[topic]
    failed = failing(world, Fault.CONFIRMATION_LOST)
    for outcome, after in (("took", appended(failed, rules, event)), ("did not take", failed)):
        yield f"relay {relay} hears nothing, the log {outcome} {event}", with_cursor(after, relay, topic, cursor)


def with_cursor(world: World, relay: int, topic: int, cursor: Position) -> World:
    cursors = replaced(world.relays[relay], topic, cursor)
    return world._replace(relays=replaced(world.relays, relay, cursors))


def appended(world: World, rules: Rules, event: Event) -> World:
    topic, taken = event.topic, world.taken
    if event.position == next_position(world.producer.ends, topic, taken[topic]):
        taken = replaced(taken, topic, event.position)
    log, owners = (*world.logs[topic], event), world.owners
    if len(log) > rules.scenario.log_size:  # retention: all that is left moves down by one
        log = log[1:]
        owners = tuple(
            owner._replace(offsets=replaced(owner.offsets, topic, max(0, owner.offsets[topic] - 1))) for owner in owners
        )
    return world._replace(taken=taken, logs=replaced(world.logs, topic, log), owners=owners)


# Consuming


def reading_steps(world: World, rules: Rules, index: int, owner: Owner) -> Steps:
    for topic, log in enumerate(world.logs):
        if owner.offsets[topic] != len(log):
            yield f"owner {index} reads {'AB'[topic]}", with_owner(world, index, polled(world, rules, owner, topic))
    if not owner.batch:
        return
    rows, unmoved = fence(world, rules, owner)
    if any(rows & fence(world, rules, other)[0] for other in world.owners if other.phase is Phase.OPEN):
        return  # the other's open transaction holds the row: this one waits
    if unmoved:
        begun = owner._replace(phase=Phase.OPEN, loaded=world.store.state)
        yield f"owner {index} sets the fence and reads the state", with_owner(world, index, begun)
    else:
        yield f"owner {index} finds the lane moved and reloads", with_owner(world, index, loaded_owner(world.store))


def polled(world: World, rules: Rules, owner: Owner, topic: int) -> Owner:
    """Reads to the log's end. An offset out of range means: from the start. A repeat is dropped, a gap is left out."""
    log = world.logs[topic]
    offset = owner.offsets[topic] if owner.offsets[topic] <= len(log) else 0
    batch, position = owner.batch, ahead(owner, topic)
    for event in log[offset:]:
        expected = next_position(world.producer.ends, topic, position)
        if event.position == expected or rules.mistake is Mistake.NO_SEQUENCE_FILTER:
            batch, position = (*batch, event), event.position
    return owner._replace(batch=batch, offsets=replaced(owner.offsets, topic, len(log)))


def fence(world: World, rules: Rules, owner: Owner) -> tuple[frozenset[str], bool]:
    """Which rows a batch's compare-and-set locks until its end, and whether they are as the owner remembers them.

    A stream's version moves when its position does, so the position stands for it.
    """
    store, touched = world.store, {event.topic for event in owner.batch}
    match rules.mistake:
        case Mistake.NO_FENCE:
            return frozenset(), True
        case Mistake.FENCE_PER_STREAM:
            unmoved = all(store.positions[topic] == owner.base[topic] for topic in touched)
            return frozenset(f"stream {topic}" for topic in touched), unmoved
        case Mistake.FENCE_ON_THE_OFFSET:  # every position of the lane, yet a command has no position to move or lock
            return frozenset({"positions"}), store.positions == owner.base
        case _:
            return frozenset({"lane"}), store.version == owner.version


def commit_step(world: World, rules: Rules, index: int, owner: Owner) -> tuple[str, World]:
    """Effects, state and positions in one transaction."""
    store, positions = world.store, moved_positions(world.store, owner)
    if owner.phase is Phase.OWES_POSITIONS:
        stored = store._replace(positions=positions)
        return f"owner {index} stores positions", with_owner(
            world._replace(store=stored), index, after_commit(owner, stored)
        )
    after = Store(store.version + 1, positions, folded(owner.loaded, owner.batch), folded(store.effects, owner.batch))
    if rules.mistake is Mistake.OFFSET_AFTER_EFFECTS:
        after = after._replace(positions=store.positions)
        owing = owner._replace(phase=Phase.OWES_POSITIONS, version=after.version)
        return f"owner {index} commits effects only", with_owner(world._replace(store=after), index, owing)
    label = f"owner {index} commits {' '.join(map(str, owner.batch))}"
    return label, with_owner(world._replace(store=after), index, after_commit(owner, after))


def moved_positions(store: Store, owner: Owner) -> tuple[Position, ...]:
    touched = {event.topic for event in owner.batch}
    return tuple(ahead(owner, topic) if topic in touched else held for topic, held in enumerate(store.positions))


def folded(state: tuple[Event, ...], batch: tuple[Event, ...]) -> tuple[Event, ...]:
    """The fold gives the same for every interleaving, so the order of what went in is not kept."""
    return tuple(sorted((*state, *batch)))


def after_commit(owner: Owner, store: Store) -> Owner:
    base = tuple(ahead(owner, topic) for topic in range(len(owner.base)))
    return Owner(store.version, base, owner.offsets, (), Phase.READING, ())


def with_owner(world: World, index: int, owner: Owner) -> World:
    return world._replace(owners=replaced(world.owners, index, owner))


def rewind_steps(world: World, rules: Rules, index: int, owner: Owner) -> Steps:
    """Read to the end and still below the mark, or past a gap: re-read the position, then ask a relay to go back to it."""
    for topic, log in enumerate(world.logs):
        if owner.batch or owner.offsets[topic] != len(log):
            continue
        expected = next_position(world.producer.ends, topic, owner.base[topic])
        below_mark = owner.base[topic] < world.producer.confirmed[topic] and rules.mistake is not Mistake.NO_MARKS
        if not below_mark and all(event.position < expected for event in log):
            continue
        if owner.version != world.store.version:
            yield f"owner {index} re-reads its position", with_owner(world, index, loaded_owner(world.store))
            continue
        for relay, cursors in enumerate(world.relays):
            if cursors[topic] > owner.base[topic]:
                asked = with_cursor(world, relay, topic, owner.base[topic])
                yield f"relay {relay} rewinds {'AB'[topic]} to {owner.base[topic]} for owner {index}", asked


def command_steps(world: World, rules: Rules) -> Steps:
    """Door 2: locks the lane's row, looks for its own id, reads the state, writes it, leaves version and positions."""
    locked = any("lane" in fence(world, rules, owner)[0] for owner in world.owners if owner.phase is Phase.OPEN)
    if locked or COMMAND in world.store.effects:
        return
    store = world.store
    state, effects = folded(store.state, (COMMAND,)), folded(store.effects, (COMMAND,))
    yield "a command commits", world._replace(store=store._replace(state=state, effects=effects))
