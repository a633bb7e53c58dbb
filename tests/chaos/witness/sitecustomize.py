"""Loaded by every process of the stage before anything else: on SIGUSR1 it writes down where each task stands."""

import asyncio
import os
import signal
from pathlib import Path
from typing import Any


def _stack(waiting: Any) -> list[str]:
    lines: list[str] = []
    while waiting is not None:
        frame = getattr(waiting, "cr_frame", None) or getattr(waiting, "gi_frame", None)
        if frame is None:
            return [*lines, f"    waits for {waiting!r}"]
        lines.append(f"    {frame.f_code.co_filename}:{frame.f_lineno} {frame.f_code.co_name}")
        waiting = getattr(waiting, "cr_await", None) or getattr(waiting, "gi_yieldfrom", None)
    return lines


def _write(number: int, frame: object) -> None:
    del number, frame
    tasks = asyncio.all_tasks(asyncio.get_running_loop())
    lines = [line for task in tasks for line in (task.get_name(), *_stack(task.get_coro()))]
    Path(os.environ["CHAOS_STACKS"]).write_text("\n".join(lines))


signal.signal(signal.SIGUSR1, _write)
