"""Places that PostgreSQL's account can reach, where root's own are closed to it (a clone under /root, mode 0700).

Root's modes are never changed: programs are copied once, data is put elsewhere behind a link in the data directory.
"""

import hashlib
import os
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

from shared.store.postgres_account import Account, account_for, can_enter
from shared.store.postgres_binaries import Binaries

OPEN_HOME = Path("/var/lib/baton")


def reachable_programs(binaries: Binaries, account: Account | None) -> Binaries:
    """The same programs where the account may run them: themselves, or a copy made once per version."""
    if account is None or can_enter(binaries.bin_dir, account):
        return binaries
    installation = binaries.bin_dir.parent
    copy = OPEN_HOME / "programs" / f"{binaries.version}-{_digest(installation)}"
    if not copy.exists():
        copy.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(dir=copy.parent, prefix=".draft-"))
        shutil.copytree(installation, draft / "pg", symlinks=True)
        (draft / "pg").chmod(0o755)
        try:
            (draft / "pg").rename(copy)
        except OSError:
            if not copy.exists():
                raise  # otherwise another process was faster, with the same programs
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    return replace(binaries, bin_dir=copy / binaries.bin_dir.name)


def reachable_home(home: Path) -> Path:
    """A data directory that the account may enter: `home` itself, or one elsewhere that `home` links to."""
    home = home.expanduser().absolute()
    if os.geteuid() != 0 or home.exists():
        return home
    account = account_for(home / "cluster")
    existing = next(step for step in home.parents if step.exists())
    if account is None or can_enter(existing, account):
        return home
    elsewhere = OPEN_HOME / "data" / _digest(home)
    elsewhere.mkdir(parents=True, exist_ok=True)
    home.parent.mkdir(parents=True, exist_ok=True)
    home.symlink_to(elsewhere)
    return home


def _digest(path: Path) -> str:
    return hashlib.sha256(str(path).encode()).hexdigest()[:12]
