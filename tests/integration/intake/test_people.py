"""Engagements, search, masking, erasure, and that no personal data leaves intake's own tables."""

from uuid import UUID, uuid4

import pytest

from intake.housekeeping import tidy
from shared.contracts import LeadCaptured, LeadEngaged, LeadErased
from shared.http.access import Principal
from shared.http.passes import Opens, new_pass
from shared.runtime.clock import system_clock
from tests.integration.intake.doors import a_lead, balance, google, intake
from tests.support.postgres import MakeDatabase

PLANTED = {
    "name": "Ann Planted-Name",
    "email": "planted.mail@example.com",
    "phone": "+84912345678",
    "title": "Chief Planted-Title",
    "company": "Planted-Company Ltd",
    "message": "Planted-Message call 0912345678",
    "campaign": "for planted.mail@example.com",
    "landing_page": "https://www.example.com/p?token=Planted-Query",
    "gclid": "Planted-Click",
    "answers": [{"question": "Budget?", "answer": "Planted-Answer"}],
}


async def test_an_engagement_of_a_lead_is_emitted_once(make_database: MakeDatabase) -> None:
    async with intake(make_database) as bench:
        lead_id = (await bench.client.post("/v1/leads", json=a_lead())).json()["lead_id"]
        body = {"id": "e-1", "kind": "price_page_viewed", "content": "price list", "url": "https://x.example/p?me=1"}
        first = await bench.client.post(f"/v1/leads/{lead_id}/engagements", json=body)
        again = await bench.client.post(f"/v1/leads/{lead_id}/engagements", json=body)
        assert (first.status_code, first.json()["duplicate"]) == (202, False)
        assert (again.status_code, again.json()["duplicate"]) == (202, True)
        assert first.json()["engagement_id"] == again.json()["engagement_id"]
        keyed = {"Idempotency-Key": "k"}
        for _ in range(2):
            opened = {"kind": "mail_opened"}
            await bench.client.post(f"/v1/leads/{lead_id}/engagements", json=opened, headers=keyed)
        engaged = await bench.emitted(LeadEngaged)
        assert [event.kind for event in engaged if isinstance(event, LeadEngaged)] == [
            "price_page_viewed",
            "mail_opened",
        ]
        assert (await bench.client.post(f"/v1/leads/{uuid4()}/engagements", json=body)).status_code == 404
        for bad in (
            {},
            {"kind": "No Word"},
            {"kind": "x", "occurred_at": "yesterday"},
            [],
            {"kind": "x", "id": "y" * 300},
        ):
            assert (await bench.client.post(f"/v1/leads/{lead_id}/engagements", json=bad)).status_code == 422


async def test_an_engagement_of_nobody_known_waits_for_its_lead(make_database: MakeDatabase) -> None:
    async with intake(make_database) as bench:
        items = [
            {"id": "e-1", "kind": "demo_requested", "email": "Ann@Example.com"},
            {"id": "e-2", "kind": "mail_opened", "phone": "0912 345 678", "country": "VN"},
            {"id": "e-3", "kind": "mail_opened", "email": "nobody@example.com"},
            {"id": "e-4", "kind": "mail_opened"},
        ]
        told = (await bench.client.post("/v1/engagements", json={"items": items})).json()["items"]
        assert [one["status"] for one in told] == ["waiting", "waiting", "waiting", "invalid"]
        assert await bench.emitted() == []
        lead = (await bench.client.post("/v1/leads", json=a_lead())).json()["lead_id"]
        await bench.client.post("/v1/leads", json=a_lead(phone="+84912345678"))
        waited = [event for event in await bench.emitted(LeadEngaged) if isinstance(event, LeadEngaged)]
        assert sorted(event.kind for event in waited) == ["demo_requested", "mail_opened", "submitted"]
        assert {str(event.lead_id) for event in waited} == {lead}
        assert {str(event.engagement_id) for event in waited} > {told[0]["engagement_id"], told[1]["engagement_id"]}
        again = (await bench.client.post("/v1/engagements", json={"items": items[:1]})).json()["items"]
        assert again[0]["status"] == "duplicate"
        bench.clock.forward(days=91)
        await tidy(bench.desk)
        assert await bench.rows("select 1 from engagement where lead_id is null") == []


