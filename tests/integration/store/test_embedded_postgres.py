"""The embedded PostgreSQL through starts and kills, on the wheel's and this machine's installations."""

import asyncio
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
import uvloop
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from shared.store import postgres_process as processes
from shared.store.postgres import Server, running, start
from shared.store.postgres_account import Account, account_for
from shared.store.postgres_binaries import Binaries
from shared.store.urls import sqlalchemy_url
from tests.support.postgres_cases import (
    DEADLINE_S,
    ROWS,
    WHEEL,
    ask,
    count,
    each_installation,
    kill,
    serving_elsewhere,
    start_runner,
    until,
    write_rows,
)


@each_installation
async def test_a_first_start_serves_utf8_databases_over_a_private_socket(data_home: Path, binaries: Binaries) -> None:
    async with running(data_home / "pg", binaries) as server:
        await server.ensure_databases(["intake", 'odd "name"'])
        await server.ensure_databases(["intake", "router"])

        assert await ask(server.url("intake"), "SELECT current_database() || lower('ĐÀ NẴNG')") == "intakeđà nẵng"
        assert await ask(server.url('odd "name"'), "SHOW server_encoding") == "UTF8"
        assert await ask(server.url("router"), "SELECT 'Z' < 'a' AND 'a' < 'á'") is True
        assert await ask(server.url("router"), "SHOW listen_addresses") == ""
        assert server.socket_dir.stat().st_mode & 0o777 == 0o700
        assert (server.data_dir / "cluster").stat().st_mode & 0o777 == 0o700


@each_installation
async def test_a_warm_start_serves_every_row_and_is_quick(data_dir: Path, binaries: Binaries) -> None:
    async with running(data_dir, binaries) as server:
        await write_rows(server.url("postgres"))
    started = time.monotonic()
    async with running(data_dir, binaries) as server:
        assert time.monotonic() - started < 5
        assert await count(server.url("postgres")) == ROWS


@each_installation
async def test_killing_the_server_ends_the_wait_and_the_next_start_serves_every_row(
    data_dir: Path, binaries: Binaries
) -> None:
    async with running(data_dir, binaries) as server:
        await write_rows(server.url("postgres"))
        waits = [asyncio.create_task(server.wait()) for _ in range(2)]
        os.kill(server.pid, signal.SIGKILL)
        await asyncio.wait_for(asyncio.gather(*waits), DEADLINE_S)
    async with running(data_dir, binaries) as server:
        assert await count(server.url("postgres")) == ROWS


@each_installation
async def test_killing_the_runner_leaves_a_server_that_the_next_one_adopts(data_dir: Path, binaries: Binaries) -> None:
    async with serving_elsewhere(data_dir, binaries) as runner:
        await write_rows(runner.url)
        await kill(runner)
        async with running(data_dir, binaries) as server:
            assert server.adopted
            assert server.pid == runner.server_pid
            assert await count(server.url("postgres")) == ROWS
        assert not processes.is_running(runner.server_pid)


async def test_the_end_of_an_adopted_server_is_seen(data_dir: Path) -> None:
    async with serving_elsewhere(data_dir, WHEEL) as runner:
        await kill(runner)
        async with running(data_dir, WHEEL) as server:
            os.kill(server.pid, signal.SIGKILL)
            await asyncio.wait_for(server.wait(), DEADLINE_S)


async def test_an_orphan_with_other_settings_is_stopped_and_started_anew(data_dir: Path) -> None:
    async with serving_elsewhere(data_dir, WHEEL) as runner:
        await write_rows(runner.url)
        await kill(runner)
        async with running(data_dir, WHEEL, settings={"max_connections": "20"}) as server:
            assert not server.adopted
            assert await ask(server.url("postgres"), "SHOW max_connections") == "20"
            assert await count(server.url("postgres")) == ROWS
        assert not processes.is_running(runner.server_pid)


@each_installation
async def test_killing_both_loses_no_row(data_dir: Path, binaries: Binaries) -> None:
    async with serving_elsewhere(data_dir, binaries) as runner:
        await write_rows(runner.url)
        await kill(runner)
        os.kill(runner.server_pid, signal.SIGKILL)
        async with running(data_dir, binaries) as server:
            assert not server.adopted
            assert await count(server.url("postgres")) == ROWS


