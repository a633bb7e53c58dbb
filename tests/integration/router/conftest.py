"""A router with one team of three reps, Minh, Lan and Hoa, that is always open."""

from collections.abc import AsyncIterator

import pytest

from router.main import service
from tests.integration.router.leads import one_team
from tests.support.harness import Bench, a_service
from tests.support.postgres import MakeDatabase


@pytest.fixture
async def bench(make_database: MakeDatabase) -> AsyncIterator[Bench]:
    presets = {"routing": one_team("minh", "lan", "hoa")}
    async with a_service(service(), make_database, presets=presets) as running:
        yield running