async def test_who_became_known_beside_the_engagement_is_found_by_the_round(make_database: MakeDatabase) -> None:
    async with intake(make_database) as bench:
        lead = (await bench.client.post("/v1/leads", json=a_lead())).json()["lead_id"]
        async with bench.transactions.free() as work:
            connection = await work.raw()
            await connection.execute(
                "insert into engagement (engagement_id, key_kind, key_value, kind, occurred_at, recorded_at)"
                " values ($1, 'email', 'ann@example.com', 'mail_opened', now(), now())",
                uuid4(),
            )
        await tidy(bench.desk)
        [engaged] = await bench.emitted(LeadEngaged)
        assert str(engaged.lead_id) == lead


async def test_a_lead_is_found_by_whole_keys_and_part_of_a_name(make_database: MakeDatabase) -> None:
    async with intake(make_database) as bench:
        ann = (await bench.client.post("/v1/leads", json=a_lead(phone="0912 345 678"))).json()["lead_id"]
        await bench.client.post("/v1/leads", json=a_lead(name="Jo Ann", email="joann@example.com"))

        async def found(role: str = "rep:lee", **params: str) -> list[str]:
            headers = {"Authorization": f"Bearer {role}"}
            reply = await bench.client.get("/v1/leads", params=params, headers=headers)
            assert reply.status_code == 200, reply.text
            return [one["lead_id"] for one in reply.json()["items"]]

        assert await found(email="ANN@example.com") == [ann]
        assert await found(phone="+84 912 345 678") == [ann]
        assert await found(phone="0912345678", country="VN") == [ann]
        assert await found(email="nn@example.com") == []
        assert await found(email="") != [ann]
        assert await found(name="planted") == [ann]
        assert len(await found(name="ann")) == 2
        page = (await bench.client.get("/v1/leads", params={"limit": "1"})).json()
        rest = (await bench.client.get("/v1/leads", params={"limit": "5", "cursor": page["next"]})).json()
        assert (len(page["items"]), [one["lead_id"] for one in rest["items"]], rest["next"]) == (1, [ann], None)
        for role in ("viewer", "analyst", "entry"):
            headers = {"Authorization": f"Bearer {role}"}
            masked = await bench.client.get(f"/v1/leads/{ann}", headers=headers)
            assert masked.status_code == 200
            assert "Planted" not in masked.text
            assert "ann@" not in masked.text


@pytest.mark.parametrize(("token", "holder", "another"), [
    ("rep:lee", Principal("rep", "rep", "lee"), Principal("rep", "rep", "mai")),
    (
        "manager:north", Principal("manager-north", "manager", teams=frozenset({"north"})),
        Principal("manager-south", "manager", teams=frozenset({"south"})),
    ),
])  # fmt: skip
async def test_who_a_lead_is_is_shown_with_a_pass_of_ones_own(
    make_database: MakeDatabase, token: str, holder: Principal, another: Principal
) -> None:
    async with intake(make_database) as bench:
        lead = (await bench.client.post("/v1/leads", json=a_lead())).json()["lead_id"]
        passes: tuple[tuple[Principal, Opens, bool], ...] = (
            (holder, "lead", True), (holder, "score", False), (another, "lead", False),
        )  # fmt: skip
        for whose, opens, shown in passes:
            given = new_pass(bench.desk.secrets, whose, UUID(lead), opens, system_clock())
            headers = {"Authorization": f"Bearer {token}"}
            told = await bench.client.get(f"/v1/leads/{lead}", params={"pass": given or ""}, headers=headers)
            assert ("ann@example.com" in told.text, told.status_code) == (shown, 200)
            assert ("email" in told.json()["fields"]) == shown


