"""The first run plays fourteen days through the real doors, and every line of the story is there afterwards."""

import asyncio
import json
import traceback
from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path

import pytest

from tests.e2e.story_lines import LINES, Told
from tests.support.product import Product, a_product
from tests.support.wait import until

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(params=[pytest.param("embedded"), pytest.param("kafka", marks=pytest.mark.kafka)])
async def product(request: pytest.FixtureRequest, data_home: Path) -> AsyncIterator[Product]:
    if request.param == "embedded":
        async with a_product(data_home / "data", DEMO="1") as running:
            yield running
    else:
        async with a_product(data_home / "data", "up", "--distributed", ports=6, DEMO="1") as running:
            yield running


async def is_live(product: Product) -> bool:
    answer = await product.http.get("/v1/ops/analytics/clock")
    return answer.status_code == 200 and not answer.json()["standing"]


async def is_settled(product: Product) -> bool:
    """Whether the watermark has come to the present."""
    picture = (await product.http.get("/v1/reconciliation")).json()
    return not picture["stale"] and picture["in_flight"] == 0


async def test_every_line_of_the_story_comes_out(product: Product) -> None:
    await until(lambda: is_live(product), at_most_s=400)
    await until(lambda: is_settled(product), at_most_s=60)
    log = await asyncio.to_thread(product.log.read_text)
    assert "stopped half-way" not in log, log[-3000:]
    kept = json.loads(await asyncio.to_thread((product.data / "story.json").read_text))
    told = Told(product.http, date.fromisoformat(kept["monday"]), kept["leads"])
    missed: dict[int, str] = {}
    for number, check in sorted(LINES.items()):
        try:
            await check(told)
        except Exception:  # noqa: BLE001 - every line is to be told, not only the first that is missed
            missed[number] = f"{check.__name__}: {traceback.format_exc(limit=-1)}"
    assert not missed, "\n".join(f"line {number}: {why}" for number, why in missed.items())
    assert sorted(LINES) == list(range(1, 30))
