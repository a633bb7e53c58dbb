"""Doors, bodies and small questions for intake's integration tests."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import orjson

from intake.main import service
from tests.support.harness import Bench, a_service
from tests.support.postgres import MakeDatabase

SAMPLES = Path(__file__).parents[2] / "samples" / "webhooks"
GRAVITY = {
    "kind": "generic",
    "id": "id",
    "dedupe": ["form_id", "id"],
    "token": {"secret": "gravity-token"},
    "map": {"name": "{1.3} {1.6}", "email": "2", "phone": "3", "company": "4", "created_at": "date_created"},
}
DOORS: dict[str, Any] = {
    "doors": {
        "site": {"kind": "html", "defaults": {"country": "VN"}},
        "page": {"kind": "html", "thanks": "https://www.example.com/thanks", "origins": ["https://www.example.com"]},
        "google-main": {
            "kind": "google",
            "key": [{"env": "BATON_GOOGLE_KEY"}, {"secret": "old-key"}, {"secret": "page-key"}],
        },
        "google-bare": {"kind": "google", "key": {"env": "NOT_SET"}},
        "gravity": GRAVITY,
        "partner": {
            "kind": "generic",
            "items": "leads",
            "id": "ref",
            "verify": {"header": "X-Signature", "prefix": "sha256=", "secrets": [{"secret": "partner"}]},
        },
        "api": {"kind": "rest", "defaults": {"country": "VN"}},
    }
}
SECRETS = {
    "env:BATON_GOOGLE_KEY": "made-up-google-key",
    "secret:old-key": "xfdgdgsgfchgvhgfchg",
    "secret:page-key": "secret",
    "secret:gravity-token": "unguessable",
    "secret:partner": "shared secret",
    "baton:passes": "of this test",
}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
JSON = {"Content-Type": "application/json"}


@asynccontextmanager
async def intake(make_database: MakeDatabase, **more: Mapping[str, Any]) -> AsyncGenerator[Bench]:
    """Intake with these doors."""
    presets = {"doors": DOORS, **more}
    async with a_service(service(), make_database, presets=presets, secrets=SECRETS) as bench:
        yield bench


def google(lead_id: str, email: str = "ann@example.com", key: str = "made-up-google-key", **more: Any) -> bytes:
    """A lead form notification."""
    columns = [
        {"column_id": "FULL_NAME", "string_value": "Ann Planted-Name"},
        {"column_id": "EMAIL", "string_value": email},
    ]
    return orjson.dumps({"lead_id": lead_id, "user_column_data": columns, "google_key": key, "campaign_id": 7, **more})


def a_lead(**fields: Any) -> dict[str, Any]:
    """A body of our own capture."""
    return {"name": "Ann Planted-Name", "email": "ann@example.com", "source": "trade_show", **fields}


async def counts(bench: Bench) -> dict[str, int]:
    """How many rows there are of everything that a request could leave."""
    tables = ("lead", "identity_key", "submission", "engagement", "arrival_tally", "capture_tally", "outbox", "command")
    union = " union all ".join(f"select '{table}' as name, count(*) as n from {table}" for table in tables)
    return {row["name"]: row["n"] for row in await bench.rows(union)}


async def balance(bench: Bench) -> None:
    """Accepted = captured + further + repeat + awaiting + parked + ignored, and what is kept agrees."""
    tally: dict[str, dict[str, int]] = {}
    for row in await bench.rows("select door, state, count from arrival_tally"):
        tally.setdefault(row["door"], {})[row["state"]] = row["count"]
    for door, by_state in tally.items():
        accepted = by_state.pop("accepted")
        assert accepted == sum(by_state.values()), (door, accepted, by_state)
    kept = await bench.rows("select door, state, count(*) as n from submission where state <> 'repeat' group by 1, 2")
    for row in kept:
        assert tally[row["door"]][row["state"]] == row["n"], row
