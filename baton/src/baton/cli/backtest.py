"""`baton backtest`: the whole history under a draft, with its progress, and what it found."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml
from rich.markup import escape
from rich.progress import Progress

from baton.cli.client import Json, Remote, Token, Url, console, fail, moment, remote, show, table

_LOOK_EVERY_S = 0.3
_KINDS = {
    "only_draft": "would have crossed",
    "only_live": "would not have crossed",
    "earlier": "earlier",
    "later": "later",
    "otherwise": "again at another time",
}


def backtest(
    file: Annotated[Path | None, typer.Argument(help="A scorecard as YAML; else the draft that is kept")] = None,
    since: Annotated[str | None, typer.Option("--from", help="The first instant, such as 2026-01-05T00:00:00Z")] = None,
    until: Annotated[str | None, typer.Option("--to", help="The last instant; else now")] = None,
    lang: Annotated[str, typer.Option(help="en, zh or vi")] = "en",
    url: Url = "",
    token: Token = "",
    as_json: Json = False,
) -> None:
    """Replay every lead's facts under a scorecard: who would have crossed, when, and how right that was."""
    there = remote(url, token)
    body = {"scorecard": "draft" if file is None else _read(file), "from": since, "to": until}
    begun = there.send("POST", "/v1/backtests", json={key: value for key, value in body.items() if value is not None})
    found = finished(there, begun["backtest_id"], time.sleep, quiet=as_json, lang=lang)
    if not show(found, as_json=as_json):
        _print(found)


def finished(
    there: Remote, backtest_id: str, pause: Callable[[float], None], *, quiet: bool, lang: str = "en"
) -> dict[str, Any]:
    """Wait for a backtest, showing how far it is."""
    path = f"/v1/backtests/{backtest_id}"
    with Progress(console=console, transient=True, disable=quiet) as shown:
        task = shown.add_task("replaying leads", total=None)
        while True:
            found: dict[str, Any] = there.get(path, lang=lang)
            shown.update(task, completed=found["progress"]["leads"], total=found["progress"]["of"] or None)
            if found["state"] == "finished":
                return found
            pause(_LOOK_EVERY_S)


def _read(file: Path) -> Any:
    try:
        return yaml.safe_load(file.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise fail(f"{file}: {error}") from error


def _print(found: dict[str, Any]) -> None:
    for change in found["diff"]:
        _say(change["words"])
    for problem in found["lint"]:
        _say(f"{problem['severity']}: {problem['path']}: {problem['what']}; {problem['fix']}")
    crossed = found["crossed"]
    _say(
        f"of {found['progress']['leads']} leads {crossed['live']} crossed under version {found['live_version']},"
        f" {crossed['draft']} would have under this ({crossed['extra']:+d})"
    )
    counts = [f"{count} {_KINDS[kind]}" for kind, count in found["differences"].items() if count]
    _say("; ".join(counts) or "no lead would have crossed otherwise")
    for row in found["leads"]["items"]:  # no table: an id that is cut off can't be looked up
        live, draft = (moment(row[at]) if row[at] else "never" for at in ("live_at", "draft_at"))
        _say(f"  {row['lead_id']}  {_KINDS[row['kind']]}: {live} → {draft}")
    if found["leads"]["next"]:
        _say("  … and more: --json, or the API's cursor")
    table(["week", "live", "draft", "extra"], [week for week in found["weeks"] if week["extra"]], empty="")
    table(["by", "of", "live", "draft", "extra"], [row for row in found["load"] if row["extra"]], empty="")
    rates = [_rates(found["judged"], which) for which in ("live", "draft")]
    columns = ["scorecard", "precision", "recall", "precision of wins", "recall of wins", "without a verdict"]
    table(columns, rates, empty="")
    _say(f"applied to all now, {found['apply_all']['would_cross']} leads would cross at once")


def _rates(judged: dict[str, Any], which: str) -> dict[str, Any]:
    verdicts, wins = judged[which]["verdicts"], judged[which]["wins"]
    return {
        "scorecard": which,
        "precision": _share(verdicts["precision"]),
        "recall": _share(verdicts["recall"]),
        "precision of wins": _share(wins["precision"]),
        "recall of wins": _share(wins["recall"]),
        "without a verdict": judged[which]["unjudged"],
    }


def _share(rate: float | None) -> str:
    return "-" if rate is None else f"{rate:.1%}"


def _say(line: str) -> None:
    console.print(escape(line), highlight=False, soft_wrap=True)
