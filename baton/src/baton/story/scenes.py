"""What a scene is, and where the scenes of all days stand together."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from baton.story.stage import Stage

Play = Callable[[Stage], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Scene:
    """Something that people do at a moment; what the product does about it is no scene."""

    line: int
    day: int
    clock: str
    zone: ZoneInfo
    title: str
    play: Play


class Script:
    """Scenes as they are written down."""

    def __init__(self) -> None:
        self.scenes: list[Scene] = []

    def at(self, line: int, day: int, clock: str, zone: ZoneInfo, title: str) -> Callable[[Play], Play]:
        """The decorated function is what happens then."""

        def write(play: Play) -> Play:
            self.scenes.append(Scene(line, day, clock, zone, title, play))
            return play

        return write
