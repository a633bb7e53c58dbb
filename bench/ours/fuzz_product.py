"""The product as the fuzz has it: started on throw-away data, with leads, doors and policies, and spoken to by bytes."""

import asyncio
import os
import re
import signal
import sys
import tempfile
from collections import Counter, deque
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, Final
from uuid import uuid4

import httpx

from baton.ports import free_port
from bench.ours.fuzz_bodies import Known
from bench.ours.fuzz_requests import Request
from bench.ours.fuzz_samples import DOORS, SECRETS
from shared.contracts.topology import SERVICES

TOKEN: Final = "baton_admin_fuzz"  # noqa: S105 - of a server that lives for minutes
ANSWER_S: Final = 30.0
_ERROR: Final = re.compile(r'"event": "([^"]+)", "level": "(?:error|critical)"')
_WHY: Final = re.compile(r'"(?:why|fault|error|reason)": "([^"]+)"')
_ERRORS: Final = 15
_END_LINES: Final = 15
_LINE_CHARS: Final = 1500
KINDS: Final = tuple(
    f"/v1/policies/{kind}"
    for kind in ("doors", "fields", "scorecard", "routing", "sla", "nurture", "access", "calendars")
)
COMPLETE: Final[dict[str, Any]] = {
    "pain_point": "p", "current_solution": "s", "timeframe": "1_month", "definite_project": True, "budget": "yes",
    "decision_maker": True,
}  # fmt: skip
NAMES: Final = {
    "kind": ["doors", "fields", "scorecard", "routing", "sla", "nurture", "access", "calendars"],
    "pool": ["public", "nurture", "invalid"],
    "view": ["funnel", "leads", "spend", "weekly-pack", "rep-follow-up"],
    "name": ["source-funnel", "campaign-roi", "rep-follow-up", "forgotten-leads", "lateness-or-quality", "weekly-pack"],
}


@dataclass
class Connection:
    """A keep-alive connection that is made again whenever the server closed it."""

    port: int
    reader: asyncio.StreamReader | None = None
    writer: asyncio.StreamWriter | None = None

    async def send(self, request: Request) -> tuple[int, bytes]:
        """The status and the answer; 0 where there was none."""
        try:
            return await asyncio.wait_for(self._send(request), ANSWER_S)
        except (OSError, asyncio.IncompleteReadError, TimeoutError) as error:
            self.close()
            return 0, repr(error).encode()

    async def _send(self, request: Request) -> tuple[int, bytes]:
        reader, writer = self.reader, self.writer
        if reader is None or writer is None or writer.is_closing() or reader.at_eof():
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port, limit=2**22)
            self.reader, self.writer = reader, writer
        writer.write(request.wire())
        await writer.drain()
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        status = int(head[9:12])
        length = re.search(rb"content-length: (\d+)", head)
        said = await reader.readexactly(int(length[1])) if length else b""
        if not length or b"connection: close" in head:
            self.close()
        return status, said

    def close(self) -> None:
        if self.writer is not None:
            self.writer.close()
        self.reader = self.writer = None


@asynccontextmanager
async def product() -> AsyncGenerator[tuple[httpx.AsyncClient, int, int, Path]]:
    """The product on fresh data: a client, its port, its process, its directory."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="baton-fuzz-", ignore_cleanup_errors=True) as home:
        environment = {
            **os.environ, "BATON_PORT": str(port), "BATON_DATA_DIR": f"{home}/data", "BATON_ADMIN_TOKEN": TOKEN,
            "DEMO": "0", **SECRETS,
        }  # fmt: skip
        with open_log(Path(home)) as log:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "baton", "up", env=environment, stdout=log, stderr=log,
                stdin=asyncio.subprocess.DEVNULL, start_new_session=True,
            )  # fmt: skip
        headers = {"authorization": f"Bearer {TOKEN}"}
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=60) as http:
            try:
                await ready(http, process)
                yield http, port, process.pid, Path(home)
            finally:
                tell_errors(Path(home))
                if process.returncode is None:
                    process.send_signal(signal.SIGTERM)
                await asyncio.wait_for(process.wait(), 60)


async def is_alive(http: httpx.AsyncClient) -> bool:
    try:
        return (await http.get("/health/ready")).status_code == 200
    except httpx.TransportError:
        return False


def open_log(home: Path) -> BinaryIO:
    """The product's log, in a directory that PostgreSQL's account may pass through."""
    home.chmod(0o711)
    return (home / "log").open("wb")


async def parked(http: httpx.AsyncClient) -> int:
    """How many records no service could handle: each came of a request that should have been refused."""
    pages = [await http.get(f"/v1/ops/{service}/parked", params={"limit": 1000}) for service in SERVICES]
    return sum(len(page.raise_for_status().json()["items"]) for page in pages)


def logged(home: Path) -> dict[str, int]:
    """What went wrong away from any request, and how often: the errors that are not a request's."""
    found: Counter[str] = Counter()
    with (home / "log").open(errors="replace") as lines:
        for line in lines:
            said = _ERROR.search(line)
            if said is not None and said[1] != "a request fails":
                why = _WHY.search(line)
                found[f"{said[1]}: {why[1] if why else ''}"] += 1
    return dict(found.most_common(_ERRORS))


