"""How commands reach a running Baton, and how they print: tables for people, `--json` for scripts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

import httpx
import orjson
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from baton.data_dir import admin_token
from baton.settings import Settings
from shared.contracts.topology import SERVICES

Url = Annotated[str, typer.Option("--url", envvar="BATON_URL", help="Where Baton runs; else the environment's address")]
Token = Annotated[str, typer.Option("--token", envvar="BATON_TOKEN", help="An API key; else the data directory's admin token")]  # fmt: skip
Json = Annotated[bool, typer.Option("--json", help="Print JSON")]

console = Console()
_TIMEOUT_S = 30.0


@dataclass(slots=True)
class Remote:
    """A running Baton."""

    http: httpx.Client

    def get(self, path: str, **params: Any) -> Any:
        """The JSON at a path.

        Exits in plain words where there is no answer or a problem.
        """
        return self.send("GET", path, params={key: value for key, value in params.items() if value is not None})

    def send(self, method: str, path: str, **options: Any) -> Any:
        """Send a request and return the JSON of the answer.

        Exits in plain words where there is no answer or a problem.
        """
        try:
            answer = self.http.request(method, path, **options)
        except httpx.TransportError as error:
            raise fail(
                f"no answer from {self.http.base_url} ({type(error).__name__}); is it running? `make run` starts it"
            ) from error
        if answer.is_error:
            raise fail(words(answer))
        return orjson.loads(answer.content) if answer.content else None

    def all(self, path: str, **params: Any) -> list[dict[str, Any]]:
        """Every item of a paged list."""
        items: list[dict[str, Any]] = []
        cursor: str | None = None
        while True:
            page = self.get(path, cursor=cursor, **params)
            items += page["items"]
            cursor = page.get("next")
            if cursor is None:
                return items


def remote(url: str, token: str) -> Remote:
    """A connection to a running Baton."""
    settings = Settings()
    headers = {"authorization": f"Bearer {token or admin_token(settings)}"}
    return Remote(httpx.Client(base_url=url or settings.address, headers=headers, timeout=_TIMEOUT_S))


def words(answer: httpx.Response) -> str:
    """A problem document in a line or a few."""
    try:
        problem = orjson.loads(answer.content)
    except orjson.JSONDecodeError:
        return f"{answer.status_code} from {answer.request.url.path}"
    if "services" in problem:
        return _words_of_services(answer.status_code, problem["services"])
    return "\n".join(_lines(problem, answer.status_code))


def _lines(problem: Mapping[str, Any], status: int) -> list[str]:
    lines = [f"{problem.get('title', status)}: {problem.get('detail', '')}"]
    return lines + [f"  - {_problem(each)}" for each in problem.get("problems", [])]


def _problem(each: Any) -> str:
    return f"{each['where']}: {each['what']}" if isinstance(each, Mapping) else str(each)


def _words_of_services(status: int, services: Mapping[str, Mapping[str, Any]]) -> str:
    """What was sent to all services failed in some: each reason once, with who gave it."""
    refused = {name: said for name, said in services.items() if said.get("status", 200) >= 400 or "error" in said}
    reasons: dict[str, list[str]] = {}
    for name, said in refused.items():
        words = str(said["error"]) if "error" in said else "\n".join(_lines(said, status))
        reasons.setdefault(words, []).append(name)
    return "\n".join(f"{', '.join(names)}: {words}" for words, names in reasons.items())


def known_service(name: str) -> str:
    """The name of a service.

    Exits in plain words where there is none of that name.
    """
    if name not in SERVICES:
        raise fail(f"there is no service {name!r}; there are {', '.join(SERVICES)}")
    return name


def moment(at: str) -> str:
    """An instant as a person reads it, in the time zone of this machine."""
    return datetime.fromisoformat(at).astimezone().strftime("%d %b %H:%M:%S") if at else ""


def fail(why: str) -> typer.Exit:
    """Say why on standard error; raise what this returns."""
    Console(stderr=True).print(f"[red]baton:[/red] {escape(why)}", highlight=False, soft_wrap=True)
    return typer.Exit(1)


def show(value: object, *, as_json: bool) -> bool:
    """Print JSON where it is wanted; whether it was."""
    if as_json:
        typer.echo(orjson.dumps(value, option=orjson.OPT_INDENT_2).decode())
    return as_json


def table(columns: Sequence[str], rows: Sequence[Mapping[str, Any]], *, empty: str) -> None:
    """Print rows, or a word where there are none."""
    if not rows:
        console.print(empty)
        return
    drawn = Table(box=None, header_style="bold", pad_edge=False)
    for column in columns:
        drawn.add_column(column.replace("_", " "))
    for row in rows:
        drawn.add_row(*("" if row.get(column) is None else str(row[column]) for column in columns))
    console.print(drawn)
