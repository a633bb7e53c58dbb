"""A backup of the running product: taken at one instant, brought back whole or not at all, and then it goes on."""

import json
import shutil
import sys
import tarfile
from pathlib import Path

import pytest

from tests.e2e.test_one_lead import OPEN_ALWAYS, a_hot_lead, audit_is_clean, events, the_funnel, the_handoff
from tests.support.product import Product, a_product
from tests.support.wait import until

pytestmark = pytest.mark.timeout(300)


async def restored(product: Product, file: Path, into: Path) -> tuple[int, str]:
    """`baton restore` as it is called on another machine, where nothing runs."""
    elsewhere = Product(product.http, product.process, {**product.environment, "BATON_DATA_DIR": str(into)}, into, file)
    return await elsewhere.baton("restore", str(file), "--json")


async def test_leads_of_before_a_backup_come_back_and_new_ones_flow(data_home: Path) -> None:
    file = data_home / "monday.tar.gz"
    async with a_product(data_home / "data") as product:
        (await product.http.put("/v1/policies/calendars", json=OPEN_ALWAYS)).raise_for_status()
        (await product.http.put("/v1/secrets/partner", json={"value": "a-partner's-secret"})).raise_for_status()
        early = [await a_hot_lead(product, name) for name in ("linh", "hoa", "minh")]
        for lead in early:
            await the_handoff(product, lead)
        code, said = await product.baton("backup", str(file), "--json")
        assert code == 0, said
        taken = json.loads(said)
        assert taken["leads"] == 3
        assert file.stat().st_mode & 0o777 == 0o600
        code, said = await product.baton("backup", str(file))
        assert code == 1
        assert "is there already" in said

        late = await a_hot_lead(product, "tuan")
        await the_handoff(product, late)
        code, said = await restored(product, file, product.data)
        assert code == 1
        assert "is not empty" in said

    code, said = await restored(product, file, data_home / "new")
    assert code == 0, said
    told = json.loads(said)
    assert told["leads"] == 3
    assert told["streams"] > 0
    async with a_product(data_home / "new") as product:
        for lead in early:
            assert (await product.http.get(f"/v1/leads/{lead}")).status_code == 200
            assert await the_handoff(product, lead)
        assert (await product.http.get(f"/v1/leads/{late}")).status_code == 404
        assert "partner" in (await product.http.get("/v1/secrets")).text
        await audit_is_clean(product)

        new = await a_hot_lead(product, "quang")
        await the_handoff(product, new)
        await until(lambda: analytics_has_all(product, [*early, new]))
        assert sum(row["leads"] for row in await the_funnel(product)) == 4
        await audit_is_clean(product)


async def analytics_has_all(product: Product, leads: list[str]) -> bool:
    return {event["lead_id"] for event in await events(product, "lead.assigned")} == set(leads)


async def test_a_damaged_or_foreign_file_restores_nothing(data_home: Path) -> None:
    file = data_home / "whole.tar.gz"
    async with a_product(data_home / "data") as product:
        await a_hot_lead(product, "linh")
        await product.end()
    code, said = await product.baton("backup", str(file))  # nothing runs: it starts the store for the while
    assert code == 0, said

    cut = data_home / "cut.tar.gz"
    cut.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    code, said = await restored(product, cut, data_home / "from-cut")
    assert code == 1, said
    assert "Traceback" not in said
    assert not (data_home / "from-cut" / "postgres").exists()

    forged = data_home / "forged.tar.gz"
    forge(file, forged, data_home / "scratch")
    code, said = await restored(product, forged, data_home / "from-forged")
    assert code == 1, said
    assert "damaged" in said
    assert not (data_home / "from-forged" / "postgres").exists()

    with tarfile.open(data_home / "foreign.tar.gz", "w:gz") as foreign:
        foreign.add(sys.executable, "python")
    code, said = await restored(product, data_home / "foreign.tar.gz", data_home / "from-foreign")
    assert code == 1, said
    assert "no backup of Baton" in said

    code, said = await restored(product, file, data_home / "from-cut")  # what an interrupted restore left is in no way
    assert code == 0, said


def forge(file: Path, forged: Path, scratch: Path) -> None:
    """The same backup with one byte of one table changed."""
    with tarfile.open(file) as packed:
        names = packed.getnames()
        packed.extractall(scratch, filter="data")
    table = max((scratch / "cluster" / "base").glob("*/*"), key=lambda each: each.stat().st_size)
    content = bytearray(table.read_bytes())
    content[len(content) // 2] ^= 1
    table.chmod(0o600)
    table.write_bytes(content)
    with tarfile.open(forged, "w:gz") as packed:
        for name in names:
            packed.add(scratch / name, name, recursive=False)
    shutil.rmtree(scratch)
