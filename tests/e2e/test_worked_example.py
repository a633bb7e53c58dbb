"""The worked example through the doors: 1,650 people come in, are scored, called, won; its table to the last digit."""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any, Final, TypeVar

import pytest

from baton.story.hurry import Hurry, unrest
from tests.e2e import example_of_1650 as example
from tests.e2e.example_of_1650 import FORM, LINES, REFERRAL, SEARCH, SHOW, Fate, Person, Post
from tests.support.product import Product, a_product
from tests.support.wait import until

pytestmark = pytest.mark.timeout(400)
T = TypeVar("T")
_AT_ONCE: Final = 16
_BATCH: Final = 500
_TWICE: Final = 20


async def test_the_1650_leads_of_the_worked_example_give_its_table_through_the_doors(data_home: Path) -> None:
    by_source = example.people(random.Random(1650))
    everybody = [person for persons in by_source.values() for person in persons]
    async with a_product(data_home / "data", audited=False, BATON_CURRENCY="CNY") as product:  # audited below
        await set_up(product)
        await come_in(product, by_source)
        leads = await ids(product)
        assert set(leads) == {person.email for person in everybody}
        await engage(product, everybody)
        await at_rest(product)

        handoffs = {item["lead_id"]: item for item in await listed(product, "/v1/handoffs")}
        for_sales = [person for person in everybody if person.fate.is_for_sales]
        assert set(handoffs) == {leads[person.email] for person in for_sales}
        shares = Counter(item["owner"] for item in handoffs.values())
        assert set(shares) == set(example.REPS)
        assert max(shares.values()) - min(shares.values()) <= 1
        await each_of(for_sales, lambda person: sold(product, person, handoffs[leads[person.email]]))
        await pay(product)
        await at_rest(product)

        await the_table_stands(product)
        await the_campaigns_pay(product)
        await everybody_is_somewhere(product, everybody)
        code, said = await product.baton("audit")
        assert code == 0, said
        assert "0 unexplained" in said


async def set_up(product: Product) -> None:
    """What marketing and the managers publish before the first lead comes."""
    for name, value in example.SECRETS.items():
        await asked(product, "PUT", f"/v1/secrets/{name}", json={"value": value})
    policies = {
        "calendars": example.CALENDARS, "routing": example.ROUTING, "fields": example.FIELDS, "doors": example.DOORS
    }  # fmt: skip
    for kind, body in policies.items():
        await asked(product, "PUT", f"/v1/policies/{kind}", json=body)


async def come_in(product: Product, by_source: dict[str, list[Person]]) -> None:
    """Each source by its own doors; what vendors send twice, and a test lead, change nothing."""
    search, form, show = by_source[SEARCH.source], by_source[FORM.source], by_source[SHOW.source]
    posts = [*map(example.google, search[:400]), *map(example.baidu, search[400:600])]
    posts += map(example.typeform, form[:250])
    posts.append(example.google(Person(99_999, SEARCH, Fate.WON, 0), is_test=True))
    repeats = [*posts[:_TWICE], *posts[-_TWICE:]]

    async def knock(post: Post) -> None:
        await asked(product, "POST", post.path, content=post.content, headers=post.headers)

    async def fill_form(person: Person) -> None:
        tracking = {"utm_source": "搜索广告"} if person.line is SEARCH else {}
        data = {**person.named, **tracking, "utm_campaign": str(person.line.campaign)}
        await asked(product, "POST", "/v1/forms/site", data=data, headers={"accept": "application/json"})

    async def recommend(person: Person) -> None:
        body = {**person.named, "source": "转介绍", "referred_by": "老客户 常州明达"}
        await asked(product, "POST", "/v1/leads", json=body, headers={"idempotency-key": f"crm-{person.n}"})

    files = (("expo.xlsx", example.sheet(show[:200])), ("expo.csv", example.table(show[200:])))
    for name, content in (*files, *files):
        await imported(product, name, content)
    await each_of(posts, knock)
    await each_of([*search[600:], *form[250:]], fill_form)
    await each_of([*by_source[REFERRAL.source], *by_source[REFERRAL.source][:_TWICE]], recommend)
    await each_of(repeats, knock)