@each_installation
@pytest.mark.parametrize("kind", ["zombie", "stranger"])
async def test_a_stale_process_number_that_is_taken_again_does_not_hinder_a_start(
    data_dir: Path, binaries: Binaries, kind: str
) -> None:
    async with running(data_dir, binaries) as server:
        await write_rows(server.url("postgres"))
        os.kill(server.pid, signal.SIGKILL)
        await server.wait()
    account = account_for(data_dir / "cluster")  # the same account: only then does PostgreSQL mind
    other = _sleep(0 if kind == "zombie" else 60, account)
    try:
        await until(lambda: kind == "stranger" or not processes.is_running(other.pid))
        _replace_first_line(data_dir / "cluster" / "postmaster.pid", str(other.pid))
        async with running(data_dir, binaries) as server:
            assert not server.adopted
            assert await count(server.url("postgres")) == ROWS
        assert kind == "zombie" or other.poll() is None
    finally:
        other.kill()
        other.wait()


async def test_sigterm_to_the_runner_stops_the_server_cleanly(data_dir: Path) -> None:
    async with serving_elsewhere(data_dir, WHEEL) as runner:
        runner.process.terminate()
        assert await asyncio.wait_for(runner.process.wait(), DEADLINE_S) == 0
        assert not processes.is_running(runner.server_pid)
        assert not (data_dir / "cluster" / "postmaster.pid").exists()


@pytest.mark.parametrize("name", ["a" * 90 + "/" + "b" * 90, "with, a comma and: Đ"])
async def test_a_path_that_no_socket_can_have_gets_a_private_directory_elsewhere(data_home: Path, name: str) -> None:
    async with running(data_home / name, WHEEL) as server:
        assert not server.socket_dir.is_relative_to(data_home)
        assert server.socket_dir.stat().st_mode & 0o777 == 0o700
        assert await ask(server.url("postgres"), "SELECT 1") == 1
        await _sqlalchemy_asks(server)
    assert not server.socket_dir.exists()


async def test_an_orphan_behind_a_long_path_is_found_again(data_home: Path) -> None:
    data_dir = data_home / ("a" * 100)
    async with serving_elsewhere(data_dir, WHEEL) as runner:
        await kill(runner)
        async with running(data_dir, WHEEL) as server:
            assert server.adopted


async def test_sqlalchemy_connects_through_the_socket(data_dir: Path) -> None:
    async with running(data_dir, WHEEL) as server:
        await _sqlalchemy_asks(server)


async def test_killing_the_runner_during_initdb_leaves_nothing_half_made(data_home: Path) -> None:
    process = await start_runner(data_home / "pg", WHEEL)
    await until(lambda: any((data_home / "pg").glob("initdb-*/base/1/*")))
    process.kill()
    await process.wait()
    assert not (data_home / "pg" / "cluster").exists()

    async with running(data_home / "pg", WHEEL) as server:
        assert await ask(server.url("postgres"), "SELECT 1") == 1
    assert not list((data_home / "pg").glob("initdb-*"))


async def test_cancelling_a_first_start_leaves_nothing_half_made(data_home: Path) -> None:
    starting = asyncio.create_task(start(data_home / "pg", WHEEL))
    await until(lambda: any((data_home / "pg").glob("initdb-*/base")))
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert {entry.name for entry in (data_home / "pg").iterdir()} == {"lock", "initdb.log"}


async def test_the_launcher_works_under_uvloop(data_dir: Path) -> None:
    async def use() -> None:
        async with running(data_dir, WHEEL) as server:
            os.kill(server.pid, signal.SIGKILL)
            await asyncio.wait_for(server.wait(), DEADLINE_S)

    await asyncio.to_thread(uvloop.run, use())


async def _sqlalchemy_asks(server: Server) -> None:
    engine = create_async_engine(sqlalchemy_url(server.url("postgres")))
    async with engine.connect() as connection:
        assert (await connection.execute(text("SELECT current_user"))).scalar_one() == "baton"
    await engine.dispose()


def _sleep(seconds: int, account: Account | None) -> subprocess.Popen[bytes]:
    command = ["/bin/sleep", str(seconds)]
    return subprocess.Popen(command, cwd="/", user=account.uid if account else None)  # noqa: S603 -- our own


def _replace_first_line(path: Path, line: str) -> None:
    path.write_text("\n".join([line, *path.read_text().splitlines()[1:]]) + "\n")
