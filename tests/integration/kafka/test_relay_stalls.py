"""A relay goes on: after its database was away while its lanes were lost and won back, and past anything frozen."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace

import pytest
from sqlalchemy import make_url

from shared.runtime.leases import Leases
from tests.contract.stage import PARTITIONS, Instance, Stage, a_stage
from tests.contract.test_kafka_faults import relay_of
from tests.support.gate import a_gate
from tests.support.postgres import MakeDatabase
from tests.support.proxy import a_proxy
from tests.support.wait import until

pytestmark = pytest.mark.kafka
EVERY_LANE = frozenset(range(PARTITIONS))


@dataclass(slots=True)
class Given(Leases):
    """Leases that hold what a test gives, and count how often a lack of lanes was seen."""

    given: frozenset[int] = EVERY_LANE
    seen_empty: int = field(default=0)

    @property
    def held(self) -> frozenset[int]:
        self.seen_empty += not self.given
        return self.given


@pytest.fixture
async def stage(kafka: str, make_database: MakeDatabase) -> AsyncIterator[Stage]:
    async with a_stage("kafka", make_database, kafka) as made:
        yield made


def leases_of(intake: Instance) -> Given:
    relay = relay_of(intake)
    relay.leases = Given(relay.engine, "given", PARTITIONS)
    return relay.leases


async def test_lanes_lost_and_won_back_while_the_database_was_away_are_relayed_again(stage: Stage) -> None:
    async with a_proxy(stage.urls["intake"]) as (proxy, url):
        stage.urls["intake"] = url
        intake, _scorer = await stage.both()
        leases = leases_of(intake)
        await stage.emit(intake, 40)
        await stage.consumed(40)
        proxy.away = True
        proxy.break_all()
        leases.given, leases.seen_empty = frozenset(), 0

        async def tried_in_vain() -> bool:
            return leases.seen_empty >= 3

        await until(tried_in_vain)
        leases.given = EVERY_LANE
        proxy.away = False
        await stage.emit(intake, 40)
        await stage.consumed(80, at_most_s=15)


async def test_a_database_that_freezes_in_a_turn_is_left_and_the_relay_goes_on(stage: Stage) -> None:
    """No answer and no error, as behind a dead router."""
    straight = make_url(stage.urls["intake"])
    path = f"{straight.query['host']}/.s.PGSQL.{straight.query.get('port', straight.port or 5432)}"
    async with a_gate(lambda: asyncio.open_unix_connection(path)) as gate:
        through = straight.set(host="127.0.0.1", port=gate.port, query={})
        stage.urls["intake"] = through.render_as_string(hide_password=False)
        intake, scorer = await stage.start("intake", idle=["relay"]), await stage.start("scorer")
        relay = relay_of(intake)
        relay.rounds.stall_s = 1.2
        running = asyncio.create_task(relay.run())
        try:
            await stage.emit(intake, 40)
            await stage.consumed(40)
            gate.freeze()

            async def begun_anew() -> bool:
                return relay.rounds.again >= 1

            await until(begun_anew, at_most_s=20)
            gate.open()
            await stage.emit(intake, 40)
            await stage.consumed(80)
            assert not running.done()
            assert not scorer.running.done()
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


async def test_a_broker_that_accepts_and_never_answers_is_waited_for(stage: Stage) -> None:
    cluster = stage.cluster
    assert cluster is not None
    host, _, port = cluster.bootstrap.partition(":")
    async with a_gate(lambda: asyncio.open_connection(host, int(port))) as gate:
        gate.freeze()
        stage.cluster = replace(cluster, bootstrap=f"127.0.0.1:{gate.port}")
        intake, scorer = await asyncio.gather(stage.start("intake"), stage.start("scorer"))
        began_with = gate.accepted

        async def all_tried_again() -> bool:
            return gate.accepted >= began_with + 8

        await until(all_tried_again, at_most_s=40)
        gate.open()
        await stage.emit(intake, 40)
        await stage.consumed(40, at_most_s=40)
        assert relay_of(intake).rounds.again == 0, "a silent broker is no reason to begin anew"
        assert not scorer.running.done()