async def imported(product: Product, name: str, content: bytes) -> None:
    """Import a file of the trade show and wait until every row has been read."""
    stamped = {"door": "expo", "event": "上海工业展", "campaign": SHOW.campaign}
    answer = await asked(product, "POST", "/v1/imports", params=stamped, files={"file": (name, content)})
    path = f"/v1/imports/{answer['import_id']}"
    found: dict[str, Any] = {}

    async def read() -> bool:
        found.update(await asked(product, "GET", path))
        return found["state"] != "reading"

    await until(read, at_most_s=60)
    assert found["state"] == "done", found


async def engage(product: Product, everybody: Sequence[Person]) -> None:
    """What the site's tracker saw, told by e-mail address, in batches and in no order."""
    items = [{"kind": kind, "email": person.email} for person in everybody for kind in person.fate.does]
    random.Random(7).shuffle(items)
    for start in range(0, len(items), _BATCH):
        told = await asked(product, "POST", "/v1/engagements", json={"items": items[start : start + _BATCH]})
        assert {item["status"] for item in told["items"]} == {"accepted"}


async def sold(product: Product, person: Person, handoff: dict[str, Any]) -> None:
    """The rep calls, and says what it came to."""
    lead, path = f"/v1/leads/{handoff['lead_id']}", f"/v1/handoffs/{handoff['handoff_id']}"
    await asked(product, "POST", f"{path}/contacts", json={"channel": "phone", "result": "reached"})
    if person.fate is Fate.REFUSED:
        await asked(product, "POST", f"{path}/reject", json={"reason": "insufficient_budget", "rating": 2})
        return
    checklist = {
        "pain_point": "Excel", "current_solution": "无", "timeframe": "1_month", "definite_project": True,
        "budget": "yes", "decision_maker": True,
    }  # fmt: skip
    await asked(product, "PATCH", f"{lead}/checklist", json=checklist)
    await asked(product, "POST", f"{lead}/status", json={"status": "activated"})
    opened = await asked(product, "POST", "/v1/opportunities", json={"lead_id": handoff["lead_id"]})
    path = f"/v1/opportunities/{opened['opportunity_id']}/stage"
    await asked(product, "POST", path, json={"stage": "proposal"})
    if person.fate is Fate.WON:
        won = {"stage": "won", "amount_minor": person.won_minor, "currency": "CNY"}
        await asked(product, "POST", path, json=won)
    elif person.fate is Fate.LOST:
        await asked(product, "POST", path, json={"stage": "lost", "reason": "competitor"})


async def pay(product: Product) -> None:
    """What marketing paid this month: two lines by hand, the rest from a file, which is sent twice."""
    month = f"{datetime.now(UTC):%Y-%m}"
    rows = [
        {"month": month, "source": line.source, "campaign": line.campaign or "", "amount": str(line.cost_yuan),
         "currency": "CNY", "kind": "marketing"}
        for line in LINES
    ]  # fmt: skip
    await asked(product, "POST", "/v1/spend", json=rows[:2])
    file = "\n".join([",".join(rows[0]), *(",".join(row.values()) for row in rows[2:])])
    for _ in range(2):
        await asked(product, "POST", "/v1/spend", content=file.encode(), headers={"content-type": "text/csv"})


async def the_table_stands(product: Product) -> None:
    """The report as people read it, its CSV, and the funnel's whole numbers."""
    report = await asked(product, "GET", "/v1/reports/source-funnel")
    names = [column["id"] for column in report["columns"]]
    shown = [tuple(text_of(row[name]) for name in names) for row in (*report["rows"], report["total"])]
    assert shown == [(line.source, *line.texts) for line in (*LINES, example.in_all())]

    csv = (await product.http.get("/v1/export/source-funnel.csv")).raise_for_status().text
    assert [row.split(",") for row in csv.splitlines()[1:]] == [
        [row[0], *(plain(text) for text in row[1:7]), *(f"{Decimal(plain(text)):.2f}" for text in row[7:])]
        for row in shown
    ]

    funnel = await asked(product, "GET", "/v1/funnel", params={"by": "source"})
    counted = ("leads", "mql", "opportunities", "won_amount_minor", "won")
    assert {row["source"]: tuple(row[name] for name in counted) for row in funnel["rows"]} == {
        line.source: (line.leads, line.mql, line.opportunities, line.won_yuan * 100, line.deals) for line in LINES
    }