@pytest.mark.parametrize("token", ["rep:lee", "manager:north"])
async def test_who_sells_cannot_page_through_everybody(make_database: MakeDatabase, token: str) -> None:
    async with intake(make_database) as bench:
        await bench.client.post("/v1/leads", json=a_lead())
        headers = {"Authorization": f"Bearer {token}"}
        everybody = await bench.client.get("/v1/leads", headers=headers)
        assert len(everybody.json()["items"]) == 1
        assert "ann@example.com" not in everybody.text
        assert "Planted" not in everybody.text
        by_name = await bench.client.get("/v1/leads", params={"name": "planted"}, headers=headers)
        assert "Planted" not in by_name.text
        one = await bench.client.get("/v1/leads", params={"email": "ann@example.com"}, headers=headers)
        assert one.json()["items"][0]["fields"]["email"] == "ann@example.com"


async def test_no_personal_data_is_emitted(make_database: MakeDatabase) -> None:
    async with intake(make_database) as bench:
        await bench.client.post("/v1/leads", json=PLANTED)
        changed = {
            **PLANTED,
            "keyword": "Planted.Mail@Example.com",
            "industry": "Software",
            "name": "Ann Planted-Name 2",
        }
        lead_id = (await bench.client.post("/v1/leads", json=changed)).json()["lead_id"]
        engagement = {
            "kind": "quote_sheet_downloaded",
            "content": "to planted.mail@example.com",
            "url": "https://x/?Planted",
        }
        await bench.client.post(f"/v1/leads/{lead_id}/engagements", json=engagement)
        assert len(await bench.emitted()) >= 4
        rows = await bench.rows("select value from outbox union all select answer from command")
        for row in rows:
            value = bytes(row["value"]).lower()
            assert b"planted" not in value
            assert b"912345678" not in value


async def test_erasure_is_absorbing(make_database: MakeDatabase) -> None:
    async with intake(make_database) as bench:
        hook = await bench.client.post("/v1/hooks/google-main", content=google("g-1", "planted.mail@example.com"))
        lead_id = hook.headers["Baton-Lead-Id"]
        form = (await bench.client.post("/v1/leads", json=PLANTED)).json()
        assert form["lead_id"] == lead_id
        await bench.client.post(
            f"/v1/leads/{lead_id}/engagements", json={"kind": "mail_opened", "url": "https://x/?Planted"}
        )
        path = f"/v1/leads/{lead_id}/personal-data"
        assert (await bench.client.delete(path, headers={"Authorization": "Bearer marketer"})).status_code == 403
        first = await bench.client.delete(path)
        assert first.status_code == 202
        bench.clock.forward(hours=1)
        assert (await bench.client.delete(path)).json() == first.json()
        assert len(await bench.emitted(LeadErased)) == 1
        tables = ("lead", "identity_key", "submission", "engagement", "command", "outbox", "erasure")
        kept = " ".join([str(await bench.rows(f"select t::text as t from {table} t")) for table in tables]).lower()
        assert "planted" not in kept
        assert "912345678" not in kept
        raws = await bench.rows("select raw from submission where raw is not null")
        assert raws == []
        assert (await bench.client.get(f"/v1/leads/{lead_id}")).status_code == 410
        late = await bench.client.post(f"/v1/leads/{lead_id}/engagements", json={"kind": "mail_opened"})
        assert late.status_code == 410
        again = await bench.client.post("/v1/hooks/google-main", content=google("g-1", "planted.mail@example.com"))
        assert again.headers["Baton-Lead-Id"] == lead_id
        assert await bench.rows("select 1 from identity_key") == []
        new = (await bench.client.post("/v1/leads", json=PLANTED)).json()
        assert (new["known"], new["duplicate"]) == (False, False)
        assert new["lead_id"] != lead_id
        assert len(await bench.emitted(LeadCaptured)) == 2
        await balance(bench)


async def test_a_test_lead_is_flagged_and_counted_apart(make_database: MakeDatabase) -> None:
    async with intake(make_database) as bench:
        reply = (await bench.client.post("/v1/leads", json=a_lead(is_test=True))).json()
        [captured] = await bench.emitted(LeadCaptured)
        assert isinstance(captured, LeadCaptured)
        assert captured.is_test
        lead = (await bench.client.get(f"/v1/leads/{reply['lead_id']}")).json()
        assert lead["is_test"] is True
