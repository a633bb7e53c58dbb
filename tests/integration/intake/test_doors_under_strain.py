"""What senders are told when intake can't take their submission, and where operators see it."""

import asyncio
from collections import Counter

import httpx
import pytest

from intake import group
from intake.disk import Disk
from intake.main import service
from tests.integration.intake.doors import DOORS, FORM, JSON, SECRETS, a_lead, counts, google, intake
from tests.support.harness import Bench, a_service
from tests.support.postgres import MakeDatabase

BROWSER = {**FORM, "Accept": "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8", "Sec-Fetch-Mode": "navigate"}


def refused(bench: Bench) -> dict[tuple[str, str], float]:
    """The counter of refusals, by door and reason."""
    return {
        (sample.labels["door"], sample.labels["why"]): sample.value
        for family in bench.desk.meters.registry.collect()
        for sample in family.samples
        if sample.name == "baton_door_refused_total"
    }


async def test_every_refusal_at_a_door_is_in_the_metrics(make_database: MakeDatabase) -> None:
    async with intake(make_database) as bench:
        for content in (google("1", key="wrong"), google("2", key="wrong"), b"{"):
            await bench.client.post("/v1/hooks/google-main", content=content, headers=JSON)
        await bench.client.post("/v1/hooks/google-bare", content=google("1"), headers=JSON)
        await bench.client.post("/v1/hooks/nowhere", content=b"{}", headers=JSON)
        await bench.client.post("/v1/leads", json={"name": "Nobody"})
        huge = await bench.client.post("/v1/forms/site", content=b"a=" + b"x" * 300_000, headers=FORM)
        assert huge.status_code == 413
        other = {**FORM, "Origin": "https://evil.example"}
        await bench.client.post("/v1/forms/page", content="email=c%40example.com", headers=other)
        assert refused(bench) == {
            ("google-main", "unproven"): 2,
            ("google-main", "unreadable"): 1,
            ("google-bare", "no-secret"): 1,
            ("-", "no-door"): 1,
            ("api", "no-lead"): 1,
            ("site", "body-too-large"): 1,
            ("page", "origin"): 1,
        }


async def test_a_nearly_full_disk_turns_submissions_away_until_there_is_room(make_database: MakeDatabase) -> None:
    free = [4.9]
    tight = service(Disk(lambda: free[0], look_again_s=0))
    async with a_service(tight, make_database, presets={"doors": DOORS}, secrets=SECRETS) as bench:
        before = await counts(bench)
        posts = [
            bench.client.post("/v1/leads", json=a_lead()),
            bench.client.post("/v1/hooks/google-main", content=google("1")),
            bench.client.post("/v1/forms/site", content="email=ann%40example.com", headers=FORM),
            bench.client.post("/v1/engagements", json=[{"email": "ann@example.com", "kind": "visited"}]),
        ]
        for reply in await asyncio.gather(*posts):
            assert (reply.status_code, reply.headers["Retry-After"]) == (503, "60"), reply.text
        assert await counts(bench) == before
        assert refused(bench)["api", "disk-full"] == 1
        free[0] = 50
        assert (await bench.client.post("/v1/leads", json=a_lead())).status_code == 202


async def test_who_comes_when_too_many_wait_is_told_to_come_again(
    make_database: MakeDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group, "_MAX_WAITING", 3)
    async with intake(make_database) as bench:
        assert (await bench.client.post("/v1/leads", json=a_lead())).status_code == 202
        posts = [bench.client.post("/v1/leads", json=a_lead(email=f"a{n}@example.com")) for n in range(40)]
        replies: list[httpx.Response] = await asyncio.gather(*posts)
        statuses = Counter(reply.status_code for reply in replies)
        assert statuses.keys() == {202, 503}
        assert all(reply.headers["Retry-After"] for reply in replies if reply.status_code == 503)
        [kept] = await bench.rows("select count(*) as n from lead")
        assert kept["n"] == statuses[202] + 1
        assert refused(bench)["api", "busy"] == statuses[503]


@pytest.mark.parametrize(
    ("defaults", "language", "words"),
    [
        ({}, "en", "Your message has arrived"),
        ({"language": "zh-CN"}, "zh", "谢谢"),
        ({"language": "vi"}, "vi", "Cảm ơn"),
        ({"country": "VN"}, "vi", "Cảm ơn"),
    ],
)
async def test_a_browsers_form_without_a_thanks_page_leads_to_the_built_in_one(
    make_database: MakeDatabase, defaults: dict[str, str], language: str, words: str
) -> None:
    doors = {"doors": {"site": {"kind": "html", "defaults": defaults}}}
    async with intake(make_database, doors=doors) as bench:
        reply = await bench.client.post("/v1/forms/site", content="email=ann%40example.com", headers=BROWSER)
        assert reply.status_code == 303
        where = reply.url.join(reply.headers["Location"])
        assert where.path == "/v1/forms/site/thanks"
        page = await bench.client.get(where, headers={"Authorization": ""})
        assert page.status_code == 200
        assert page.headers["Content-Type"].startswith("text/html")
        assert f'lang="{language}"' in page.text
        assert words in page.text
        assert (await bench.client.get("/v1/forms/nowhere/thanks")).status_code == 404
