"""The command `baton report`: a report, or the KPIs, as a table on the screen."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from baton.cli.client import Json, Token, Url, console, moment, remote, show, table

_SHORT_ID = 8
_INSTANTS = ("since", "due_at", "assigned_at", "rejected_at")


def report(
    name: Annotated[str, typer.Argument(help="A report's name, or `kpis`; without one, the list")] = "",
    since: Annotated[str, typer.Option("--from", help="First day, as 2026-05-04")] = "",
    until: Annotated[str, typer.Option("--to", help="Last day")] = "",
    lang: Annotated[str, typer.Option(help="en, zh or vi")] = "en",
    basis: Annotated[str, typer.Option(help="of the KPIs: cohort or period")] = "cohort",
    url: Url = "",
    token: Token = "",
    as_json: Json = False,
) -> None:
    """Print a report: which source pays, who follows up, what is forgotten, whose fault it was."""
    there = remote(url, token)
    days = {"from": since or None, "to": until or None}
    if not name:
        listed = there.get("/v1/reports", lang=lang)["items"]
        if not show(listed, as_json=as_json):
            table(["name", "title"], listed, empty="there are no reports")
        return
    if name == "kpis":
        found = there.get("/v1/kpis", **days, lang=lang, basis=basis)
        if not show(found, as_json=as_json):
            _print_kpis(found["items"])
        return
    found = there.get(f"/v1/reports/{name}", **days, lang=lang)
    if not show(found, as_json=as_json):
        for section in found.get("sections", [found]):
            _print_table(section)


def _print_kpis(items: Sequence[Mapping[str, Any]]) -> None:
    drawn = Table(box=None, show_header=False, pad_edge=False)
    for each in items:
        values = each.get("by_currency") or [each]
        text = "\n".join(one["text"] if len(values) == 1 else f"{one['text']} {one['currency']}" for one in values)
        for rank in ("p50", "p90"):
            if each.get(f"{rank}_ms") is not None:
                text += f"\n{rank} {timedelta(seconds=each[f'{rank}_ms'] // 1000)}"
        drawn.add_row(f"[bold]{escape(each['title'])}[/bold]", text, escape(each["reason"] or each["definition"]))
    console.print(drawn)


def _print_table(section: Mapping[str, Any]) -> None:
    drawn = Table(title=section["title"], title_justify="left", title_style="bold", box=None, pad_edge=False)
    for column in section["columns"]:
        numeric = any(is_number(row.get(column["id"])) for row in section["rows"])
        drawn.add_column(column["title"], justify="right" if numeric else "left")
    ids = [column["id"] for column in section["columns"]]
    for row in section["rows"]:
        drawn.add_row(*(escape(cell(name, row.get(name))) for name in ids))
    if section["total"] and section["rows"]:
        drawn.add_row(*(escape(cell(name, section["total"].get(name))) for name in ids), style="bold")
    if section.get("more"):
        drawn.caption = f"and {section['more']} more: GET /v1/reports/…?format=csv has them all"
    console.print(drawn if section["rows"] else f"[bold]{escape(section['title'])}[/bold]: –")
    console.print()


def is_number(value: Any) -> bool:
    """Whether a cell is a number: counts, shares, money, spans; words and flags are none."""
    return (isinstance(value, int) and not isinstance(value, bool)) or (
        isinstance(value, Mapping) and "code" not in value
    )


def cell(name: str, value: Any) -> str:
    """A cell as the screen shows it: its text, an instant in this machine's zone, the head of an id."""
    if value is None:
        return ""
    if isinstance(value, Mapping):
        return str(value["text"])
    if name in _INSTANTS:
        return moment(str(value))
    return str(value)[:_SHORT_ID] if name == "lead_id" else str(value)
