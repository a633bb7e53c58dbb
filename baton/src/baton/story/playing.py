"""Plays the story once, from where it was left, and then lets the clocks go with real time."""

import secrets
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

import httpx
import orjson
import yaml

from baton.story import week_one, week_two
from baton.story.graph import graph_server
from baton.story.hurry import Hurry
from baton.story.scenes import Scene
from baton.story.stage import HANOI, Stage, first_monday
from shared.runtime.clock import system_clock

SCENES: Final = (*week_one.script.scenes, *week_two.script.scenes)
POLICIES: Final = Path(__file__).with_name("policies")
_KINDS: Final = ("calendars", "fields", "routing", "sla", "nurture", "doors")
_SECRETS: Final = ("META_APP_SECRET", "META_VERIFY", "META_TOKEN", "BATON_GOOGLE_KEY")
_BY_THE_GRAPH: Final = 3
"""So many scenes ask the stand-in for Meta's API, whose address is new at every start."""
Told = Callable[[Scene, datetime], None]


@dataclass(slots=True)
class Progress:
    """How far the story was played, kept in a file."""

    file: Path
    monday: date
    scene: int = 0
    leads: dict[str, str] = field(default_factory=dict[str, str])

    def keep(self) -> None:
        """Keep it; whole or not at all."""
        draft = self.file.with_suffix(".new")
        draft.write_bytes(orjson.dumps({"monday": self.monday, "scene": self.scene, "leads": self.leads}))
        draft.replace(self.file)


def progress(file: Path, standing: datetime) -> Progress:
    """How far the story was played; from the beginning where it never was."""
    if not file.exists():
        return Progress(file, standing.astimezone(HANOI).date())
    kept = orjson.loads(file.read_bytes())
    return Progress(file, date.fromisoformat(kept["monday"]), kept["scene"], kept["leads"])


def beginning(today: date) -> datetime:
    """Where the clocks of a new store stand before the first scene."""
    return datetime.combine(first_monday(today), datetime.min.time(), HANOI)


async def play(http: httpx.AsyncClient, file: Path, tell: Told) -> dict[str, str] | None:
    """Play every scene at its instant, then go live; who is which lead. None where the clocks go with real time.

    Raises StoryRefused and StoryStuck.
    """
    hurry = Hurry(http)
    standing = await hurry.standing()
    if standing is None:
        return None
    kept = progress(file, standing)
    async with a_stage(http, hurry, kept) as stage:
        order = sorted(SCENES, key=lambda each: stage.at(each.day, each.clock, each.zone))
        for scene in order[kept.scene :]:
            instant = stage.at(scene.day, scene.clock, scene.zone)
            await hurry.until(instant)
            stage.scene, stage.step = kept.scene, 0
            await scene.play(stage)
            await hurry.rest()
            kept.scene += 1
            kept.keep()
            tell(scene, instant)
        await hurry.go_live(system_clock())
    return kept.leads


@asynccontextmanager
async def a_stage(http: httpx.AsyncClient, hurry: Hurry, kept: Progress) -> AsyncGenerator[Stage]:
    """The stage with its policies, secrets and the stand-in for Meta's Graph API."""
    made = {name: secrets.token_hex(16) for name in _SECRETS}
    async with graph_server(token=made["META_TOKEN"]) as graph:
        stage = Stage(http, hurry, kept.monday, made, leads=kept.leads)
        for name, value in made.items():
            await stage.send("PUT", f"/v1/secrets/{name}", json={"value": value})
        if kept.scene < _BY_THE_GRAPH:
            for kind in _KINDS:
                await stage.send("PUT", f"/v1/policies/{kind}", json=policy(kind, graph))
        yield stage


def policy(kind: str, graph: str) -> dict[str, Any]:
    """A policy of the story."""
    return yaml.safe_load((POLICIES / f"{kind}.yaml").read_text().replace("{graph}", graph))
