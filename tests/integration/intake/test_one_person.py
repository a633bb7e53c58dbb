"""One person: put right by hand, told all that is kept, consent by purpose, erased with a receipt."""

from typing import Any

from sqlalchemy import text

from shared.contracts import LeadConsented, LeadEngaged, LeadErased, LeadUpdated
from tests.integration.intake.doors import a_lead, intake
from tests.support.harness import Bench
from tests.support.postgres import MakeDatabase

SDR = {"Authorization": "Bearer sdr"}


async def new_lead(bench: Bench, **fields: Any) -> str:
    return (await bench.client.post("/v1/leads", json=a_lead(**fields))).json()["lead_id"]


async def updates(bench: Bench) -> list[LeadUpdated]:
    return [event for event in await bench.emitted(LeadUpdated) if isinstance(event, LeadUpdated)]


async def test_a_correction_tells_what_changed_and_moves_the_key(make_database: MakeDatabase) -> None:
    async with intake(make_database) as bench:
        lead = await new_lead(bench, email="ann@gmial.com", industry="Software", title="intern")
        waiting = {"email": "Ann@Acme.example", "kind": "mail_opened", "id": "m-1"}
        await bench.client.post("/v1/engagements", json={"items": [waiting]})
        patch = {"email": "Ann@Acme.example ", "industry": "sản xuất", "title": "Giám đốc", "timeframe": None}
        done = await bench.client.patch(f"/v1/leads/{lead}", json=patch, headers=SDR)
        assert done.status_code == 200, done.text
        assert done.json()["fields"]["email"] == "ann@acme.example"
        assert done.json()["changed"] == ["company_domain", "industry", "title_level"]
        [event] = await updates(bench)
        assert (event.attributes.industry, event.attributes.title_level) == ("manufacturing", "director")
        assert event.attributes.company_domain == "acme.example"
        assert len(await bench.emitted(LeadEngaged)) == 1  # it waited for this address
        keys = await bench.rows("select kind, value from identity_key")
        assert keys == [{"kind": "email", "value": "ann@acme.example"}]
        again = (await bench.client.post("/v1/leads", json=a_lead(email="ann@acme.example"))).json()
        assert (again["lead_id"], again["known"]) == (lead, True)
        assert (await bench.client.post("/v1/leads", json=a_lead(email="ann@gmial.com"))).json()["known"] is False
        cleared = await bench.client.patch(f"/v1/leads/{lead}", json={"title": None, "tags": ["vip"]})
        assert (cleared.json()["changed"], cleared.json()["cleared"]) == (["tags"], ["title_level"])
        assert (await updates(bench))[-1].cleared == ("title_level",)
        kept = str(await bench.rows("select answer from command"))
        assert "acme" not in kept


async def test_a_correction_that_can_t_be(make_database: MakeDatabase) -> None:
    async with intake(make_database) as bench:
        ann, bo = await new_lead(bench), await new_lead(bench, email="bo@example.com", phone="+84912345678")

        async def refused(lead: str, patch: Any, **headers: str) -> tuple[int, Any]:
            reply = await bench.client.patch(f"/v1/leads/{lead}", json=patch, headers=headers)
            return reply.status_code, reply.json().get("where") or reply.json().get("fields")

        assert await refused(ann, {"phone": "0912 345 678", "country": "VN"}) == (409, "phone")
        taken = await bench.client.patch(f"/v1/leads/{ann}", json={"email": "bo@example.com"})
        assert taken.json()["lead_id"] == bo
        assert await refused(ann, {"email": "no address"}) == (422, "email")
        assert await refused(ann, {"email": None}) == (422, None)
        assert await refused(ann, {"door": "x"}) == (422, "door")
        assert await refused(ann, {"tags": "x"}) == (422, "tags")
        assert await refused(ann, {}) == (422, None)
        assert await refused(ann, {"source": "referral"}, **SDR) == (403, ["source"])
        assert (await refused(ann, {"name": "x"}, Authorization="Bearer rep:lee"))[0] == 403
        assert await updates(bench) == []
        [lead] = (await bench.client.get("/v1/leads", params={"email": "ann@example.com"})).json()["items"]
        assert lead["lead_id"] == ann


