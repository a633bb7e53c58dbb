"""What a person sees when the product serves: the address, a sign-in link, and on the first run the fourteen days."""

from datetime import datetime

import httpx
from rich.console import Console
from rich.table import Table

from baton.data_dir import session_secret
from baton.settings import Settings
from baton.story.hurry import Hurry, StoryStuck
from baton.story.playing import beginning, play
from baton.story.scenes import Scene
from baton.story.stage import HANOI, StoryRefused
from shared.http.access import ADMIN_KEY
from shared.http.sessions import new_code
from shared.runtime.clock import system_clock

console = Console()


def with_story(settings: Settings) -> Settings:
    """The settings of a run that plays the story if its stores are new: their clocks begin at its first Monday."""
    if not settings.demo or settings.clock_start is not None:
        return settings
    return settings.model_copy(update={"clock_start": beginning(system_clock().astimezone(HANOI).date())})


async def welcome(settings: Settings, address: str, token: str) -> None:
    """Greet; on the first run (unless DEMO=0) play the story through the real doors and show the funnel."""
    token_file = settings.data_dir / "admin-token"
    console.print(f"\n[bold]Baton serves at {address}[/bold]   (Ctrl-C stops it; nothing is lost)")
    console.print(
        f"Sign in:     {sign_in_link(settings, address)}   (once, within a quarter of an hour)", soft_wrap=True
    )
    console.print(f"Admin token: {token_file if token_file.exists() else 'as given in the environment'}\n")
    headers = {"authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=address, headers=headers, timeout=60) as http:
        await first_run(http, settings, address)
    console.print("Post a lead of your own:")
    console.print(
        f"  curl -s {address}/v1/forms/site -d 'name=Ada Park' -d 'email=ada@example.com'"
        " -d 'company=Park Tools' -d 'title=Founder' -d 'industry=manufacturing' -d 'timeframe=within a month'",
        highlight=False, soft_wrap=True,
    )  # fmt: skip
    console.print("Then: baton lead ID (its story) · baton audit (is anything missing?) · baton lag · baton doctor\n")


def sign_in_link(settings: Settings, address: str) -> str:
    """A link that signs the browser in as the administrator, once."""
    return f"{address}/sign-in?code={new_code(session_secret(settings), ADMIN_KEY, system_clock())}"


async def first_run(http: httpx.AsyncClient, settings: Settings, address: str) -> None:
    """Play what is left of the story, if the clocks stand, and draw the funnel it made."""
    hurry = Hurry(http)
    if await hurry.standing() is None:
        return
    console.print("First run: fourteen days of sample leads go through the real doors, on a clock that hurries")
    console.print("(DEMO=0 turns this off; `baton demo --clear` removes them).\n")
    try:
        leads = await play(http, settings.data_dir / "story.json", tell)
    except (StoryRefused, StoryStuck, httpx.HTTPError) as error:
        console.print(f"[yellow]The story stopped half-way:[/yellow] {error}; Baton itself goes on.\n", highlight=False)
        await hurry.move(None)
        return
    console.print()
    draw(await funnel(http))
    if leads and "linh" in leads:
        console.print(
            f"Follow Linh: {address}/follow/{leads['linh']}  or  baton lead {leads['linh']}\n", soft_wrap=True
        )


def tell(scene: Scene, instant: datetime) -> None:
    """Print a scene as it is played."""
    local = instant.astimezone(scene.zone)
    console.print(f"  day {scene.day:>2}  {local:%a %H:%M}  {scene.title}", highlight=False)


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
