"""What goes wrong around the protocol: crashes, lost replies, a damaged log, a database restored from its backup."""

from .protocol import Steps, commit_step, with_owner
from .rules import Fault, Mistake, Rules, can_fail, failing
from .world import Owner, Phase, Sent, World, last_position, loaded_owner, replaced


def fault_steps(world: World, rules: Rules) -> Steps:
    if can_fail(world, Fault.INTAKE_CRASH) and any(sent in (Sent.TO_INTAKE, Sent.TO_STORE) for sent in world.requests):
        yield "intake crashes", failing(forgotten_by_intake(world), Fault.INTAKE_CRASH)
    if can_fail(world, Fault.RELAY_CRASH):
        for relay in range(len(world.relays)):
            restarted = world._replace(relays=replaced(world.relays, relay, world.producer.confirmed))
            yield f"relay {relay} crashes and restarts", failing(restarted, Fault.RELAY_CRASH)
    yield from log_faults(world)
    for index, owner in enumerate(world.owners):
        if can_fail(world, Fault.OWNER_CRASH):
            crashed = with_owner(world, index, loaded_owner(world.store))
            yield f"owner {index} crashes and restarts", failing(crashed, Fault.OWNER_CRASH)
        if owner.phase is Phase.OPEN and can_fail(world, Fault.COMMIT_REPLY_LOST):
            yield from lost_replies(failing(world, Fault.COMMIT_REPLY_LOST), rules, index, owner)
    if world.producer.submissions and can_fail(world, Fault.PRODUCER_RESTORED):
        yield "producer is restored without its last commit", failing(restored(world, rules), Fault.PRODUCER_RESTORED)


def forgotten_by_intake(world: World) -> World:
    """Also what a lost COMMIT reply does: the client hears nothing and sends again."""
    memory = (Sent.TO_INTAKE, Sent.TO_STORE)
    return world._replace(requests=tuple(Sent.BY_NOBODY if sent in memory else sent for sent in world.requests))


def log_faults(world: World) -> Steps:
    """Readers notice only an offset out of range: a record written again in place of a lost one is never read."""
    for topic, log in enumerate(world.logs):
        if log and can_fail(world, Fault.LOG_TAIL_LOST):
            cut = world._replace(logs=replaced(world.logs, topic, log[:-1]))
            yield f"log loses {log[-1]} at its tail", failing(cut, Fault.LOG_TAIL_LOST)
        if log and can_fail(world, Fault.LOG_WIPED):
            wiped = world._replace(logs=replaced(world.logs, topic, ()))
            yield f"log of {'AB'[topic]} is wiped", failing(wiped, Fault.LOG_WIPED)


def lost_replies(world: World, rules: Rules, index: int, owner: Owner) -> Steps:
    """The COMMIT happened or not, and the owner can't know: it reloads its positions, then decides again."""
    for outcome, after in (("was", commit_step(world, rules, index, owner)[1]), ("was not", world)):
        again = loaded_owner(after.store)
        if rules.mistake is Mistake.BLIND_RETRY_OF_A_COMMIT:  # the same batch, under the version it now finds
            again = owner._replace(version=after.store.version, phase=Phase.READING, loaded=())
        yield f"owner {index} hears nothing of its commit, it {outcome} done", with_owner(after, index, again)


def restored(world: World, rules: Rules) -> World:
    """The backup lacks the last commit; intake and relays start again on it, after the new epoch is announced."""
    producer, lost = world.producer, world.producer.submissions[-1]
    history = tuple(tuple(event for event in events if event.request != lost) for events in producer.history)
    lasts = tuple(map(last_position, history))
    confirmed = tuple(map(min, producer.confirmed, lasts))
    producer = producer._replace(history=history, confirmed=confirmed, submissions=producer.submissions[:-1])
    if rules.mistake is not Mistake.NUMBERS_REUSED_AFTER_A_RESTORE:
        ended = tuple(seq if epoch == producer.epoch else 0 for epoch, seq in lasts)
        producer = producer._replace(epoch=producer.epoch + 1, ends=(*producer.ends, ended))
    world = forgotten_by_intake(world)._replace(producer=producer, relays=(confirmed,) * len(world.relays))
    if world.requests[lost] is Sent.ACKNOWLEDGED:
        world = world._replace(requests=replaced(world.requests, lost, Sent.LOST_IN_DISASTER))
    return world
