"""Files of rows: every row becomes something, once for ever, also through a kill; what can't be mapped is mended."""

import asyncio
import csv
import io
import zipfile
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime
from typing import Any

import httpx
import pytest
from openpyxl import Workbook

from intake.imports import reader as reading
from intake.imports import store
from intake.intake import Intake
from shared.contracts import LeadCaptured, LeadEngaged
from tests.integration.intake.doors import DOORS, balance, intake
from tests.support.harness import Bench
from tests.support.postgres import MakeDatabase

IMPORTS: dict[str, Any] = {
    "doors": {
        **DOORS["doors"],
        "expo": {"kind": "import", "defaults": {"source": "trade_show", "country": "CN"}, "owner": "zhang"},
        "own-list": {"kind": "import", "defaults": {"source": "own_list", "country": "CN"}},
        "strict": {"kind": "import", "required": ["company"]},
    }
}
HEAD = ("姓名", "邮箱", "手机", "公司", "职位", "行业", "国家", "微信号", "tags")
EXPO = (
    ("王磊", "wanglei@jinggong.example", 13800138000, "苏州精工机械", "创始人", "制造", "CN", "", "demo"),
    ("陈静", "chenjing@hangtian.example", "", "航天紧固件", "实习生", "制造业", "CN", "", "demo"),
    ("吴刚", "", "n/a", "吴江纺机", "经理", "", "CN", "wugang_wj", "demo"),
    ("Ann Lee", "ann@northwind.example", "", "Northwind", "Manager", "retail", "SG", "", "demo"),
    ("Joann Lee", "joann@northwind.example", "", "Northwind", "Staff", "retail", "SG", "", "demo"),
    ("李强", "liqiang@dongfang.example", "", "东方制造", "主管", "制造", "CN", "", "demo"),
)


@asynccontextmanager
async def importing(make_database: MakeDatabase) -> AsyncGenerator[Bench]:
    async with intake(make_database, doors=IMPORTS) as bench:
        yield bench


def sheet(*rows: tuple[Any, ...]) -> bytes:
    book = Workbook()
    page = book.active
    assert page is not None
    for row in rows:
        page.append(row)  # pyright: ignore[reportAttributeAccessIssue]
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def table(*rows: tuple[str, ...], delimiter: str = ",") -> str:
    written = io.StringIO()
    csv.writer(written, delimiter=delimiter).writerows(rows)
    return written.getvalue()


async def send(
    bench: Bench, content: bytes, door: str = "expo", *, key: str | None = None, role: str = "marketer", **query: str
) -> httpx.Response:
    headers = {"Authorization": f"Bearer {role}"} | ({"Idempotency-Key": key} if key else {})
    files = {"file": ("list.csv", content, "text/csv")}
    return await bench.client.post("/v1/imports", params={"door": door, **query}, files=files, headers=headers)


async def read(bench: Bench, content: bytes, door: str = "expo", **query: str) -> dict[str, Any]:
    reply = await send(bench, content, door, **query)
    assert reply.status_code == 202, reply.text
    return await ended(bench, reply.json()["import_id"])


async def ended(bench: Bench, import_id: str, enough: Callable[[dict[str, Any]], bool] | None = None) -> dict[str, Any]:
    async with asyncio.timeout(60):
        while True:
            found: dict[str, Any] = (await bench.client.get(f"/v1/imports/{import_id}")).json()
            if found["state"] != "reading" or (enough is not None and enough(found)):
                return found
            await asyncio.sleep(0.02)


def counts(found: dict[str, Any]) -> dict[str, int]:
    return {name: found[name] for name in ("captured", "further", "repeat", "parked", "ignored") if found[name]}


async def captured(bench: Bench) -> list[LeadCaptured]:
    return [event for event in await bench.emitted(LeadCaptured) if isinstance(event, LeadCaptured)]


