"""The command `baton`."""

from baton.cli.app import main

__all__ = ["main"]
