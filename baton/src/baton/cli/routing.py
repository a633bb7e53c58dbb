"""Commands of routing: what another policy would have done, and a new rep."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Final

import typer
import yaml

from baton.cli.client import Json, Token, Url, console, fail, remote, show, table
from shared.runtime.clock import system_clock

rep: Final = typer.Typer(help="Reps are part of the routing policy.", no_args_is_help=True)
_WINDOW: Final = timedelta(days=7)
_MOST_SHOWN: Final = 10
_FORMATS: Final = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]


def what_if(
    file: Annotated[Path | None, typer.Argument(help="A routing policy; none: those that were in force")] = None,
    begin: Annotated[
        datetime | None, typer.Option("--from", formats=_FORMATS, help="UTC; else seven days back")
    ] = None,
    to: Annotated[datetime | None, typer.Option("--to", formats=_FORMATS, help="UTC; else now")] = None,
    url: Url = "",
    token: Token = "",
    as_json: Json = False,
) -> None:
    """Replay a past window's decisions under another routing policy: owners, load and waiting, then and if."""
    end = (to or system_clock()).replace(tzinfo=UTC)
    start = begin.replace(tzinfo=UTC) if begin else end - _WINDOW
    asked = {
        "routing": _policy(file) if file else None,
        "from": start.isoformat(),
        "to": end.isoformat() if to else None,
    }
    found = remote(url, token).send("POST", "/v1/what-ifs", json=asked)
    if not show(found, as_json=as_json):
        _print(found)


def _print(found: dict[str, Any]) -> None:
    columns = ["rep", "kept", "would", "kept_peak_open", "would_peak_open"]
    table(columns, found["owners"], empty="nobody had anything to do in this window")
    waiting = found["waiting"]
    console.print(
        f"{found['decisions']} decisions, [bold]{found['differences']} differ[/bold]; waiting at the end:"
        f" {waiting['kept']['leads']} then, {waiting['would']['leads']} if;"
        f" waited in all: {waiting['kept']['seconds']} s then, {waiting['would']['seconds']} s if"
    )
    for each in found["changed"][:_MOST_SHOWN]:
        console.print(f"  {each['at']} {each['lead_id']}: {each['kept'] or 'waited'} → {each['would'] or 'would wait'}")


def _policy(file: Path) -> Any:
    try:
        return yaml.safe_load(file.read_text("utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise fail(f"{file} is no YAML that can be read: {error}") from error


@rep.command("add")
def add(
    rep_id: Annotated[str, typer.Argument(help="A short key, such as minh")],
    team: Annotated[str, typer.Option(help="A team of the routing policy")],
    name: Annotated[str, typer.Option(help="As people call them")] = "",
    weight: Annotated[float, typer.Option(min=0, help="Their part of the rotation")] = 1.0,
    day: Annotated[int | None, typer.Option(min=0, help="At most so many leads a day")] = None,
    week: Annotated[int | None, typer.Option(min=0, help="At most so many leads a week")] = None,
    open_work: Annotated[int | None, typer.Option("--open", min=0, help="At most so many open at once")] = None,
    language: Annotated[list[str] | None, typer.Option(help="Languages they speak; none: all")] = None,
    email: Annotated[str, typer.Option(help="Where they are written to at an assignment")] = "",
    url: Url = "",
    token: Token = "",
    as_json: Json = False,
) -> None:
    """Add a rep to a team: they take leads from now on, neither flooded nor behind."""
    caps = {name: cap for name, cap in (("day", day), ("week", week), ("open", open_work)) if cap is not None}
    said = {"id": rep_id, "team": team, "name": name, "weight": weight, "capacity": caps, "email": email}
    said = {key: value for key, value in said.items() if value not in ("", {})} | {"languages": language or []}
    made = remote(url, token).send("POST", "/v1/reps", json=said)
    if not show(made, as_json=as_json):
        console.print(f"{rep_id} takes leads of {team} from now on (routing policy version {made['policy_version']})")