async def test_the_trade_show_s_sheet(make_database: MakeDatabase) -> None:
    async with importing(make_database) as bench:
        known = {"name": "王磊", "email": "wanglei@jinggong.example", "source": "search_ads"}
        await bench.client.post("/v1/leads", json=known)
        found = await read(bench, sheet(HEAD, *EXPO), event="上海工业展")
        assert (found["state"], found["rows"], found["total"], found["problems"]) == ("done", 6, 6, [])
        assert counts(found) == {"captured": 4, "further": 1, "parked": 1}
        assert {each["column"]: each["field"] for each in found["columns"]}["微信号"] is None
        new = (await captured(bench))[1:]
        assert {event.attributes.event for event in new} == {"上海工业展"}
        assert {event.marketing_owner for event in new} == {"zhang"}
        assert {event.attributes.source for event in new} == {"trade_show"}
        assert {event.attributes.tags for event in new} == {("demo",)}
        [again] = await bench.emitted(LeadEngaged)
        assert isinstance(again, LeadEngaged)
        assert (again.kind, again.source) == ("submitted", "trade_show")
        [wanglei] = (await bench.client.get("/v1/leads", params={"email": "wanglei@jinggong.example"})).json()["items"]
        assert (wanglei["fields"]["source"], wanglei["fields"]["phone"]) == ("search_ads", "+8613800138000")

        [row] = (await bench.client.get(f"/v1/imports/{found['import_id']}/rows?state=parked")).json()["items"]
        assert (row["row"], row["state_now"]) == (4, "parked")
        assert "email or phone or channel_ids" in row["reason"]
        body = (await bench.client.get("/v1/policies/doors")).json()["body"]
        body["doors"]["expo"]["map"] = {"channel_ids.wechat": "微信号"}
        assert (await bench.client.put("/v1/policies/doors", json=body)).status_code == 200
        replayed = await bench.client.post(f"/v1/submissions/{row['submission_id']}/replay")
        assert replayed.json()["state"] == "captured", replayed.text
        lead = (await bench.client.get(f"/v1/leads/{replayed.json()['lead_id']}")).json()
        assert (lead["fields"]["channel_ids"], lead["fields"]["event"]) == ({"wechat": "wugang_wj"}, "上海工业展")
        [row] = (await bench.client.get(f"/v1/imports/{found['import_id']}/rows?state=parked")).json()["items"]
        assert (row["state_now"], row["lead_id"]) == ("captured", lead["lead_id"])
        assert len(await bench.rows("select * from import_piece")) == 0
        await balance(bench)


async def test_running_it_twice_adds_nothing(make_database: MakeDatabase) -> None:
    async with importing(make_database) as bench:
        file = sheet(HEAD, *EXPO)
        first = await read(bench, file, event="上海工业展")
        before = len(await bench.emitted())
        second = await read(bench, file, event="another")
        assert second["import_id"] != first["import_id"]
        assert counts(second) == {"repeat": 6}
        assert len(await bench.emitted()) == before
        await balance(bench)
        asked = await send(bench, file, key="k-1")
        assert (await send(bench, file, key="k-1")).json()["import_id"] == asked.json()["import_id"]
        assert (await send(bench, b"name,email\nA,a@example.com\n", key="k-1")).status_code == 422
        listed = (await bench.client.get("/v1/imports")).json()["items"]
        assert len(listed) == 3


