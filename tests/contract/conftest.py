"""Both transports, held to one contract."""

from collections.abc import AsyncIterator

import pytest

from baton.local_kafka import Broker
from tests.contract.stage import Stage, a_stage
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


@pytest.fixture
async def fragile_stage(private_kafka: Broker, make_database: MakeDatabase) -> AsyncIterator[Stage]:
    """On a broker of its own, which the test may kill and wipe."""
    async with a_stage("kafka", make_database, private_kafka.bootstrap) as made:
        yield made
