"""The small chain that the runtime's tests run on."""

from collections.abc import AsyncIterator

import pytest

from tests.integration.runtime.world import World, a_world
from tests.support.postgres import MakeDatabase


@pytest.fixture
async def world(make_database: MakeDatabase) -> AsyncIterator[World]:
    async with a_world(make_database) as made:
        yield made
