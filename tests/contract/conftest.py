"""Both transports, held to one contract."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from baton.local_kafka import Broker, broker
from tests.contract.stage import Stage, a_stage
from tests.support.kafka import kafka_lib
from tests.support.postgres import MakeDatabase


@pytest.fixture(params=["embedded", pytest.param("kafka", marks=pytest.mark.kafka)])
async def stage(request: pytest.FixtureRequest, make_database: MakeDatabase) -> AsyncIterator[Stage]:
    bootstrap = request.getfixturevalue("kafka") if request.param == "kafka" else None
    async with a_stage(request.param, make_database, bootstrap) as made:
        yield made


@pytest.fixture
async def kafka_stage(kafka: str, make_database: MakeDatabase) -> AsyncIterator[Stage]:
    """On the broker that tests share."""
    async with a_stage("kafka", make_database, kafka) as made:
        yield made


@pytest.fixture(scope="module")
def fragile_kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """A broker that this module's tests may kill and wipe; each leaves it running."""
    with asyncio.Runner() as runner:
        entered = broker(tmp_path_factory.mktemp("fragile"), kafka_lib())
        yield runner.run(entered.__aenter__())
        runner.run(entered.__aexit__(None, None, None))


@pytest.fixture
async def fragile_stage(fragile_kafka: Broker, make_database: MakeDatabase) -> AsyncIterator[Stage]:
    """On the broker that may be killed and wiped."""
    async with a_stage("kafka", make_database, fragile_kafka.bootstrap) as made:
        yield made
