"""Commands that act: parked records, consumers, rebuilds, keys, epochs, and a look at the machine."""

import asyncio
import shutil
import subprocess
import sys
from datetime import timedelta
from typing import Annotated, Any

import typer
from rich.markup import escape
from sqlalchemy import text

from baton.cli.client import Json, Token, Url, console, fail, known_service, moment, remote, show, table
from baton.embedded import databases
from baton.settings import Settings, database_name
from shared.contracts.topology import SERVICES
from shared.http.access import ROLES, new_token
from shared.runtime.clock import system_clock
from shared.runtime.node import new_epoch
from shared.store.engine import engine
from shared.store.postgres import PostgresError
from shared.store.register import begin_epoch

parked = typer.Typer(help="Records that could not be handled, kept with their lead", no_args_is_help=True)
consumers = typer.Typer(help="Who reads which service's events", no_args_is_help=True)
replay = typer.Typer(help="Rebuild what can be rebuilt", no_args_is_help=True)
key = typer.Typer(help="API keys", no_args_is_help=True)
store = typer.Typer(help="A service's database", no_args_is_help=True)

_FREE_DISK_SHARE = 0.05
_PATIENCE_S = 30


@parked.command("list")
def parked_list(url: Url = "", token: Token = "", as_json: Json = False) -> None:
    """Every parked record, and what waits behind it."""
    there = remote(url, token)
    rows = [{"service": name, **row} for name in SERVICES for row in there.all(f"/v1/ops/{name}/parked")]
    if show(rows, as_json=as_json):
        return
    for row in rows:  # no table: an id that is cut off can't be released
        words = f"{row['service']} {row['id']}  {row['topic']} of lead {row['lead_id']}, {row['state']}"
        console.print(f"{words} since {moment(row['parked_at'])}", highlight=False, soft_wrap=True)
        console.print(f"  {escape(str(row['reason']))}", highlight=False, soft_wrap=True)
    console.print(
        "`baton parked release SERVICE ID` handles it again, `discard` gives it up" if rows else "nothing is parked"
    )


@parked.command("release")
def parked_release(service: str, parked_id: str, url: Url = "", token: Token = "") -> None:
    """Handle a parked record again, with all that waits behind it."""
    done = remote(url, token).send("POST", f"/v1/ops/{known_service(service)}/parked/{parked_id}/release")
    console.print(f"released {done['released']} records of lead {done['lead_id']}")


@parked.command("discard")
def parked_discard(service: str, parked_id: str, url: Url = "", token: Token = "") -> None:
    """Give a parked record up."""
    done = remote(url, token).send("POST", f"/v1/ops/{known_service(service)}/parked/{parked_id}/discard")
    console.print(f"discarded; lead {done['lead_id']}")


@consumers.command("list")
def consumers_list(url: Url = "", token: Token = "", as_json: Json = False) -> None:
    """Every registered consumer and how far behind it is; the slowest one pins the outbox."""
    there = remote(url, token)
    rows: list[dict[str, Any]] = []
    for producer in SERVICES:
        totals: dict[str, dict[str, Any]] = {}
        for item in there.get(f"/v1/ops/{producer}/consumers")["items"]:
            row = totals.setdefault(
                item["service"], {"producer": producer, "consumer": item["service"], "behind": 0, "reported_at": ""}
            )
            row["behind"] += item["behind"]
            row["reported_at"] = max(row["reported_at"], item["reported_at"])
        rows += totals.values()
    if not show(rows, as_json=as_json):
        rows = [{**row, "reported_at": moment(row["reported_at"])} for row in rows]
        table(["producer", "consumer", "behind", "reported_at"], rows, empty="no consumers are registered")


@consumers.command("remove")
def consumers_remove(producer: str, consumer: str, url: Url = "", token: Token = "") -> None:
    """Take a retired consumer out of a producer's register, so that it pins the outbox no longer."""
    done = remote(url, token).send("DELETE", f"/v1/ops/{known_service(producer)}/consumers/{consumer}")
    console.print(f"removed {done['removed']} from {done['streams']} streams of {producer}")


@replay.command("analytics")
def replay_analytics(url: Url = "", token: Token = "", as_json: Json = False) -> None:
    """Rebuild analytics' facts and figures from the events that it keeps."""
    done = remote(url, token).send("POST", "/v1/ops/analytics/rebuild", timeout=3600)
    if not show(done, as_json=as_json):
        left = f"{done['lanes_left']} lanes and {done['leads_left']} leads are left"
        console.print(f"rebuilding beside the live figures: {left}; asked again, this says how far it is")