async def test_a_legacy_lead_keeps_its_date_pool_and_owner(make_database: MakeDatabase) -> None:
    async with importing(make_database) as bench:
        head = ("name", "email", "title", "created_at", "legacy", "legacy_pool", "legacy_owner", "tags")
        zhou = ("周凯", "zhoukai@taihu.example", "总监", "2025-03-10T02:00:00Z", "yes", "re-marketing", "lina", "demo")
        bad_pool = ("Bo", "bo@x.example", "", "2025-03-10", "yes", "attic", "lina", "")
        bad_date = ("Cy", "cy@x.example", "", "last spring", "yes", "raw", "lina", "")
        plain = ("Di", "di@x.example", "", "", "no", "", "", "a, b")
        found = await read(bench, table(head, zhou, bad_pool, bad_date, plain).encode(), "own-list")
        assert counts(found) == {"captured": 2, "parked": 2}
        old, new = await captured(bench)
        assert (old.legacy, old.pool, old.previous_owner) == (True, "re-marketing", "lina")
        assert old.occurred_at == datetime(2025, 3, 10, 2, tzinfo=UTC)
        assert (new.legacy, new.pool, new.previous_owner, new.attributes.tags) == (False, None, None, ("a", "b"))
        reasons = [row["reason"] for row in await bench.rows("select reason from import_row where state = 'parked'")]
        assert "legacy_pool" in reasons[0]
        assert "created_at" in reasons[1]


async def test_a_reading_that_was_killed_goes_on_where_it_was(
    make_database: MakeDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "_ROWS_AT_ONCE", 20)
    monkeypatch.setattr(reading, "_ABANDONED_S", 0.05)
    rows = [("name", "email"), *((f"P{n}", f"p{n}@example.com") for n in range(1, 401))]
    keep_rows, calls = store.keep_rows, 0

    async def die_at_the_eighth(*given: Any) -> None:
        nonlocal calls
        calls += 1
        if calls == 8:
            raise asyncio.CancelledError  # with rows captured and not committed
        await keep_rows(*given)

    monkeypatch.setattr(store, "keep_rows", die_at_the_eighth)
    async with importing(make_database) as bench:
        reply = await send(bench, table(*rows).encode(), "own-list")
        half = await ended(bench, reply.json()["import_id"], lambda found: found["rows"] == 140)
        assert (half["state"], half["total"]) == ("reading", 400)
        another = asyncio.ensure_future(reading.Reader(_intake_of(bench)).run(bench.desk))
        found = await ended(bench, reply.json()["import_id"])
        another.cancel()
        assert counts(found) == {"captured": 400}
        assert len({event.lead_id for event in await captured(bench)}) == 400
        numbers = [row["number"] for row in await bench.rows("select number from import_row order by 1")]
        assert numbers == list(range(2, 402))
        await balance(bench)


async def test_two_processes_reading_one_file_count_each_row_once(
    make_database: MakeDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "_ROWS_AT_ONCE", 10)
    monkeypatch.setattr(reading, "_ABANDONED_S", 0.0)
    rows = [("name", "email"), *((f"P{n}", f"p{n}@example.com") for n in range(1, 301))]
    async with importing(make_database) as bench:
        other = reading.Reader(_intake_of(bench))
        running = asyncio.ensure_future(other.run(bench.desk))
        found = await read(bench, table(*rows).encode(), "own-list")
        running.cancel()
        assert counts(found) == {"captured": 300}
        assert len(await captured(bench)) == 300
        await balance(bench)


def _intake_of(bench: Bench) -> Intake:
    made = Intake()
    made.desk = bench.desk
    return made


