"""What the embedded PostgreSQL refuses, whom it runs as, what it writes, and where its programs come from."""

import os
from pathlib import Path

import pytest

from shared.store.postgres import DataDirectoryInUse, OtherMajorVersion, running, start
from shared.store.postgres_account import ClosedDirectory
from shared.store.postgres_binaries import Binaries, NoBinaries, find_binaries, system_bin_dirs, wheel_bin_dir
from tests.support.postgres_cases import (
    INSTALLATIONS,
    ROWS,
    WHEEL,
    ask,
    count,
    each_installation,
    serving_elsewhere,
    write_rows,
)


@each_installation
async def test_what_is_committed_is_durable(data_dir: Path, binaries: Binaries) -> None:
    async with running(data_dir, binaries) as server:
        for setting in ("fsync", "synchronous_commit", "full_page_writes", "data_checksums"):
            assert await ask(server.url("postgres"), f"SHOW {setting}") == "on"


async def test_a_second_runner_on_the_directory_is_refused_and_told_who_has_it(data_dir: Path) -> None:
    async with serving_elsewhere(data_dir, WHEEL) as runner:
        with pytest.raises(DataDirectoryInUse, match=f"in use by process {runner.process.pid}"):
            await start(data_dir, WHEEL)
        assert await ask(runner.url, "SELECT 1") == 1


async def test_data_of_another_major_version_is_refused_and_left_alone(data_dir: Path) -> None:
    version = data_dir / "cluster" / "PG_VERSION"
    version.write_text("14\n")
    with pytest.raises(OtherMajorVersion, match=r"written by PostgreSQL 14, .* Set PG_BIN"):
        await start(data_dir, WHEEL)
    version.write_text(f"{WHEEL.major}\n")
    async with running(data_dir, WHEEL) as server:
        assert await ask(server.url("postgres"), "SELECT 1") == 1


@each_installation
async def test_nothing_runs_as_root_and_nothing_holds_our_pipes(data_dir: Path, binaries: Binaries) -> None:
    async with running(data_dir, binaries) as server:
        owners = {path.stat().st_uid for path in (Path(f"/proc/{server.pid}"), data_dir / "cluster")}
        assert len(owners) == 1
        assert 0 not in owners
        outputs = {str(each.readlink()) for each in (Path(f"/proc/{server.pid}/fd/{number}") for number in (1, 2))}
        assert outputs == {str(server.data_dir / "postgres.log")}
        assert os.getsid(server.pid) != os.getsid(0)


async def test_a_closed_parent_directory_is_named_and_stays_closed(data_home: Path) -> None:
    closed = data_home / "closed"
    closed.mkdir(mode=0o700)
    if os.geteuid() != 0:  # our own directory is open to us
        async with running(closed / "pg", WHEEL) as server:
            assert await ask(server.url("postgres"), "SELECT 1") == 1
        return
    with pytest.raises(ClosedDirectory, match=rf"may not enter {closed} \(mode 0700\).*Choose a place outside"):
        await start(closed / "pg", WHEEL)
    assert closed.stat().st_mode & 0o777 == 0o700
    assert not list(closed.iterdir())


async def test_data_that_root_restored_is_handed_to_the_account_again(data_dir: Path) -> None:
    async with running(data_dir, WHEEL) as server:
        await write_rows(server.url("postgres"))
    for path in [data_dir / "cluster", *(data_dir / "cluster").rglob("*")]:
        os.chown(path, os.geteuid(), -1)
    async with running(data_dir, WHEEL) as server:
        assert await count(server.url("postgres")) == ROWS


async def test_a_log_that_has_grown_is_put_aside_at_a_start(data_dir: Path) -> None:
    log = data_dir / "postgres.log"
    with log.open("ab") as file:
        file.truncate(9_000_000)
    async with running(data_dir, WHEEL):
        assert log.stat().st_size < 9_000_000
        assert log.with_name("postgres.log.1").stat().st_size == 9_000_000


async def test_a_server_that_cannot_start_says_why_and_frees_the_directory(data_dir: Path) -> None:
    with pytest.raises(Exception, match=r"(?s)ended while it was starting.*no_such_setting"):
        await start(data_dir, WHEEL, settings={"no_such_setting": "1"})
    async with running(data_dir, WHEEL) as server:
        assert await ask(server.url("postgres"), "SELECT 1") == 1


def test_what_pg_bin_names_comes_before_the_wheel_and_the_wheel_before_the_system() -> None:
    named = INSTALLATIONS[-1]
    assert find_binaries({"PG_BIN": str(named.bin_dir)}) == named
    assert find_binaries(os.environ | {"PG_BIN": ""}).bin_dir == wheel_bin_dir()


def test_a_pg_bin_without_postgresql_is_an_error_and_not_passed_over(tmp_path: Path) -> None:
    with pytest.raises(NoBinaries, match=r"PG_BIN names .* which has no postgres and initdb"):
        find_binaries({"PG_BIN": str(tmp_path)})


def test_a_postgresql_older_than_15_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NoBinaries, match=r"PostgreSQL 14\.9; 15 is the oldest"):
        find_binaries({"PG_BIN": str(_pretended_installation(tmp_path, "14.9"))})


def test_a_system_installation_is_found_on_the_path(tmp_path: Path) -> None:
    bin_dir = _pretended_installation(tmp_path, "16.1")
    assert list(system_bin_dirs({"PATH": str(bin_dir)}))[-1] == bin_dir


def _pretended_installation(place: Path, version: str) -> Path:
    for program in ("postgres", "initdb"):
        (place / program).write_text(f"#!/bin/sh\necho 'postgres (PostgreSQL) {version}'\n")
        (place / program).chmod(0o755)
    return place
