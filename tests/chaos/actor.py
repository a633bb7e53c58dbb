"""One process of the product that may be killed and frozen, and comes back; its metrics are read before they are gone."""

import asyncio
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from tests.chaos.ports import ports_of

_READY_S = 90.0
_END_S = 20.0
_PAUSE_S = 0.3
_WITNESS = Path(__file__).parent / "witness"


@dataclass(slots=True)
class Actor:
    """One process of the product, started again whenever it ends, as any supervisor would."""

    name: str
    service: str
    arguments: Sequence[str]
    environment: Mapping[str, str]
    port: int
    log: Path
    once: dict[str, str] = field(default_factory=dict[str, str])
    """Environment of the next start alone."""
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    ends: list[str] = field(default_factory=list[str])
    """Ends that nobody here had asked for."""
    starts: int = 0
    _asked: bool = False
    _fences: float = 0.0
    _doubts: float = 0.0
    _past: tuple[float, float] = (0.0, 0.0)
    _process: asyncio.subprocess.Process | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def ports(self) -> frozenset[int]:
        """The local ports of its connections; none between two lives."""
        if self._process is None or self._process.returncode is not None:
            return frozenset()
        return ports_of(self._process.pid)

    @property
    def counted(self) -> tuple[float, float]:
        """Fence rejections and commits in doubt of all its lives, as far as they were seen."""
        return self._past[0] + self._fences, self._past[1] + self._doubts

    async def run(self) -> None:
        """Keep it running until cancelled; then end it."""
        try:
            while True:
                code = await self._live()
                if not self._asked:
                    self.ends.append(f"{self.name} ended by itself with {code}: {self._last_words()}")
                await asyncio.sleep(_PAUSE_S)
        finally:
            await self._end()

    async def _live(self) -> int:
        once, self.once = self.once, {}
        self._asked, self._past = bool(once), self.counted
        self._fences = self._doubts = 0.0
        with self.log.open("ab") as sink:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "baton", *self.arguments,
                env={**self.environment, "BATON_PORT": str(self.port), "PYTHONPATH": str(_WITNESS),
                     "CHAOS_STACKS": str(self.log.with_suffix(".stacks")), **once},
                stdin=asyncio.subprocess.DEVNULL, stdout=sink, stderr=sink, start_new_session=True,
            )  # fmt: skip
        self.starts += 1
        return await self._process.wait()

    def _last_words(self) -> str:
        lines = [line for line in self.log.read_text(errors="replace")[-8000:].splitlines() if line.strip(" │╰─╯")]
        return " / ".join(" ".join(line.split()) for line in lines[-4:])

    async def _end(self) -> None:
        process = self._process
        if process is None or process.returncode is not None:
            return
        process.send_signal(signal.SIGCONT)
        process.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(process.wait(), _END_S)
        except TimeoutError:
            process.kill()
            await process.wait()

    def kill(self) -> None:
        """SIGKILL, where it lives."""
        self._asked = True
        self._signal(signal.SIGKILL)

    def freeze(self) -> None:
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def tell(self) -> None:
        """Have it write down where each of its tasks stands, beside its log."""
        self._signal(signal.SIGUSR1)

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(number)

    async def ready(self, http: httpx.AsyncClient) -> None:
        """Wait until it answers ready. Raises TimeoutError with the end of its log."""
        deadline_s = time.monotonic() + _READY_S
        said = ""
        while time.monotonic() < deadline_s:
            try:
                answer = await http.get(f"{self.url}/health/ready", timeout=3)
                if answer.status_code == 200:
                    return
                said = answer.text
            except httpx.TransportError as error:
                said = repr(error)
            await asyncio.sleep(_PAUSE_S / 2)
        tail = self.log.read_text(errors="replace")[-3000:]
        raise TimeoutError(f"{self.name} was not ready within {_READY_S:.0f} s ({said}):\n{tail}")

    async def count(self, http: httpx.AsyncClient) -> None:
        """Look at its metrics; one that doesn't answer is left as last seen."""
        try:
            text = (await http.get(f"{self.url}/metrics", timeout=2)).text
        except httpx.TransportError:
            return
        self._fences = _sum(text, "baton_fence_rejections_total")
        self._doubts = _sum(text, "baton_commits_in_doubt_total")


def _sum(metrics: str, name: str) -> float:
    return sum(float(line.rsplit(" ", 1)[1]) for line in metrics.splitlines() if line.startswith(name))