async def test_consent_is_kept_by_purpose(make_database: MakeDatabase) -> None:
    async with intake(make_database) as bench:
        lead = await new_lead(bench, consent=True)
        path = f"/v1/leads/{lead}/consent"
        await bench.client.post(path, json={"purpose": "marketing", "granted": True})
        done = await bench.client.post(path, json={"purpose": "marketing", "granted": False})
        assert (done.status_code, done.json()["consent"]["marketing"]) == (202, False)
        events = [event for event in await bench.emitted(LeadConsented) if isinstance(event, LeadConsented)]
        assert [(event.purpose, event.granted) for event in events] == [("marketing", True), ("marketing", False)]
        assert (await bench.client.post(path, json={"purpose": "An Planted", "granted": True})).status_code == 422
        ahead = {"purpose": "marketing", "granted": True, "occurred_at": "2099-01-01T00:00:00Z"}
        assert (await bench.client.post(path, json=ahead)).status_code == 422


async def test_what_a_form_says_of_consent_is_told_once(make_database: MakeDatabase) -> None:
    async with intake(make_database) as bench:
        for granted in (True, True, False):
            await new_lead(bench, consent={"marketing": granted, "Planted Name": True}, message=f"{granted}")
        events = [event for event in await bench.emitted(LeadConsented) if isinstance(event, LeadConsented)]
        assert [(event.purpose, event.granted) for event in events] == [("marketing", True), ("marketing", False)]


async def test_all_that_is_kept_of_a_person(make_database: MakeDatabase) -> None:
    async with intake(make_database) as bench:
        lead = await new_lead(bench, message="a planted message")
        await bench.client.post(
            f"/v1/leads/{lead}/engagements", json={"kind": "mail_opened", "url": "https://x.example/a"}
        )
        found = (await bench.client.get(f"/v1/leads/{lead}/personal-data")).json()
        assert found["identity_keys"] == [{"kind": "email", "value": "ann@example.com"}]
        assert found["fields"]["message"] == "a planted message"
        assert "planted message" in found["submissions"][0]["raw"]
        assert found["engagements"][0]["url"] == "https://x.example/a"
        headers = {"Authorization": "Bearer manager"}
        assert (await bench.client.get(f"/v1/leads/{lead}/personal-data", headers=headers)).status_code == 403


async def test_a_receipt_waits_for_every_registered_consumer(make_database: MakeDatabase) -> None:
    async with intake(make_database) as bench:
        first, second = await new_lead(bench), await new_lead(bench, email="bo@example.com")
        for lead in (first, second):
            assert (await bench.client.delete(f"/v1/leads/{lead}/personal-data")).status_code == 202
        asked = await bench.client.delete(f"/v1/leads/{second}/personal-data")
        path = f"/v1/erasures/{asked.json()['erasure_id']}"
        waiting = (await bench.client.get(path)).json()
        assert waiting["complete"] is False
        states = {each["service"]: each["state"] for each in waiting["services"]}
        assert states == {"intake": "erased"} | dict.fromkeys(
            ("scorer", "router", "sla-watcher", "analytics"), "waiting"
        )

        async def consumed(service: str, back: int) -> Any:
            async with bench.transactions.free() as work:
                await work.session.execute(
                    text(
                        "update consumer c set epoch = s.epoch, seq = s.last_seq - :back from stream_out s"
                        " where s.topic = c.topic and s.partition = c.partition and c.topic = 'lead.erased'"
                        " and c.service = :service"
                    ),
                    {"service": service, "back": back},
                )
            return (await bench.client.get(path)).json()

        for service in ("scorer", "router", "sla-watcher"):
            found = await consumed(service, 0)
            assert found["complete"] is False
        assert (await consumed("analytics", 1))["complete"] is False
        done = await consumed("analytics", 0)
        assert (done["complete"], {each["state"] for each in done["services"]}) == (True, {"erased"})
        assert (await bench.client.get(path)).json()["complete"] is True
        assert len((await bench.client.get("/v1/erasures")).json()["items"]) == 2


async def test_only_a_demo_lead_is_purged(make_database: MakeDatabase) -> None:
    async with intake(make_database) as bench:
        plain, demo = await new_lead(bench), await new_lead(bench, email="bo@example.com", tags=["demo"])
        found = (await bench.client.get("/v1/leads?tag=demo")).json()["items"]
        assert [each["lead_id"] for each in found] == [demo]
        refused = await bench.client.delete(f"/v1/leads/{plain}/personal-data?purge=true")
        assert refused.status_code == 409
        assert (await bench.client.delete(f"/v1/leads/{demo}/personal-data?purge=true")).status_code == 202
        [event] = await bench.emitted(LeadErased)
        assert isinstance(event, LeadErased)
        assert (str(event.lead_id), event.purge) == (demo, True)
        assert (await bench.client.get("/v1/leads?tag=demo")).json()["items"] == []
        await bench.client.delete(f"/v1/leads/{plain}/personal-data")
        assert (await bench.client.delete(f"/v1/leads/{plain}/personal-data?purge=true")).status_code == 409
