"""The scorer's REST API: a score with its reasons, and the way of a scorecard from draft to live."""

from typing import Any

import pytest

from scorer.policies import preset
from shared.contracts import Attributes
from shared.runtime.ids import new_id
from tests.integration.scorer.builders import LINH, a_lead, a_scorer, minutes, scored
from tests.support.harness import Bench
from tests.support.postgres import MakeDatabase
from tests.unit.scorer.builders import a_document

SCORECARD = "/v1/policies/scorecard"
BROKEN = a_document(
    groups=[{"name": "fit"}],
    rules=[{"id": "industry", "group": "fitt", "points": "many", "when": 'lead.industri == "retail"'}],
)


def points_of(answer: dict[str, Any]) -> list[tuple[str, int]]:
    return [(part["rule"], part["points_milli"]) for part in answer["parts"]]


async def test_a_score_is_shown_with_every_reason(make_database: MakeDatabase) -> None:
    async with a_scorer(make_database) as bench:
        linh = a_lead()
        engaged = linh.did("demo_requested", minutes(60))
        await bench.deliver([linh.captured(), engaged])
        bench.clock.now = minutes(90)
        answer = (await bench.client.get(f"/v1/scores/{linh.id}", params={"lang": "vi"})).json()
        assert (answer["score"], answer["shown"], answer["tier"], answer["label"]) == (75, "75", "mql", "MQL")
        assert (answer["scorecard_version"], answer["at"]) == (1, "2026-11-16T10:30:00Z")
        assert sum(part["points_milli"] for part in answer["parts"]) == answer["score_milli"] == 75_000
        demo = next(part for part in answer["parts"] if part["rule"] == "demo")
        assert demo == {
            "rule": "demo",
            "kind": "rule",
            "title": "Đặt lịch demo",
            "fact": {
                "kind": "demo_requested",
                "title": "Đặt lịch demo",
                "id": str(engaged.engagement_id),
                "occurred_at": "2026-11-16T10:00:00Z",
            },
            "points": 30,
            "points_milli": 30_000,
            "age_s": 1800,
            "age": "30 phút trước",
        }
        assert answer["next_tier"] == {"tier": "sql", "missing": 5, "missing_milli": 5_000}
        assert answer["episodes"] == []


async def test_caps_are_reasons_too_and_titles_speak_the_readers_language(make_database: MakeDatabase) -> None:
    async with a_scorer(make_database) as bench:
        lead = a_lead()
        kinds = ("demo_requested", "trial_requested", "case_study_downloaded")
        await bench.deliver([lead.captured(LINH), *(lead.did(kind) for kind in kinds)])
        titles: dict[str, str] = {}
        for lang in ("en", "zh", "vi"):
            answer = (await bench.client.get(f"/v1/scores/{lead.id}", params={"lang": lang})).json()
            assert sum(points for _, points in points_of(answer)) == answer["score_milli"] == 100_000
            (cap,) = [part for part in answer["parts"] if part["kind"] == "cap"]
            assert (cap["rule"], cap["points"], cap["fact"]) == ("behaviour", -15, None)
            titles[lang] = cap["title"]
        assert titles["en"] == "The most that “behaviour” can give: 60"
        assert len(set(titles.values())) == 3
        assert (await bench.client.get(f"/v1/scores/{lead.id}", params={"lang": "fr"})).status_code == 422


async def test_a_score_is_the_one_of_this_moment(make_database: MakeDatabase) -> None:
    async with a_scorer(make_database, **a_document(decay="linear(10)")) as bench:
        lead = a_lead()
        await bench.deliver([lead.captured(LINH)])
        bench.clock.now = minutes(24 * 60)
        answer = (await bench.client.get(f"/v1/scores/{lead.id}")).json()
        assert points_of(answer) == [("industry", 45_000)]
        assert answer["parts"][0]["title"] == "industry"  # no title in the scorecard: its id
        assert (await scored(bench))[-1].score_milli == 50_000


async def test_an_unknown_lead_has_no_score(make_database: MakeDatabase) -> None:
    async with a_scorer(make_database) as bench:
        answer = await bench.client.get(f"/v1/scores/{new_id()}")
        assert (answer.status_code, answer.json()["type"]) == (404, "urn:baton:problem:not-scored")


async def test_a_scorecard_goes_from_draft_to_live(make_database: MakeDatabase) -> None:
    async with a_scorer(make_database) as bench:
        first = (await bench.client.get(SCORECARD)).json()
        assert (first["version"], first["body"], first["draft"]) == (1, preset(), None)

        saved = await bench.client.put(SCORECARD, json=a_document(), headers={"If-Match": '"1"'})
        assert (saved.status_code, saved.headers["etag"]) == (200, '"1"')
        assert saved.json() == {"kind": "scorecard", "draft": True, "based_on": 1, "lint": []}
        drafted = (await bench.client.get(SCORECARD)).json()
        assert (drafted["version"], drafted["draft"]["body"]) == (1, a_document())
        await bench.deliver([a_lead().captured()])
        assert (await scored(bench))[-1].scorecard_version == 1  # a draft scores nobody

        live = await bench.client.post(f"{SCORECARD}/publish", headers={"Idempotency-Key": "monday"})
        assert (live.status_code, live.headers["etag"]) == (200, '"2"')
        assert live.json() == {"kind": "scorecard", "version": 2, "lint": []}
        now = (await bench.client.get(SCORECARD)).json()
        assert (now["version"], now["body"], now["draft"], now["published_by"]) == (2, a_document(), None, "admin")
        await bench.deliver([a_lead().captured(Attributes(industry="manufacturing"))])
        assert (await scored(bench))[-1].scorecard_version == 2

        again = await bench.client.post(f"{SCORECARD}/publish", headers={"Idempotency-Key": "monday"})
        assert again.json() == live.json()
        assert (await bench.client.post(f"{SCORECARD}/publish")).status_code == 409
        assert await versions(bench) == [1, 2]


