"""Commands about policies: look for mistakes, compare with what is live, publish, and what was live before."""

import difflib
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml
from rich.markup import escape

from baton.cli.backtest import finished
from baton.cli.client import Json, Remote, Token, Url, console, fail, moment, remote, show, table
from baton.settings import Settings
from baton.shared_policies import KEPT_BY

policy = typer.Typer(help="Policies: lint, diff, publish, history", no_args_is_help=True)

Kind = Annotated[str, typer.Argument(help="doors, fields, scorecard, routing, calendars, sla, access …")]
File = Annotated[
    Path | None, typer.Argument(help="The policy as YAML or JSON; else KIND.yaml in BATON_POLICY_DIR or ./policy")
]
_SCORECARD = "scorecard"


@policy.command("lint")
def lint(kind: Kind, file: File = None, url: Url = "", token: Token = "", as_json: Json = False) -> None:
    """Say what is wrong with a policy, without publishing it; exit with 1 where it can't be published."""
    body, there = document(kind, file), remote(url, token)
    if kind == _SCORECARD:
        found = there.send("POST", "/v1/policies/scorecard/lint", json=body)
        lines = [f"{each['severity']}: {each['path']}: {each['what']}; {each['fix']}" for each in found["problems"]]
    else:
        found = there.send("PUT", f"/v1/policies/{kind}", params={"dry_run": "1"}, json=body)
        lines = _lint_of(found)
    if not show(found, as_json=as_json):
        _print_lines(lines, otherwise=f"nothing is wrong with this {kind} policy")
    if not found.get("publishable", True):
        raise typer.Exit(1)


@policy.command("diff")
def diff(
    kind: Kind,
    file: File = None,
    lang: Annotated[str, typer.Option(help="en, zh or vi")] = "en",
    url: Url = "",
    token: Token = "",
    as_json: Json = False,
) -> None:
    """Say how a policy differs from the live one; exit with 1 where it does."""
    body, there = document(kind, file), remote(url, token)
    live = there.get(f"/v1/policies/{kind}")
    lines = unified(kind, live["version"], live["body"], body)
    if kind == _SCORECARD and lines:
        linted = there.send("POST", "/v1/policies/scorecard/lint", params={"lang": lang}, json=body)
        lines = [each["words"] for each in linted["diff"]] or lines
    if not show({"kind": kind, "version": live["version"], "diff": lines}, as_json=as_json):
        _print_lines(lines, otherwise=f"the same as version {live['version']}")
    if lines:
        raise typer.Exit(1)


@policy.command("publish")
def publish(
    kind: Kind,
    file: File = None,
    apply: Annotated[
        str, typer.Option(help="A scorecard: `new` facts only, or `all` leads at once, after saying how many cross")
    ] = "new",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask")] = False,
    url: Url = "",
    token: Token = "",
    as_json: Json = False,
) -> None:
    """Make a policy live."""
    body, there = document(kind, file), remote(url, token)
    if apply != "new" and (kind != _SCORECARD or apply != "all"):
        raise fail("--apply is `new` or, for a scorecard, `all`")
    if kind != _SCORECARD:
        done = there.send("PUT", f"/v1/policies/{kind}", json=body)
    else:
        there.send("PUT", "/v1/policies/scorecard", json=body)
        if apply == "all":
            _ask(there, yes=yes, quiet=as_json)
        done = there.send("POST", "/v1/policies/scorecard/publish", json={"apply": apply})
    if show(done, as_json=as_json):
        return
    _print_lines(_lint_of(done), otherwise=None)
    versions = sorted({each["version"] for each in done.get("services", {"": done}).values()})
    console.print(f"{kind} is live as version {', '.join(map(str, versions))}", highlight=False)
    if "rescore" in done:
        console.print(f"{done['rescore']['would_cross']} leads will cross, a few each minute", highlight=False)


@policy.command("history")
def history(kind: Kind, url: Url = "", token: Token = "", as_json: Json = False) -> None:
    """List the versions of a policy; exit with 1 where one was changed after it was published."""
    path = f"/v1/ops/{KEPT_BY[kind][0]}/policies/{kind}/history" if kind in KEPT_BY else f"/v1/policies/{kind}/history"
    rows = remote(url, token).all(path, limit=100)
    broken = [row for row in rows if row["problem"]]
    if not show({"kind": kind, "intact": not broken, "items": rows}, as_json=as_json):
        columns = ["version", "published", "by", "digest", "problem"]
        drawn = [
            row | {"published": moment(row["published_at"]), "by": row["published_by"], "digest": row["digest"][:12]}
            for row in rows
        ]
        table(columns, drawn, empty=f"no version of {kind}")
        console.print("[red]the chain is broken[/red]" if broken else "[green]the chain is intact[/green]")
    if broken:
        raise typer.Exit(1)


def document(kind: str, file: Path | None) -> dict[str, Any]:
    """The policy of a file.

    Exits in plain words where there is none or it can't be read.
    """
    path = file or (Settings().policy_dir or Path("policy")) / f"{kind}.yaml"
    try:
        body: Any = yaml.safe_load(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise fail(f"{path}: {error}") from error
    if not isinstance(body, dict):
        raise fail(f"{path}: a policy is a mapping; this file holds {type(body).__name__}")
    return body  # pyright: ignore[reportUnknownVariableType]


def unified(kind: str, version: int, live: Mapping[str, Any], mine: Mapping[str, Any]) -> list[str]:
    """The lines that differ, keys in one order on both sides."""
    before, after = (yaml.safe_dump(dict(each), allow_unicode=True, width=110).splitlines() for each in (live, mine))
    return list(difflib.unified_diff(before, after, f"{kind} version {version}", "this file", lineterm="", n=2))


def _ask(there: Remote, *, yes: bool, quiet: bool) -> None:
    """Count how many leads would cross, and go on only with a word for it."""
    tried = there.send("POST", "/v1/policies/scorecard/publish", params={"dry_run": "1"}, json={"apply": "all"})
    found = finished(there, tried["backtest_id"], time.sleep, quiet=quiet)
    would_cross = found["apply_all"]["would_cross"]
    if not quiet:
        console.print(f"{would_cross} leads would cross at once", highlight=False)
    if not yes and not typer.confirm("Publish it and apply it to all leads?"):
        raise fail("not published; the draft is kept")


def _lint_of(done: Mapping[str, Any]) -> list[str]:
    """The warnings, each once, of one service or of all that keep the kind."""
    said = [line for each in done.get("services", {"": done}).values() for line in each.get("lint", [])]
    return list(dict.fromkeys(f"warning: {line}" for line in said))


def _print_lines(lines: list[str], *, otherwise: str | None) -> None:
    for line in lines:
        console.print(escape(line), highlight=False, soft_wrap=True)
    if not lines and otherwise:
        console.print(otherwise, highlight=False)
