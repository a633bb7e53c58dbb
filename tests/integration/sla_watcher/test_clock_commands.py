"""POST /v1/clocks/{id}/pause, /resume and /excuse: what managers do, once each, and what is said of it."""

from typing import Any
from uuid import uuid4

import httpx

from shared.contracts import ClockBreached, ClockExcused, ClockPaused, ClockResumed, ClockRevoked, ClockWarned
from tests.integration.sla_watcher.tales import Tale, a_watch, at, let_time_pass, states
from tests.support.harness import Bench
from tests.support.postgres import MakeDatabase


async def clock_id(bench: Bench, tale: Tale, promise: str = "first_contact") -> str:
    shown = await bench.client.get("/v1/clocks", params={"lead_id": str(tale.lead_id)})
    (found,) = [each["clock_id"] for each in shown.json()["items"] if each["promise"] == promise]
    return found


async def act(
    bench: Bench, clock: str, verb: str, reason: str | None = "illness", *, role: str = "manager", **headers: str
) -> httpx.Response:
    body: dict[str, Any] = {} if reason is None else {"reason": reason}
    named = {"Authorization": f"Bearer {role}", **{name.replace("_", "-"): value for name, value in headers.items()}}
    return await bench.client.post(f"/v1/clocks/{clock}/{verb}", json=body, headers=named)


async def test_a_paused_clock_stands_until_it_is_resumed(make_database: MakeDatabase) -> None:
    linh = Tale()
    async with a_watch(make_database) as bench:
        await bench.deliver([linh.assigned("mon 09:40")])
        clock = await clock_id(bench, linh)
        bench.clock.now = at("mon 10:00")
        assert (await act(bench, clock, "pause")).json()["state"] == "paused"
        await let_time_pass(bench, at("mon 17:00"))
        assert [
            each
            for each in await bench.emitted(ClockBreached, ClockWarned)
            if getattr(each, "promise", "") == "first_contact"
        ] == []
        answer = await act(bench, clock, "resume", None)
        assert (answer.status_code, answer.json()["due_at"], answer.json()["state"]) == (
            200,
            at("tue 09:40").isoformat().replace("+00:00", "Z"),
            "running",
        )
        due = await bench.client.get("/v1/clocks", params={"due_before": at("mon 18:00").isoformat()})
        assert clock not in {each["clock_id"] for each in due.json()["items"]}
        await let_time_pass(bench, at("tue 09:40"))
        (paused,) = await bench.emitted(ClockPaused)
        (resumed,) = await bench.emitted(ClockResumed)
        assert isinstance(paused, ClockPaused)
        assert isinstance(resumed, ClockResumed)
        assert (paused.reason, paused.by, paused.occurred_at) == ("illness", "manager", at("mon 10:00"))
        assert (resumed.paused_at, resumed.due_at) == (at("mon 10:00"), at("tue 09:40"))
        assert await states(bench, linh, "first_contact") == ["breached"]


async def test_an_excused_breach_is_said_once(make_database: MakeDatabase) -> None:
    linh = Tale()
    async with a_watch(make_database) as bench:
        await bench.deliver([linh.assigned("mon 09:40")])
        await let_time_pass(bench, at("mon 12:00"))
        clock = await clock_id(bench, linh)
        first = await act(bench, clock, "excuse", Idempotency_Key="k1")
        again = await act(bench, clock, "excuse", Idempotency_Key="k1")
        assert (first.status_code, again.status_code, first.content == again.content) == (200, 200, True)
        anew = await act(bench, clock, "excuse")
        assert (anew.status_code, anew.json()["state"]) == (409, "excused")
        (excused,) = await bench.emitted(ClockExcused)
        assert isinstance(excused, ClockExcused)
        assert (excused.owner, excused.by, excused.reason, excused.breached) == ("ann", "manager", "illness", True)
        await bench.deliver([linh.contacted("mon 11:00", recorded="mon 12:05")])
        assert len(await bench.emitted(ClockRevoked)) == 1


async def test_a_promise_let_go_in_advance_never_breaches(make_database: MakeDatabase) -> None:
    linh = Tale()
    async with a_watch(make_database) as bench:
        await bench.deliver([linh.assigned("mon 09:40")])
        clock = await clock_id(bench, linh)
        assert (await act(bench, clock, "excuse")).status_code == 200
        await let_time_pass(bench, at("mon 12:00"))
        assert await bench.emitted(ClockBreached) == []
        (excused,) = await bench.emitted(ClockExcused)
        assert isinstance(excused, ClockExcused)
        assert excused.breached is False


async def test_what_is_refused(make_database: MakeDatabase) -> None:
    linh = Tale()
    async with a_watch(make_database) as bench:
        await bench.deliver([linh.assigned("mon 09:40")])
        clock = await clock_id(bench, linh)
        refused = [
            await act(bench, clock, "resume", None),
            await act(bench, str(uuid4()), "pause"),
            await act(bench, clock, "pause", role="rep:ann"),
            await act(bench, clock, "pause", None),
            await act(bench, clock, "pause", "He said he is ill"),
        ]
        assert [each.status_code for each in refused] == [409, 404, 403, 422, 422]
        assert await bench.emitted(ClockPaused, ClockExcused) == []
