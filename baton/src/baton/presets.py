"""Policies that seed an empty store: from `BATON_POLICY_DIR`, else the ones that ship."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml


class PresetUnreadable(ValueError):
    """A policy file that can't be read; says which and why."""


def presets(policy_dir: Path | None) -> dict[str, Mapping[str, Any]]:
    """The policy files of a directory by kind (`doors.yaml` → `doors`); nothing where no directory is given."""
    if policy_dir is None:
        return {}
    if not policy_dir.is_dir():
        raise PresetUnreadable(f"BATON_POLICY_DIR={policy_dir} is no directory")
    found: dict[str, Mapping[str, Any]] = {}
    for path in sorted(policy_dir.glob("*.yaml")):
        try:
            body = yaml.safe_load(path.read_text())
        except yaml.YAMLError as error:
            raise PresetUnreadable(f"{path}: {error}") from error
        if not isinstance(body, dict):
            raise PresetUnreadable(f"{path}: a policy is a mapping; this file holds {type(body).__name__}")
        found[path.stem] = body
    return found
