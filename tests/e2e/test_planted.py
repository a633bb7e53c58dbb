"""Planted words: who a lead is and what people typed stays in intake and in the router's notes, and erasure ends it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import asyncpg
import pytest

from shared.contracts.topology import SERVICES
from tests.e2e.test_one_lead import OPEN_ALWAYS, database_of, the_handoff
from tests.support.product import Product, a_product
from tests.support.wait import until

pytestmark = pytest.mark.timeout(400)

PERSONAL_TABLES: Final = {
    "intake": {"lead", "identity_key", "submission", "engagement"},
    "router": {"note", "command"},  # a command's answer is kept for its repeats
}
GOOGLE_KEY: Final = "the-key-in-the-form"


@dataclass(frozen=True)
class Person:
    """Somebody whose every word is found nowhere else. Words are lower case and plain, so that no encoding hides them."""

    number: int

    @property
    def name(self) -> str:
        return f"Plantedname{self.number} Qzxwv"

    @property
    def email(self) -> str:
        return f"plantedmail{self.number}@plantedhost{self.number}.example"

    @property
    def phone(self) -> str:
        return f"+8491234{5000 + self.number}"

    @property
    def message(self) -> str:
        return f"plantedmessage{self.number} please call my wife"

    @property
    def typed(self) -> str:
        """What reps and marketing type about them."""
        return f"plantednote{self.number}"

    @property
    def needles(self) -> Sequence[str]:
        """What gives them away, in lower case. (The company's domain is an attribute: it says no person.)"""
        digits = f"1234{5000 + self.number}"
        return (
            f"plantedname{self.number}", f"plantedmail{self.number}", digits, f"plantedmessage{self.number}",
            f"plantedanswer{self.number}", f"plantedclick{self.number}", self.typed,
        )  # fmt: skip


BY_REST, BY_FORM, BY_GOOGLE, LIVING = (Person(number) for number in (1101, 2202, 3303, 4404))
PEOPLE: Final = (BY_REST, BY_FORM, BY_GOOGLE)


async def test_planted_words_are_nowhere_but_where_they_belong_and_gone_after_erasure(data_home: Path) -> None:
    async with a_product(data_home / "data", BATON_GOOGLE_KEY=GOOGLE_KEY, BATON_LOG_LEVEL="DEBUG") as product:
        (await product.http.put("/v1/policies/calendars", json=OPEN_ALWAYS)).raise_for_status()
        leads = {
            BY_REST: await by_rest(product, BY_REST),
            BY_FORM: await by_form(product, BY_FORM),
            BY_GOOGLE: await by_google(product, BY_GOOGLE),
            LIVING: await by_rest(product, LIVING),
        }
        await refused_bodies(product)
        for person, lead in leads.items():
            await made_hot(product, lead, person)
            await worked_on(product, lead, person)
        await until(lambda: all_is_told(product, list(leads.values())))

        everybody = [word for person in leads for word in person.needles]
        assert await betrayed(product, everybody) == []
        for person, lead in leads.items():  # the search finds what is there
            assert person.name in (await product.http.get(f"/v1/leads/{lead}")).text
            assert person.typed in (await product.http.get(f"/v1/leads/{lead}/notes")).text

        for person in PEOPLE:
            code, said = await product.baton("erase", leads[person], "--yes")
            assert code == 0, said
            assert "complete" in said
        gone = [word for person in PEOPLE for word in person.needles]
        assert await betrayed(product, gone, belongs={}) == []
        assert LIVING.name in (await product.http.get(f"/v1/leads/{leads[LIVING]}")).text
        for person in PEOPLE:
            assert (await product.http.get(f"/v1/leads/{leads[person]}")).status_code == 410
            again = {"idempotency-key": f"{leads[person]}-1"}
            note = await product.http.post(
                f"/v1/leads/{leads[person]}/notes", json={"text": person.typed}, headers=again
            )
            assert note.status_code == 410, note.text


async def by_rest(product: Product, person: Person) -> str:
    body = {
        "name": person.name, "email": person.email, "phone": person.phone, "message": person.message,
        "company": "Some Works", "title": "Founder", "industry": "manufacturing", "timeframe": "within a month",
        "source": "search_ads", "answers": {"what else?": f"plantedanswer{person.number}"},
        "click_ids": {"gclid": f"plantedclick{person.number}"},
        "landing_page": f"https://shop.example/offer?mail=plantedmail{person.number}",
    }  # fmt: skip
    answer = await product.http.post("/v1/leads", json=body, headers={"idempotency-key": f"key-{person.number}"})
    assert answer.status_code == 202, answer.text
    again = await product.http.post("/v1/leads", json={**body, "title": "Owner"})  # known by the e-mail
    assert again.json()["lead_id"] == answer.json()["lead_id"]
    change = {"name": person.name, "message": person.message}
    changed = await product.http.patch(
        f"/v1/leads/{answer.json()['lead_id']}", json=change, headers={"idempotency-key": f"patch-{person.number}"}
    )
    assert changed.status_code == 200, changed.text
    return answer.json()["lead_id"]


async def by_form(product: Product, person: Person) -> str:
    form = {
        "name": person.name, "email": person.email, "phone": person.phone, "message": person.message,
        "company": "Form Works", "title": "Founder", "industry": "manufacturing", "timeframe": "within a month",
        "what else": f"plantedanswer{person.number}", "gclid": f"plantedclick{person.number}",
    }  # fmt: skip
    answer = await product.http.post("/v1/forms/site", data=form)
    assert answer.status_code in (200, 202, 303), answer.text
    return await found_by(product, person)


async def by_google(product: Product, person: Person) -> str:
    told = {
        "FULL_NAME": person.name, "EMAIL": person.email, "PHONE_NUMBER": person.phone, "COMPANY_NAME": "Google Works",
        "JOB_TITLE": "Founder", "what_else": f"plantedanswer{person.number}",
    }  # fmt: skip
    body = {
        "lead_id": f"TeSt{person.number}", "api_version": "1.0", "form_id": 7, "campaign_id": 8, "is_test": False,
        "google_key": GOOGLE_KEY, "gcl_id": f"plantedclick{person.number}",
        "user_column_data": [{"column_id": name, "string_value": value} for name, value in told.items()],
    }  # fmt: skip
    answer = await product.http.post("/v1/hooks/google-main", json=body)
    assert answer.status_code == 200, answer.text
    return await found_by(product, person)


async def found_by(product: Product, person: Person) -> str:
    items = (await product.http.get("/v1/leads", params={"email": person.email})).json()["items"]
    return items[0]["lead_id"]


async def refused_bodies(product: Product) -> None:
    """What can't be taken is logged and counted; its words are not."""
    for person in PEOPLE:
        broken = f'{{"name": "{person.name}", "email": "{person.email}"'.encode()
        for path in ("/v1/leads", "/v1/hooks/google-main", "/v1/engagements"):
            answer = await product.http.post(path, content=broken, headers={"content-type": "application/json"})
            assert 400 <= answer.status_code < 500, answer.text
        wrong = {"google_key": "wrong", "lead_id": person.email, "user_column_data": [{"string_value": person.message}]}
        assert (await product.http.post("/v1/hooks/google-main", json=wrong)).status_code == 401
        for path in (f"/v1/leads/{person.email}", f"/v1/hooks/{person.email}", f"/v1/doors?x={person.email}"):
            await product.http.get(path)


async def made_hot(product: Product, lead: str, person: Person) -> None:
    await put_fields(product, lead, person)
    for kind in ("demo_requested", "price_page_viewed"):
        engagement = {
            "id": str(uuid4()), "kind": kind, "occurred_at": datetime.now(UTC).isoformat(),
            "url": f"https://shop.example/price?who=plantedmail{person.number}",
        }  # fmt: skip
        (await product.http.post(f"/v1/leads/{lead}/engagements", json=engagement)).raise_for_status()


async def put_fields(product: Product, lead: str, person: Person) -> None:
    fit = {"industry": "manufacturing", "timeframe": "within a month", "title": "Founder", "message": person.message}
    (await product.http.patch(f"/v1/leads/{lead}", json=fit)).raise_for_status()


async def worked_on(product: Product, lead: str, person: Person) -> None:
    """Called, noted, asked, given back with a comment: every place where somebody types."""
    http, typed = product.http, person.typed
    handoff = await the_handoff(product, lead)
    later = (datetime.now(UTC) + timedelta(days=2)).isoformat()
    calls: list[tuple[str, str, dict[str, Any]]] = [
        ("POST", f"/v1/handoffs/{handoff}/contacts", {"channel": "phone", "result": "reached", "note": typed, "next_step_at": later}),
        ("POST", f"/v1/leads/{lead}/notes", {"text": typed}),
        ("POST", "/v1/tasks", {"lead_id": lead, "kind": "to_do", "due_at": later, "note": typed}),
        ("PATCH", f"/v1/leads/{lead}/checklist", {"pain_point": typed, "current_solution": typed, "budget_range": typed}),
        ("POST", f"/v1/handoffs/{handoff}/reject", {"reason": "timing", "comment": typed, "rating": 2}),
    ]  # fmt: skip
    for number, (method, path, body) in enumerate(calls):
        answer = await http.request(method, path, json=body, headers={"idempotency-key": f"{lead}-{number}"})
        assert answer.status_code < 300, (path, answer.text)


async def all_is_told(product: Product, leads: Sequence[str]) -> bool:
    for lead in leads:
        told = (await product.http.get(f"/v1/leads/{lead}/timeline")).text
        if "lead.rejected" not in told:
            return False
    return True


async def betrayed(
    product: Product, words: Sequence[str], belongs: dict[str, set[str]] = PERSONAL_TABLES
) -> list[tuple[str, str]]:
    """Where a word is found that must not be there: logs, metrics, and every table of every service."""
    found = [(place, word) for place, said in await told_outside(product) for word in within(said, words)]
    for service in SERVICES:
        connection = await asyncpg.connect(database_of(product, service.replace("-", "_")))
        try:
            for table in await tables(connection):
                if table in belongs.get(service, ()):
                    continue
                rows = await connection.fetch(f'select t::text as said from "{table}" t')
                for word in within("\n".join(row["said"] or "" for row in rows), words):
                    found.append((f"{service}.{table}", word))  # noqa: PERF401 - it reads better so
        finally:
            await connection.close()
    return sorted(set(found))


async def told_outside(product: Product) -> list[tuple[str, str]]:
    metrics = (await product.http.get("/metrics")).text
    logs = [product.log, *(product.data / "postgres").resolve().glob("*.log*")]
    events = []
    after: str | None = None
    while True:
        page = await product.http.get(
            "/v1/events", params={"after": after, "limit": 1000} if after else {"limit": 1000}
        )
        events.append(page.text)
        if not page.json()["items"]:
            break
        after = page.json()["next"]
    return [
        ("metrics", metrics),
        ("events", "".join(events)),
        *((each.name, each.read_text(errors="replace")) for each in logs),
    ]


async def tables(connection: asyncpg.Connection) -> list[str]:
    rows = await connection.fetch(
        "select relname from pg_class c join pg_namespace n on n.oid = c.relnamespace"
        " where n.nspname = 'public' and c.relkind in ('r', 'm') order by relname"
    )
    return [row["relname"] for row in rows]


def within(said: str, words: Sequence[str]) -> Iterator[str]:
    """The words that a text holds, as they are or in PostgreSQL's hexadecimal of bytes."""
    low = said.lower()
    for word in words:
        if word in low or any(form.encode().hex() in low for form in (word, word.capitalize())):
            yield word


def test_the_search_finds_words_in_every_form() -> None:
    assert list(within("(1,\"{'name': 'Plantedname1'}\")", ["plantedname1"])) == ["plantedname1"]
    assert list(within("\\x" + b'{"name":"Plantedname1"}'.hex(), ["plantedname1"])) == ["plantedname1"]
    assert list(within("nothing", ["plantedname1"])) == []
