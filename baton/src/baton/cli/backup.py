"""`baton backup` and `baton restore`: the embedded store into one file, and back."""

from pathlib import Path
from typing import Annotated

import msgspec
import typer

from baton import backup as backups
from baton import backup_restore
from baton.backup import BackupError
from baton.cli.client import Json, console, fail, show
from baton.settings import Settings
from shared.runtime.clock import system_clock
from shared.store.postgres import PostgresError

_MIB: int = 2**20


def backup(
    file: Annotated[Path, typer.Argument(help="The file to write, such as baton-monday.tar.gz; it must not exist")],
    as_json: Json = False,
) -> None:
    """Back up the embedded store as it stands at one instant, while it runs or not. Keep the file secret."""
    try:
        with console.status("copying all five databases", spinner="line"):
            taken = backups.take(Settings(), file, system_clock())
    except (BackupError, PostgresError) as error:
        raise fail(str(error)) from error
    told = {"file": str(taken.file), "bytes": taken.size_bytes, **msgspec.to_builtins(taken.manifest)}
    if not show(told, as_json=as_json):
        size = f"{taken.size_bytes / _MIB:.1f} MiB"
        console.print(f"{taken.file}: {size}, {taken.manifest.leads} leads", highlight=False, soft_wrap=True)
        console.print("It holds everything, people and secrets too: keep it as safe as the store itself.")


def restore(
    file: Annotated[Path, typer.Argument(help="A file of `baton backup`", exists=True, dir_okay=False, readable=True)],
    as_json: Json = False,
) -> None:
    """Bring a backup back into an empty data directory (BATON_DATA_DIR)."""
    settings = Settings()
    try:
        with console.status("unpacking and checking", spinner="line"):
            manifest, streams = backup_restore.restore(settings, file)
    except (BackupError, PostgresError) as error:
        raise fail(str(error)) from error
    told = {"data_dir": str(settings.data_dir), "streams": streams, **msgspec.to_builtins(manifest)}
    if not show(told, as_json=as_json):
        words = f"{manifest.leads} leads as of {manifest.taken_at:%Y-%m-%d %H:%M:%S} UTC"
        console.print(f"{settings.data_dir}: {words}; {streams} streams begin a new epoch", highlight=False, soft_wrap=True)  # fmt: skip
        console.print("start it (`baton up`), then run `baton audit`")
