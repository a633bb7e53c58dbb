"""Commands that look: a lead's story, the audit, the lag."""

from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from baton.audit import Audit, audit
from baton.cli.client import Json, Token, Url, console, moment, remote, show, table
from shared.contracts.topology import SERVICES


def lead(
    lead_id: Annotated[str, typer.Argument(help="The lead's id")],
    lang: Annotated[str, typer.Option(help="en, zh or vi")] = "en",
    url: Url = "",
    token: Token = "",
    as_json: Json = False,
) -> None:
    """Tell a lead's story: what happened, when, and why."""
    story = remote(url, token).get(f"/v1/leads/{lead_id}/timeline", lang=lang)
    if show(story, as_json=as_json):
        return
    drawn = Table(box=None, show_header=False, pad_edge=False)
    for step in story["items"]:
        drawn.add_row(moment(step["at"]), f"[bold]{step['kind']}[/bold]", escape(step["words"]))
    console.print(drawn)


def audit_command(url: Url = "", token: Token = "", as_json: Json = False) -> None:
    """Prove that no lead was dropped; exit with 1 where one is unexplained."""
    found = audit(remote(url, token))
    if not show(_as_dict(found), as_json=as_json):
        _print_audit(found)
    if not found.clean:
        raise typer.Exit(1)


def lag(url: Url = "", token: Token = "", as_json: Json = False) -> None:
    """How far each service is behind each topic."""
    there = remote(url, token)
    rows: list[dict[str, Any]] = []
    for service in SERVICES:
        by_topic: dict[str, int] = {}
        for item in there.get(f"/v1/ops/{service}/lag")["items"]:
            by_topic[item["topic"]] = by_topic.get(item["topic"], 0) + item["lag"]
        rows += [{"service": service, "topic": topic, "behind": behind} for topic, behind in by_topic.items()]
    if not show(rows, as_json=as_json):
        behind = [row for row in rows if row["behind"]]
        table(["service", "topic", "behind"], behind, empty=f"nobody is behind in any of {len(rows)} subscriptions")
        console.print(f"{sum(row['behind'] for row in rows)} records behind in all")


def _print_audit(found: Audit) -> None:
    reconciliation = found.reconciliation
    where = [{"where": place, "leads": count} for place, count in reconciliation["where"].items()]
    table(["where", "leads"], where, empty="no leads yet")
    console.print(
        f"{reconciliation['captured']} captured before {reconciliation['watermark']},"
        f" {reconciliation['in_flight']} in flight, [bold]{reconciliation['unexplained']} unexplained[/bold]"
    )
    for example in reconciliation.get("examples", []):
        console.print(f"  unexplained: {example} (see `baton lead {example}`)")
    for service, parked in reconciliation.get("too_many_parked_to_list", {}).items():
        console.print(f"  {service}: {parked} leads are parked, too many to list; they may be among the unexplained")
    for each in found.missing:
        console.print(
            f"  lead {each.lead_id}: its {each.what} are known to {', '.join(each.known_to)},"
            f" missing in {', '.join(each.missing_in)}"
        )
    for line in found.tallies_differ:
        console.print(f"  counts differ: {line}")
    console.print("[green]clean[/green]" if found.clean else "[red]not clean[/red]")


def _as_dict(found: Audit) -> dict[str, Any]:
    return {
        "clean": found.clean,
        "reconciliation": found.reconciliation,
        "missing": [
            {"lead_id": m.lead_id, "what": m.what, "known_to": m.known_to, "missing_in": m.missing_in}
            for m in found.missing
        ],
        "tallies_differ": found.tallies_differ,
    }
