"""What a person sees when the product serves: the address, how to post a lead, and on the first run a few samples."""

import asyncio
from pathlib import Path

import httpx
from rich.console import Console
from rich.table import Table

from baton.samples import SampleRefused, play
from baton.settings import Settings

console = Console()

_FUNNEL_POLL_S = 1.0
_SETTLE_S = 25.0


async def welcome(settings: Settings, address: str, token: str) -> None:
    """Greet; on the first run (unless DEMO=0) send the samples through the real doors and show the funnel fill."""
    token_file = settings.data_dir / "admin-token"
    console.print(f"\n[bold]Baton serves at {address}[/bold]   (Ctrl-C stops it; nothing is lost)")
    console.print(f"Admin token: {token_file if token_file.exists() else 'as given in the environment'}\n")
    played = settings.data_dir / "samples-played"
    headers = {"authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=address, headers=headers, timeout=30) as http:
        if settings.demo and not played.exists():
            try:
                await first_run(http, played)
            except (SampleRefused, httpx.HTTPError) as error:
                console.print(f"[yellow]The samples stopped half-way:[/yellow] {error}; Baton itself goes on.\n")
    console.print("Post a lead of your own:")
    console.print(
        f"  curl -s {address}/v1/forms/site -d 'name=Ada Park' -d 'email=ada@example.com'"
        " -d 'company=Park Tools' -d 'title=Founder' -d 'industry=manufacturing' -d 'timeframe=within a month'",
        highlight=False, soft_wrap=True,
    )  # fmt: skip
    console.print("Then: baton lead ID (its story) · baton audit (is anything missing?) · baton lag · baton doctor\n")


async def first_run(http: httpx.AsyncClient, played: Path) -> None:
    """Send the samples and print the funnel until it stands still."""
    console.print("First run: some twenty sample leads go through the real doors (DEMO=0 turns this off).")
    sending = asyncio.create_task(play(http))
    shown: list[tuple[str, ...]] = []
    deadline = asyncio.get_running_loop().time() + _SETTLE_S
    while asyncio.get_running_loop().time() < deadline:
        rows = await funnel(http)
        if rows != shown:
            shown = rows
            draw(rows)
        elif sending.done():
            break
        await asyncio.sleep(_FUNNEL_POLL_S)
    story = await sending
    await asyncio.to_thread(played.touch)
    if story is not None:
        console.print(f"Follow one of them: baton lead {story}\n")


async def funnel(http: httpx.AsyncClient) -> list[tuple[str, ...]]:
    """The funnel by source, as rows of text."""
    answer = await http.get("/v1/funnel", params={"by": "source"})
    answer.raise_for_status()
    columns = ("leads", "mql", "sql", "assigned", "contacted", "opportunities", "won")
    return [(str(row["source"]), *(str(row[column]) for column in columns)) for row in answer.json()["rows"]]


def draw(rows: list[tuple[str, ...]]) -> None:
    """Print the funnel."""
    drawn = Table(box=None, header_style="bold", pad_edge=False)
    drawn.add_column("source")
    for column in ("leads", "MQL", "SQL", "assigned", "contacted", "opportunities", "won"):
        drawn.add_column(column, justify="right")
    for row in rows:
        drawn.add_row(*row)
    console.print(drawn)
    console.print()