async def test_a_broken_scorecard_is_refused_and_every_problem_says_where(make_database: MakeDatabase) -> None:
    async with a_scorer(make_database) as bench:
        refused = await bench.client.put(SCORECARD, json=BROKEN)
        assert refused.status_code == 422
        problems = refused.json()["problems"]
        assert {problem.partition(":")[0] for problem in problems} == {
            "rules[0].group",
            "rules[0].points",
            "rules[0].when",
        }
        linted = (await bench.client.post(f"{SCORECARD}/lint", json=BROKEN)).json()
        assert linted["publishable"] is False
        group = next(problem for problem in linted["problems"] if problem["path"] == "rules[0].group")
        assert (group["what"], group["severity"]) == ("there is no group fitt", "error")
        assert "fit" in group["fix"]
        assert (await bench.client.get(SCORECARD)).json()["draft"] is None
        assert (await bench.client.post(f"{SCORECARD}/lint", json=["no", "table"])).json()["publishable"] is False
        assert (await bench.client.put(SCORECARD, json=["no", "table"])).status_code == 422


async def test_lint_warns_and_keeps_nothing(make_database: MakeDatabase) -> None:
    async with a_scorer(make_database) as bench:
        unreachable = a_document(rules=a_document()["rules"][:1], qualify="score >= 50")
        linted = (await bench.client.post(f"{SCORECARD}/lint", json=unreachable)).json()
        assert linted["publishable"] is True
        assert {problem["severity"] for problem in linted["problems"]} == {"warning"}
        tried = (await bench.client.put(SCORECARD, params={"dry_run": "1"}, json=unreachable)).json()
        assert tried["dry_run"] is True
        assert len(tried["lint"]) == len(linted["problems"])
        assert (await bench.client.get(SCORECARD)).json()["draft"] is None


async def test_a_change_of_what_was_not_read_is_refused(make_database: MakeDatabase) -> None:
    async with a_scorer(make_database) as bench:
        await bench.client.put(SCORECARD, json=a_document())
        assert await bench.publish("scorecard", a_document(decay="window(7)")) == 2
        assert (await bench.client.put(SCORECARD, json=preset(), headers={"If-Match": '"1"'})).status_code == 412
        late = await bench.client.post(f"{SCORECARD}/publish")
        assert (late.status_code, late.json()["type"]) == (412, "urn:baton:problem:policy-changed")
        assert await versions(bench) == [1, 2]


async def test_who_may_change_a_scorecard(make_database: MakeDatabase) -> None:
    async with a_scorer(make_database) as bench:
        rep = {"Authorization": "Bearer rep:minh"}
        assert (await bench.client.put(SCORECARD, json=a_document(), headers=rep)).status_code == 403
        assert (await bench.client.post(f"{SCORECARD}/publish", headers=rep)).status_code == 403
        marketer = {"Authorization": "Bearer marketer"}
        assert (await bench.client.put(SCORECARD, json=a_document(), headers=marketer)).status_code == 200
        assert (await bench.client.get(SCORECARD)).json()["draft"]["saved_by"] == "marketer"


async def versions(bench: Bench) -> list[int]:
    rows = await bench.rows("select version from policy where kind = 'scorecard' order by version")
    return [row["version"] for row in rows]


async def test_nobody_publishes_a_scorecard_past_its_draft(make_database: MakeDatabase) -> None:
    async with a_scorer(make_database) as bench:
        before = (await bench.client.get(SCORECARD)).json()
        ops = "/v1/ops/scorer/policies/scorecard"
        answer = await bench.client.put(ops, json=before["body"])
        assert answer.status_code == 409, answer.text
        assert answer.json()["type"].endswith("drafted")
        assert SCORECARD in answer.json()["detail"]
        assert (await bench.client.get(ops)).json()["version"] == before["version"]
        assert (await bench.client.get(SCORECARD)).json() == before


@pytest.mark.parametrize(
    "odd",
    [b"1" + b"0" * 400, b"-9223372036854775809", b'"\\ud800"', b'"\\u0000"', b"NaN", b"1e999", b'{"a":[' * 200 + b"]}" * 200],
    ids=["digits", "below-int64", "surrogate", "nul", "nan", "infinite", "nesting"],
)  # fmt: skip
async def test_a_scorecard_that_cannot_be_kept_is_refused_wherever_it_is_sent(
    make_database: MakeDatabase, odd: bytes
) -> None:
    document = b'{"tiers": [{"name": "a", "from": ' + odd + b', "action": "store"}], "when": ' + odd + b"}"
    async with a_scorer(make_database) as bench:
        for method, path, body in (
            ("PUT", SCORECARD, document),
            ("PUT", f"{SCORECARD}?dry_run=1", document),
            ("POST", f"{SCORECARD}/lint", document),
            ("POST", "/v1/backtests", b'{"scorecard": ' + document + b"}"),
        ):
            answer = await bench.client.request(
                method, path, content=body, headers={"Content-Type": "application/json"}
            )
            assert answer.status_code in {400, 422}, (path, answer.text)


@pytest.mark.parametrize(
    "window",
    [{"from": "0001-01-01T00:00:00Z"}, {"to": "9999-12-31T23:59:59.999999Z"}, {"from": "0001-01-01T00:00:00+14:00"}],
)
async def test_a_backtest_of_instants_that_are_none_is_refused_and_not_tried_for_ever(
    make_database: MakeDatabase, window: dict[str, str]
) -> None:
    async with a_scorer(make_database) as bench:
        answer = await bench.client.post("/v1/backtests", json={"scorecard": preset(), **window})
        assert answer.status_code == 422, answer.text