@key.command("create")
def key_create(
    role: Annotated[str, typer.Option(help=f"one of {', '.join(sorted(ROLES))}")],
    name: Annotated[str, typer.Option(help="the key's id, as audits show it")],
    rep: Annotated[str, typer.Option(help="the rep it acts as (role rep)")] = "",
    teams: Annotated[str, typer.Option(help="the teams it is bound to, TEAM,TEAM (role manager); else all")] = "",
    days: Annotated[int, typer.Option(help="days until it expires; 0 for never")] = 0,
    url: Url = "",
    token: Token = "",
    as_json: Json = False,
) -> None:
    """Make a key, publish it to all five services, and print it once."""
    if not name.isalnum():
        raise fail("a key's name is letters and digits only")
    bound = [team.strip() for team in teams.split(",") if team.strip()]
    if bound and role != "manager":
        raise fail(f"--teams bounds a manager's key; the role {role} has its own bounds")
    there = remote(url, token)
    made, sha256 = new_token(name)
    entry: dict[str, Any] = {"sha256": sha256, "role": role}
    if bound:
        entry["teams"] = bound
    if rep:
        entry["rep"] = rep
    if days:
        entry["expires_at"] = (system_clock() + timedelta(days=days)).isoformat()
    policy = there.get("/v1/policies/access")
    keys = policy["body"].get("keys", {})
    if name in keys:
        raise fail(f"there is a key {name!r} already; choose another name, or take it back: `baton key revoke {name}`")
    keys = {**keys, name: entry}
    who = there.send("PUT", "/v1/policies/access", json={"keys": keys})
    if not show({"key": name, "token": made, "teams": bound, "services": who["services"]}, as_json=as_json):
        bounds = f", bound to {', '.join(bound)}" if bound else ""
        console.print(f"key {name} ({role}{bounds}), known to {', '.join(who['services'])}:", highlight=False)
        typer.echo(made)
        console.print("It is shown this once; Baton keeps only its digest.")


@key.command("revoke")
def key_revoke(name: str, url: Url = "", token: Token = "") -> None:
    """Take a key back from all five services."""
    there = remote(url, token)
    keys = there.get("/v1/policies/access")["body"].get("keys", {})
    if name not in keys:
        raise fail(f"there is no key {name!r}; there are: {', '.join(keys) or 'none'}")
    del keys[name]
    who = there.send("PUT", "/v1/policies/access", json={"keys": keys})
    console.print(f"revoked {name} in {', '.join(who['services'])}; in force within two seconds")


@store.command("new-epoch")
def store_new_epoch(
    service: str,
    distributed: Annotated[bool, typer.Option("--distributed", help="In the data of `baton up --distributed`")] = False,
) -> None:
    """After a service's database was restored: number its events anew, and announce it. Stop the service first."""
    settings = Settings()
    if distributed:
        settings = settings.model_copy(update={"data_dir": settings.data_dir / "distributed"})
    if not settings.postgres and not (settings.data_dir / "postgres").exists():
        raise fail(f"{settings.data_dir} has no database; BATON_DATA_DIR or BATON_POSTGRES says where it is")
    try:
        streams = asyncio.run(_begin_epoch(known_service(service), settings))
    except PostgresError as error:
        raise fail(str(error)) from error
    except TimeoutError as error:
        raise fail(f"the database server does not answer within {_PATIENCE_S} s; see BATON_POSTGRES") from error
    if not streams:
        raise fail(f"the database of {service} has no streams yet; nothing was restored there")
    console.print(f"{service}: {streams} streams begin a new epoch; start it again, and run `baton audit`")


async def _begin_epoch(service: str, settings: Settings) -> int:
    async with asyncio.timeout(_PATIENCE_S), databases(settings, [database_name(service)]) as found:
        pool = engine(found.url(database_name(service)), application="new-epoch")
        async with pool.begin() as session:
            known = await session.scalar(text("select to_regclass('stream_out')"))
            streams = await begin_epoch(session, new_epoch()) if known else 0
        await pool.dispose()
        return streams


def doctor(url: Url = "", token: Token = "", as_json: Json = False) -> None:
    """Look at this machine and at the running product, and say what to mend."""
    settings = Settings()
    findings = [*_machine(settings)]
    there = remote(url, token)
    try:
        answer = there.http.get("/health/ready")
        states = answer.json()["services"]
        findings += [
            {"what": name, "found": word, "mend": "" if word == "ready" else "see its log"}
            for name, word in states.items()
        ]
    except OSError:
        findings.append({"what": "product", "found": "not running", "mend": "`make run`"})
    except Exception as error:  # noqa: BLE001 - a doctor reports whatever it meets
        findings.append({"what": "product", "found": f"no answer ({type(error).__name__})", "mend": "`make run`"})
    if not show(findings, as_json=as_json):
        table(["what", "found", "mend"], findings, empty="")


def _machine(settings: Settings) -> list[dict[str, str]]:
    usage = shutil.disk_usage(settings.data_dir if settings.data_dir.exists() else ".")
    low = usage.free / usage.total < _FREE_DISK_SHARE
    java = shutil.which("java")
    return [
        {"what": "Python", "found": sys.version.split()[0], "mend": ""},
        {
            "what": "disk",
            "found": f"{usage.free / 2**30:.1f} GiB free",
            "mend": "free some: below 5 % intake refuses leads" if low else "",
        },
        {
            "what": "Java (Kafka only)",
            "found": _java_version(java) if java else "none",
            "mend": "" if java else "install a JRE ≥ 17 to run distributed",
        },
        {"what": "data", "found": str(settings.data_dir.resolve()), "mend": ""},
    ]


def _java_version(java: str) -> str:
    said = subprocess.run([java, "-version"], capture_output=True, text=True, check=False, timeout=20)  # noqa: S603
    return (said.stderr or said.stdout).splitlines()[0] if said.stderr or said.stdout else "unknown"
