"""The bell that the timer rings when deliveries are due, and whoever sends them waits for."""

import asyncio
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Bell:
    """Rung or not."""

    rung: asyncio.Event = field(default_factory=asyncio.Event)

    def ring(self) -> None:
        """Something may be due."""
        self.rung.set()

    async def heard(self) -> None:
        """Wait until it is rung; then it is silent again."""
        await self.rung.wait()
        self.rung.clear()
