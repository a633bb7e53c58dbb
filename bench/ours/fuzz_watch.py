"""Whether the product's loop stands still, and what its process holds in memory.

A process of its own asks the product for what takes it no work, a hundred times a second, and asks an idle loop the same:
where both are late, the machine is at fault. `python -m bench.ours.fuzz_watch PORT PID` writes a line a window.
"""

import asyncio
import json
import socket
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue
from typing import Final

MAX_STALL_MS: Final = 100.0
_WINDOW_S: Final = 0.25
_PAUSE_S: Final = 0.01
_ANSWER_S: Final = 60.0
_KEPT: Final = 50
_ASK: Final = b"GET /health/live HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
_IDLE_ANSWER: Final = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


@dataclass
class Watch:
    """What was seen; as much however long it lasts."""

    port: int
    pid: int
    windows: int = 0
    stalls: int = 0
    beside: Callable[[], list[str]] = list
    """What was being asked lately: a stall names its suspects."""
    worst: list[dict[str, object]] = field(default_factory=list[dict[str, object]])
    worst_ms: float = 0.0
    idle_worst_ms: float = 0.0
    most_bytes: int = 0
    _recent: deque[tuple[float, float]] = field(default_factory=lambda: deque[tuple[float, float]](maxlen=3))

    async def run(self) -> None:
        """Until it is cancelled."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bench.ours.fuzz_watch", str(self.port), str(self.pid), stdout=asyncio.subprocess.PIPE
        )
        try:
            began_s = time.monotonic()
            while process.stdout is not None and (line := await process.stdout.readline()):
                product_ms, idle_ms, held_bytes = json.loads(line)
                self.add(time.monotonic() - began_s, product_ms, idle_ms)
                self.most_bytes = max(self.most_bytes, held_bytes)
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()

    def add(self, at_s: float, product_ms: float, idle_ms: float) -> None:
        """A window; the one before the last is judged, since the idle loop may be late a window later or earlier."""
        self.windows += 1
        self.worst_ms, self.idle_worst_ms = max(self.worst_ms, product_ms), max(self.idle_worst_ms, idle_ms)
        self._recent.append((product_ms, idle_ms))
        judged_ms = self._recent[-2][0] if len(self._recent) > 1 else 0.0
        beside_ms = max(idle for _, idle in self._recent)
        if judged_ms - beside_ms > MAX_STALL_MS:
            self.stalls += 1
            if len(self.worst) < _KEPT:
                self.worst.append(
                    {"at_s": round(at_s, 2), "ms": judged_ms, "idle_ms": beside_ms, "beside": self.beside()}
                )


def resident_bytes(pid: int) -> int:
    """What the process has in memory; 0 once it is gone."""
    try:
        said = Path(f"/proc/{pid}/status").read_text().partition("VmRSS:")[2]
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return int(said.split()[0]) * 1024 if said else 0


def _idle_loop(tell: Callable[[int], None]) -> None:
    """A loop that has nothing to do but answer."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.readuntil(b"\r\n\r\n"):
            writer.write(_IDLE_ANSWER)

    async def serve() -> None:
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        tell(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(serve())


@dataclass
class _Asking:
    """One keep-alive connection that asks over and over; the longest answer since it was last looked at."""

    port: int
    longest_ms: float = 0.0
    since_s: float = 0.0

    def run(self) -> None:
        while True:
            try:
                self._keep_asking()
            except OSError:
                time.sleep(_WINDOW_S)  # whether the product is alive is asked elsewhere

    def _keep_asking(self) -> None:
        with socket.create_connection(("127.0.0.1", self.port), timeout=_ANSWER_S) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while True:
                self.since_s = time.monotonic()
                connection.sendall(_ASK)
                if not connection.recv(65536):
                    return
                self.longest_ms = max(self.longest_ms, (time.monotonic() - self.since_s) * 1000)
                self.since_s = 0.0
                time.sleep(_PAUSE_S)

    def take(self) -> float:
        """Of answers that came, or that are still awaited."""
        since_s, longest_ms = self.since_s, self.longest_ms
        self.longest_ms = 0.0
        return round(max(longest_ms, (time.monotonic() - since_s) * 1000 if since_s else 0.0), 1)


def main() -> None:
    """Ask both, write what came."""
    port, pid = int(sys.argv[1]), int(sys.argv[2])
    ports: SimpleQueue[int] = SimpleQueue()
    threading.Thread(target=_idle_loop, args=(ports.put,), daemon=True).start()
    asking = [_Asking(port), _Asking(ports.get())]
    for each in asking:
        threading.Thread(target=each.run, daemon=True).start()
    while True:
        time.sleep(_WINDOW_S)
        product_ms, idle_ms = (each.take() for each in asking)
        print(json.dumps([product_ms, idle_ms, resident_bytes(pid)]), flush=True)


if __name__ == "__main__":
    main()