async def test_files_as_people_have_them(make_database: MakeDatabase) -> None:
    async with importing(make_database) as bench:
        head, row = ("姓名", "邮箱", "公司"), ("李强强", "li{}@dongfang.example", "东方制造有限公司")

        async def one(number: int, encoding: str, delimiter: str = ",", **query: str) -> dict[str, Any]:
            cells = tuple(cell.format(number) for cell in row)
            found = await read(bench, table(head, cells, delimiter=delimiter).encode(encoding), "own-list", **query)
            [lead] = (await bench.client.get("/v1/leads", params={"email": cells[1]})).json()["items"]
            assert (lead["fields"]["name"], lead["fields"]["company"]) == (row[0], row[2]), encoding
            return found

        assert (await one(1, "utf-8"))["format"]["charset"] == "utf-8"
        assert (await one(2, "utf-8-sig"))["format"]["charset"] == "utf-8-sig"
        assert (await one(3, "gb18030", ";"))["format"] == {"kind": "csv", "charset": "gb18030", "delimiter": ";"}
        assert (await one(4, "utf-16", "\t"))["format"]["charset"] == "utf-16"
        assert (await one(5, "big5hkscs", charset="big5"))["format"]["charset"] == "big5hkscs"
        old = table(("name", "email"), ("\u0110\u0103\u0323ng", "dang@x.example")).encode("cp1258")
        refused = await send(bench, old, "own-list")
        assert (refused.status_code, refused.json()["where"]) == (422, "charset")
        found = await read(bench, old, "own-list", charset="windows-1258")
        assert counts(found) == {"captured": 1}
        formula = table(("name", "email", "备注"), ("=HYPERLINK(1)", "f@x.example", "+cmd|1"))
        assert counts(await read(bench, formula.encode(), "own-list")) == {"captured": 1}
        [lead] = (await bench.client.get("/v1/leads", params={"email": "f@x.example"})).json()["items"]
        assert lead["fields"]["name"] == "=HYPERLINK(1)"
        dated = sheet(("name", "email", "created_at"), ("Di", "di@x.example", date(2026, 1, 2)))
        assert counts(await read(bench, dated, "own-list")) == {"captured": 1}
        assert (await captured(bench))[-1].occurred_at == datetime(2026, 1, 2, tzinfo=UTC)
        strict = await read(
            bench, table(("email", "company"), ("a@x.example", "N/A"), ("b@x.example", "B")).encode(), "strict"
        )
        assert counts(strict) == {"captured": 1, "parked": 1}


def packed(**members: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", b"<workbook/>")
        for name, content in members.items():
            archive.writestr(f"xl/{name}.xml", content)
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"", 422),
        (b'name,email\n"open,a@x.example\n', 422),
        (b"\xd0\xcf\x11\xe0 an old workbook", 415),
        (b"PK\x03\x04 broken", 422),
        (packed(sheet1=b"<!DOCTYPE x [<!ENTITY a 'b'>]><x>&a;</x>"), 422),
        (packed(sheet1=b"\0" * (30 * 1024 * 1024)), 413),
        (packed(sheet1="<!DOCTYPE x>".encode("utf-16-le")), 422),
    ],
)  # fmt: skip
async def test_what_is_no_list_is_refused_before_anything_is_kept(
    make_database: MakeDatabase, content: bytes, status: int
) -> None:
    async with importing(make_database) as bench:
        reply = await send(bench, content)
        assert reply.status_code == status, reply.text
        assert await bench.rows("select 1 from import union all select 1 from import_piece") == []


async def test_who_may_and_what_may_stand_in_the_query(make_database: MakeDatabase) -> None:
    async with importing(make_database) as bench:
        file = b"name,email\nA,a@example.com\n"
        assert (await send(bench, file, role="rep:lee")).status_code == 403
        assert (await send(bench, file, "site")).status_code == 404
        assert (await send(bench, file, email="x@example.com")).status_code == 422
        assert (await send(bench, file, country="Atlantis")).status_code == 422
        assert (await bench.client.post("/v1/imports?door=expo")).status_code == 422
        large = await bench.client.post("/v1/imports?door=expo", headers={"Content-Length": str(65 * 1024 * 1024)})
        assert large.status_code == 413
        found = await read(bench, file + b",,\n\n,not a way\n", tags="demo;fair", campaign="spring")
        assert counts(found) == {"captured": 1, "parked": 1}
        [event] = await captured(bench)
        assert (event.attributes.tags, event.attributes.campaign) == (("demo", "fair"), "spring")
        report = (await bench.client.get(f"/v1/imports/{found['import_id']}/report.csv")).text
        lines = list(csv.DictReader(io.StringIO(report.removeprefix("\ufeff"))))
        assert [(line["row"], line["state"]) for line in lines] == [("2", "captured"), ("5", "parked")]
        paged = (await bench.client.get(f"/v1/imports/{found['import_id']}/rows?limit=1")).json()
        assert (len(paged["items"]), paged["next"]) == (1, "2")