def tell_errors(home: Path) -> None:
    """What the product logged as an error, once each, and the end of the log."""
    errors: dict[str, None] = {}
    last: deque[str] = deque(maxlen=_END_LINES)
    with (home / "log").open(errors="replace") as lines:
        for line in lines:
            last.append(line[:_LINE_CHARS])
            if '"level": "error"' in line and len(errors) < _ERRORS:
                errors.setdefault(line.partition('"timestamp"')[0][:_LINE_CHARS])
    for line in [*errors, "the end of the log:", *last]:
        print(line.rstrip(), file=sys.stderr)


async def ready(http: httpx.AsyncClient, process: asyncio.subprocess.Process) -> None:
    for _ in range(1200):
        if process.returncode is not None:
            raise SystemExit(f"the product ended with {process.returncode}")
        try:
            if (await http.get("/health/ready")).status_code == 200:
                return
        except httpx.TransportError:
            pass
        await asyncio.sleep(0.1)
    raise SystemExit("the product was not ready within two minutes")


async def populate(http: httpx.AsyncClient) -> Known:
    """Doors of each kind, and a few leads with handoffs and tasks."""
    (
        await http.put("/v1/policies/calendars", json={"calendars": {"always": {}, "office": {}, "office-cn": {}}})
    ).raise_for_status()
    answer = await http.put("/v1/policies/doors", json={"doors": DOORS})
    if answer.is_error:
        raise SystemExit(answer.text)
    known = Known()
    for number in range(20):
        lead = a_lead(number)
        lead_id = (await http.post("/v1/leads", json=lead)).json()["lead_id"]
        known.ids["lead_id"].append(lead_id)
        for kind in ("demo_requested", "price_page_viewed"):
            engagement = {"id": str(uuid4()), "kind": kind, "occurred_at": datetime.now(UTC).isoformat()}
            await http.post(f"/v1/leads/{lead_id}/engagements", json=engagement)
    for _ in range(100):
        handoffs = (await http.get("/v1/handoffs")).json()["items"]
        if len(handoffs) >= 15:
            break
        await asyncio.sleep(0.2)
    for each in known.ids["lead_id"][:10]:
        await http.patch(f"/v1/leads/{each}/checklist", json=COMPLETE)
    for name, path in (
        ("handoff_id", "/v1/handoffs"), ("task_id", "/v1/tasks"), ("clock_id", "/v1/clocks"),
        ("submission_id", "/v1/submissions"), ("rep", "/v1/reps"),
    ):  # fmt: skip
        items = (await http.get(path)).json()["items"]
        known.ids[name] += [str(item.get(name) or item.get("id")) for item in items]
    known.ids |= {name: list(values) for name, values in NAMES.items()}
    for path in KINDS:
        known.policies[path] = (await http.get(path)).raise_for_status().json()["body"]
    known.policies["/v1/policies/scorecard/lint"] = known.policies["/v1/policies/scorecard"]
    entered = await http.post("/sign-in", data={"token": TOKEN}, headers={"origin": str(http.base_url)})
    known.session = "; ".join(f"{name}={value}" for name, value in entered.cookies.items())
    return known


def a_lead(number: int) -> dict[str, Any]:
    names = ("Linh", "Hoa", "Minh", "Tuan", "Quang", "Ada", "Bob", "Chen", "Dora", "Emil")
    name = names[number % 10] + names[number // 10 + 3]
    return {
        "name": f"{name} Fuzz", "email": f"{name.lower()}@{name.lower()}.example", "company": f"{name} Works", "title": "Founder",
        "industry": "manufacturing", "timeframe": "within a month", "source": "search_ads",
    }  # fmt: skip
