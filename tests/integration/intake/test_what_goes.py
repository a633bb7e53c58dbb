"""What an erasure reaches in bodies that nobody could map, and what goes by its age."""

import re
from datetime import timedelta
from typing import Any

import pytest

from intake.housekeeping import ROWS_KEPT, tidy
from tests.integration.intake.doors import FORM, balance, intake
from tests.integration.intake.test_imports import IMPORTS, read, table
from tests.support.harness import Bench
from tests.support.postgres import MakeDatabase

PERSON = {"name": "Ann Planted", "email": "Ann@Planted.example", "phone": "+84 912 345 678", "source": "trade_show"}


async def parked(bench: Bench) -> list[bytes | None]:
    rows = await bench.rows("select raw from submission where state = 'parked' order by submission_id")
    return [None if row["raw"] is None else bytes(row["raw"]) for row in rows]


async def erase(bench: Bench) -> None:
    lead = (await bench.client.post("/v1/leads", json=PERSON)).json()["lead_id"]
    assert (await bench.client.delete(f"/v1/leads/{lead}/personal-data")).status_code == 202


@pytest.mark.parametrize(
    ("email", "phone"),
    [
        ("ann@planted.example", ""),
        ("Mail: ANN@planted.example.", ""),
        ("", "+84 912 345 678"),
        ("", "0084912345678"),
        ("", "84-912-345-678"),
        ("", "0912.345.678"),
        ("", "(0)912\u00a0345\u00a0678"),
        ("", "912345678"),
        ("", "912345678.0"),
    ],
)
async def test_an_erasure_reaches_the_parked_rows_of_files(make_database: MakeDatabase, email: str, phone: str) -> None:
    async with intake(make_database, doors=IMPORTS) as bench:
        row = ("Ann Planted", email, phone, "")
        found = await read(bench, table(("name", "email", "phone", "company"), row).encode(), "strict")
        assert [b"Planted" in (raw or b"") for raw in await parked(bench)] == [True]
        await erase(bench)
        assert await parked(bench) == [None]
        kept = " ".join(
            [str(await bench.rows(f"select t::text as t from {it} t")) for it in ("submission", "import_row")]
        )
        assert "lanted" not in kept
        assert not re.search(r"912\W*345\W*678", kept)
        await balance(bench)
        [row] = (await bench.client.get(f"/v1/imports/{found['import_id']}/rows?state=parked")).json()["items"]
        replayed = await bench.client.post(f"/v1/submissions/{row['submission_id']}/replay")
        assert (replayed.status_code, replayed.json()["type"]) == (409, "urn:baton:problem:no-body")


@pytest.mark.parametrize(
    ("email", "phone"),
    [
        ("joann@planted.example", ""),
        ("ann@planted.example.org", ""),
        ("x-ann@planted.example", ""),
        ("ann@planted-example", ""),
        ("", "+84 912 345 679"),
        ("", "1912345678"),
        ("", "9123456780"),
        ("9 2026-11-16 91234", "5678"),
    ],
)
async def test_other_peoples_rows_stay_parked(make_database: MakeDatabase, email: str, phone: str) -> None:
    async with intake(make_database, doors=IMPORTS) as bench:
        await read(bench, table(("name", "email", "phone", "company"), ("Bo", email, phone, "")).encode(), "strict")
        before = await parked(bench)
        await erase(bench)
        assert before == await parked(bench)
        assert before != [None]


async def test_an_erasure_reaches_a_parked_form(make_database: MakeDatabase) -> None:
    fields: dict[str, Any] = {"fields": {"required": [["company"]]}}
    async with intake(make_database, **fields) as bench:
        body = b"name=Ann+Planted&email=ann%40planted.example&phone=%2B84912345678"
        await bench.client.post("/v1/forms/site", content=body, headers=FORM)
        assert await parked(bench) == [body]
        lead = await bench.client.post("/v1/leads", json={**PERSON, "company": "Phu An"})
        await bench.client.delete(f"/v1/leads/{lead.json()['lead_id']}/personal-data")
        assert await parked(bench) == [None]


async def test_rows_of_a_file_go_three_months_after_its_reading(make_database: MakeDatabase) -> None:
    async with intake(make_database, doors=IMPORTS) as bench:
        rows = [("name", "email"), ("Ann", "ann@x.example"), ("Bo", "bo@x.example")]
        found = await read(bench, table(*rows).encode(), "own-list")
        bench.clock.now += ROWS_KEPT
        young = await read(bench, table(*rows[:2]).encode(), "expo")
        await tidy(bench.desk)
        assert len(await bench.rows("select 1 from import_row")) == 3
        bench.clock.now += timedelta(seconds=1)
        await tidy(bench.desk)
        assert [str(row["import_id"]) for row in await bench.rows("select import_id from import_row")] == [
            young["import_id"]
        ]
        shown = (await bench.client.get(f"/v1/imports/{found['import_id']}")).json()
        assert shown["captured"] == 2
        assert len(await bench.rows("select 1 from lead")) == 2
