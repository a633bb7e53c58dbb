"""One lead from webhook to first call, in one process and on Kafka: what a newcomer would do, and then some."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from shared.store.postgres_socket import database_url
from tests.support.product import Product, a_product
from tests.support.wait import until

pytestmark = pytest.mark.timeout(400)

OPEN_ALWAYS: dict[str, Any] = {"calendars": {"always": {}, "office": {}, "office-cn": {}}}
QUICK_PROMISE: dict[str, Any] = {
    "promises": [{"name": "first_contact", "from": "assigned", "within": "8s", "hours": "elapsed", "met_by": "attempt"}]
}


@pytest.fixture(params=[pytest.param("embedded"), pytest.param("kafka", marks=pytest.mark.kafka)])
async def product(request: pytest.FixtureRequest, data_home: Path) -> AsyncIterator[Product]:
    if request.param == "embedded":
        async with a_product(data_home / "data") as running:
            yield running
    else:
        async with a_product(data_home / "data", "up", "--distributed", ports=6) as running:
            yield running


async def test_a_hot_lead_is_assigned_at_once_called_or_breached_and_the_audit_proves_it(product: Product) -> None:
    http = product.http
    (await http.put("/v1/policies/calendars", json=OPEN_ALWAYS)).raise_for_status()
    (await http.put("/v1/policies/sla", json=QUICK_PROMISE)).raise_for_status()

    called, forgotten = await a_hot_lead(product, "linh"), await a_hot_lead(product, "hoa")
    handoff = await the_handoff(product, called)
    contact = {"channel": "phone", "result": "reached", "occurred_at": datetime.now(UTC).isoformat()}
    (await http.post(f"/v1/handoffs/{handoff}/contacts", json=contact)).raise_for_status()

    await until(lambda: clock_is(product, called, "met"))
    await until(lambda: clock_is(product, forgotten, "breached"))
    await until(lambda: analytics_has(product, "sla.breached"))
    breaches = await events(product, "sla.breached")
    assert [event["lead_id"] for event in breaches] == [forgotten]
    assert breaches[0]["occurred_at"] >= breaches[0]["due_at"]

    code, story = await product.baton("lead", called)
    assert code == 0, story
    for word in ("captured", "qualified", "assigned"):
        assert word in story.lower(), story

    await audit_is_clean(product)
    funnel = (await http.get("/v1/funnel", params={"by": "source"})).json()["rows"]
    assert sum(row["leads"] for row in funnel) == 2
    assert sum(row["contacted"] for row in funnel) == 1

    before = await the_funnel(product)
    code, said = await product.baton("replay", "analytics")
    assert code == 0, said
    await until(lambda: same_funnel(product, before))
    await audit_is_clean(product)


ROWS = (
    ("intake", "lead"),
    ("scorer", "dossier"),
    ("router", "lead_state"),
    ("sla_watcher", "clock where not quiet"),
    ("sla_watcher", "clock where quiet"),
    ("sla_watcher", "lead_fact"),
    ("analytics", "lead_fact"),
)


async def test_the_audit_names_the_lead_whose_row_is_deleted_and_the_service(data_home: Path) -> None:
    async with a_product(data_home / "data", audited=False) as product:  # it ends with rows missing
        (await product.http.put("/v1/policies/calendars", json=OPEN_ALWAYS)).raise_for_status()
        kept, *lost = [await a_hot_lead(product, name) for name in ("kept", *(f"lost{n}" for n in range(len(ROWS))))]
        for lead in (kept, *lost):
            await the_handoff(product, lead)
        await audit_is_clean(product)
        for (service, rows), lead in zip(ROWS, lost, strict=True):
            await lose(product, service, rows, lead)
        code, said = await product.baton("audit", "--json")
        assert code == 1, said
        missing = json.loads(said)["missing"]
        assert {each["lead_id"] for each in missing} == set(lost), f"{kept} was kept: {missing}"
        for (service, _), lead in zip(ROWS, lost, strict=True):
            found = {
                name.partition(" ")[0] for each in missing if each["lead_id"] == lead for name in each["missing_in"]
            }
            assert found == {service.replace("_", "-")}, f"{lead}: {missing}"


async def lose(product: Product, service: str, rows: str, lead: str) -> None:
    connection = await asyncpg.connect(database_of(product, service))
    await connection.execute("set session_replication_role = replica")  # past the foreign keys, as a fault would
    await connection.execute(f"delete from {rows} {'and' if 'where' in rows else 'where'} lead_id = $1", lead)
    await connection.close()


def database_of(product: Product, service: str) -> str:
    socket_dir = next((product.data / "postgres").resolve().glob("socket*"))
    return database_url(socket_dir, f"baton_{service}")


async def a_hot_lead(product: Product, name: str) -> str:
    body = {
        "name": name.title(), "email": f"{name}@example.com", "company": f"{name.title()} Works", "title": "Founder",
        "industry": "manufacturing", "timeframe": "within a month", "source": "search_ads",
    }  # fmt: skip
    answer = await product.http.post("/v1/leads", json=body, headers={"idempotency-key": f"key-{name}"})
    assert answer.status_code == 202, answer.text
    lead_id = answer.json()["lead_id"]
    for kind in ("demo_requested", "price_page_viewed"):
        engagement = {"id": str(uuid4()), "kind": kind, "occurred_at": datetime.now(UTC).isoformat()}
        (await product.http.post(f"/v1/leads/{lead_id}/engagements", json=engagement)).raise_for_status()
    return lead_id


async def the_handoff(product: Product, lead_id: str) -> str:
    found: list[str] = []

    async def assigned() -> bool:
        items = (await product.http.get("/v1/handoffs", params={"lead_id": lead_id})).json()["items"]
        found.extend(item["handoff_id"] for item in items)
        return bool(found)

    await until(assigned)
    return found[0]


async def clock_is(product: Product, lead_id: str, state: str) -> bool:
    items = (await product.http.get("/v1/clocks", params={"lead_id": lead_id})).json()["items"]
    return any(item["promise"] == "first_contact" and item["state"] == state for item in items)


async def events(product: Product, wire: str) -> list[dict[str, Any]]:
    """Every event of a type that analytics keeps."""
    found: list[dict[str, Any]] = []
    after: str | None = None
    while True:
        page = (await product.http.get("/v1/events", params={"after": after} if after else {})).json()
        found += [item["data"] for item in page["items"] if item["type"] == wire]
        after = page["next"]
        if after is None or not page["items"]:
            return found


async def analytics_has(product: Product, wire: str) -> bool:
    return bool(await events(product, wire))


async def the_funnel(product: Product) -> list[dict[str, Any]]:
    return (await product.http.get("/v1/funnel", params={"by": "source"})).json()["rows"]


async def same_funnel(product: Product, before: list[dict[str, Any]]) -> bool:
    return await the_funnel(product) == before


async def audit_is_clean(product: Product) -> None:
    code, said = await product.baton("audit")
    assert code == 0, said
    assert "0 unexplained" in said
    await asyncio.sleep(0)
