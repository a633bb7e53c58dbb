"""Commands about people: a file of them is imported, one is erased, the sample's are cleared away."""

import time
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from baton.cli.client import Json, Remote, Token, Url, console, fail, remote, show, table

_LOOK_S = 0.2
_SLOWEST_LOOK_S = 1.0
_UPLOAD_S = 300.0
_RECEIPT_S = 60.0
_SHOWN_ROWS = 20
_DEMO = "demo"


def import_file(
    file: Annotated[Path, typer.Argument(help="A CSV or XLSX file", exists=True, dir_okay=False, readable=True)],
    door: Annotated[str, typer.Option("--door", help="A door of kind import")],
    constants: Annotated[
        list[str] | None, typer.Option("--set", help="FIELD=VALUE on every row, such as event=Expo")
    ] = None,
    charset: Annotated[str, typer.Option(help="The file's charset, where it can't be told")] = "",
    url: Url = "",
    token: Token = "",
    as_json: Json = False,
) -> None:
    """Import a file of leads, and report what became of each row. Run twice, it adds nothing."""
    there = remote(url, token)
    query = {"door": door, **_pairs(constants or []), **({"charset": charset} if charset else {})}
    with file.open("rb") as opened:
        begun = there.send("POST", "/v1/imports", params=query, files={"file": (file.name, opened)}, timeout=_UPLOAD_S)
    found = _followed(there, begun, quiet=as_json)
    path = f"/v1/imports/{found['import_id']}"
    parked = there.get(f"{path}/rows", state="parked", limit=_SHOWN_ROWS)["items"] if found["parked"] else []
    if not show({**found, "parked_rows": parked}, as_json=as_json):
        _report(found, parked)
    if found["state"] == "failed":
        raise typer.Exit(1)


def erase(
    lead_id: Annotated[str, typer.Argument(help="The lead's id")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask")] = False,
    url: Url = "",
    token: Token = "",
    as_json: Json = False,
) -> None:
    """Erase a person from every service, and wait for the receipt. It can't be undone."""
    there = remote(url, token)
    if not yes and not typer.confirm(f"Erase all that is kept about the person behind lead {lead_id}?"):
        raise typer.Exit(1)
    asked = there.send("DELETE", f"/v1/leads/{lead_id}/personal-data")
    receipt = _receipt(there, asked["erasure_id"])
    if not show(receipt, as_json=as_json):
        table(["service", "state"], receipt["services"], empty="")
        whole = (
            "complete" if receipt["complete"] else f"not complete yet; ask again: /v1/erasures/{asked['erasure_id']}"
        )
        console.print(f"receipt {receipt['erasure_id']}: {whole}", highlight=False)
    if not receipt["complete"]:
        raise typer.Exit(1)


def demo(
    clear: Annotated[
        bool, typer.Option("--clear", help="Erase the sample's leads, and take them out of every figure")
    ] = False,
    url: Url = "",
    token: Token = "",
    as_json: Json = False,
) -> None:
    """The sample's leads: how many there are, or away with them."""
    there = remote(url, token)
    cleared = 0
    found = [lead["lead_id"] for lead in there.all("/v1/leads", tag=_DEMO, limit=200)]
    last = ""
    if clear:
        for lead_id in found:
            last = there.send("DELETE", f"/v1/leads/{lead_id}/personal-data", params={"purge": "true"})["erasure_id"]
            cleared += 1
        if last:
            _receipt(there, last)
    told = {"found": len(found), "cleared": cleared}
    if not show(told, as_json=as_json):
        hint = "" if clear or not found else "; `baton demo --clear` takes them away"
        console.print(
            f"{cleared} of the sample's leads cleared" if clear else f"{len(found)} leads of the sample{hint}"
        )


def _pairs(constants: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for each in constants:
        name, sign, value = each.partition("=")
        if not sign or not name.strip() or not value.strip():
            raise fail(f"--set takes FIELD=VALUE, such as event=Expo, not {each!r}")
        found[name.strip()] = value.strip()
    return found


def _followed(there: Remote, begun: dict[str, Any], *, quiet: bool) -> dict[str, Any]:
    """The import once it is at its end; how far it is meanwhile."""
    look = [
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    ]
    found, pause_s = begun, _LOOK_S
    with Progress(*look, console=console, disable=quiet, transient=True) as progress:
        task = progress.add_task(f"reading {begun['file']}", total=begun["total"])
        while found["state"] == "reading":
            time.sleep(pause_s)
            pause_s = min(_SLOWEST_LOOK_S, pause_s * 1.1)
            found = there.get(f"/v1/imports/{begun['import_id']}")
            progress.update(task, completed=found["rows"], total=found["total"])
    return found


def _receipt(there: Remote, erasure_id: str) -> dict[str, Any]:
    """The receipt, once it is complete or a minute has passed."""
    deadline_s = time.monotonic() + _RECEIPT_S
    while True:
        receipt: dict[str, Any] = there.get(f"/v1/erasures/{erasure_id}")
        if receipt["complete"] or time.monotonic() > deadline_s:
            return receipt
        time.sleep(_LOOK_S)


def _report(found: dict[str, Any], parked: list[dict[str, Any]]) -> None:
    states = ("captured", "further", "repeat", "parked", "ignored")
    words = ", ".join(f"{found[state]} {state}" for state in states if found[state]) or "nothing"
    console.print(f"{found['rows']} rows of {found['file']}: {words}", highlight=False)
    unknown = [each["column"] for each in found["columns"] if each["field"] is None]
    if unknown:
        console.print(f"columns kept as answers, since no field is called so: {', '.join(unknown)}", markup=False)
    if parked:
        table(["row", "reason", "submission_id"], parked, empty="")
    if found["parked"]:
        console.print("put the door's map right, then POST /v1/submissions/{id}/replay", markup=False)
    for problem in found["problems"]:
        console.print(f"failed: {problem}", markup=False)
    console.print(f"every row: /v1/imports/{found['import_id']}/report.csv", highlight=False)