async def the_campaigns_pay(product: Product) -> None:
    """Each source has one campaign, referrals have none: what each cost, and won amount / cost."""
    report = await asked(product, "GET", "/v1/reports/campaign-roi")
    shown = {row["campaign"]: row for row in report["rows"]}
    assert set(shown) == {line.campaign or "unknown" for line in LINES}
    rows = [(line, shown[line.campaign or "unknown"]) for line in LINES]
    for line, row in (*rows, (example.in_all(), report["total"])):
        assert (row["leads"], row["mql"], row["opportunities"], row["won"]) == (*line[1:4], line.deals)
        assert row["cost"]["amount_minor"] == line.cost_yuan * 100
        assert row["won_amount"]["amount_minor"] == line.won_yuan * 100
        assert row["roi"]["text"] == str(two_digits(line.won_yuan, line.cost_yuan))
        assert row["cost_per_lead"]["text"] == f"¥{two_digits(line.cost_yuan, line.leads):,}"
        assert row["cost_per_opportunity"]["text"] == f"¥{two_digits(line.cost_yuan, line.opportunities):,}"


async def everybody_is_somewhere(product: Product, everybody: Sequence[Person]) -> None:
    """Reconciliation: captured = the sum of where they are, which is where their fate left them."""
    picture: dict[str, Any] = {}

    async def settled() -> bool:
        picture.update(await asked(product, "GET", "/v1/reconciliation"))
        return not picture["stale"] and picture["in_flight"] == 0

    await until(settled, at_most_s=60)
    fates = Counter(person.fate for person in everybody)
    assert picture["unexplained"] == 0
    assert picture["captured"] == len(everybody) + 1  # and the test lead
    # whoever has an SQL's score without the behaviour is nurtured: warmer than an MQL, not colder
    assert picture["where"] == {
        "pool:raw": fates[Fate.QUIET] + fates[Fate.BELOW],
        "pool:nurture": fates[Fate.EDGE] + fates[Fate.READER] + fates[Fate.REFUSED] + fates[Fate.ALMOST],
        "opportunity": fates[Fate.OPEN],
        "pool:re-marketing": fates[Fate.LOST],
        "won": fates[Fate.WON],
        "test": 1,
    }


async def ids(product: Product) -> dict[str, str]:
    """Who is which lead, by e-mail address; the test lead aside."""
    leads = await listed(product, "/v1/leads")
    return {lead["fields"]["email"]: lead["lead_id"] for lead in leads if not lead["is_test"]}


async def listed(product: Product, path: str) -> list[dict[str, Any]]:
    """Every page of a list."""
    items: list[dict[str, Any]] = []
    cursor: str | None = None
    while True:
        page = await asked(product, "GET", path, params={"limit": 200, **({"cursor": cursor} if cursor else {})})
        items += page["items"]
        cursor = page["next"]
        if cursor is None:
            return items


async def at_rest(product: Product) -> None:
    """Wait until every service has consumed all that was emitted, two looks in a row."""
    hand = Hurry(product.http)
    before: list[Any] = []

    async def rests() -> bool:
        states = await hand.look()
        streams = [(state["emitted"], state["consumed"]) for state in states]
        same = before == streams
        before[:] = streams
        return same and unrest(states) is None

    await until(rests, at_most_s=120)


async def each_of(items: Iterable[T], act: Callable[[T], Awaitable[None]]) -> None:
    """Do something for each, some at once."""
    left = iter(items)

    async def worker() -> None:
        for item in left:
            await act(item)

    async with asyncio.TaskGroup() as group:
        for _ in range(_AT_ONCE):
            group.create_task(worker())


async def asked(product: Product, method: str, path: str, **what: Any) -> Any:
    """What a request is answered with; it must succeed."""
    answer = await product.http.request(method, path, **what)
    assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text[:500]}"
    return answer.json()


def text_of(cell: Any) -> str:
    return cell["text"] if isinstance(cell, dict) else str(cell)


def plain(text: str) -> str:
    """A number without what people read it by."""
    return text.removesuffix(" %").removeprefix("¥").replace(",", "")


def two_digits(numerator: int, denominator: int) -> Decimal:
    return (Decimal(numerator) / denominator).quantize(Decimal("0.01"), ROUND_HALF_UP)
