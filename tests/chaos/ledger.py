"""What was acknowledged, written down before anybody counts on it: the one truth that the product is held against."""

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


class Ledger:
    """An append-only file of JSON lines, written before anything else is done. Who writes it is never killed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def note(self, kind: str, **facts: Any) -> None:
        """Keep one fact."""
        os.write(self._fd, json.dumps({"kind": kind, **facts}).encode() + b"\n")

    def close(self) -> None:
        """Write no more."""
        os.close(self._fd)


@dataclass(slots=True)
class Acknowledged:
    """The ledger, read back."""

    submissions: dict[str, str | None] = field(default_factory=dict[str, "str | None"])
    """By submission id the lead id, None where the door does not tell."""
    emails: set[str] = field(default_factory=set[str])
    """A new person was acknowledged under each of these."""
    asked: set[str] = field(default_factory=set[str])
    """Everybody who was sent, acknowledged or not."""
    engagements: dict[str, str] = field(default_factory=dict[str, str])
    hot: set[str] = field(default_factory=set[str])
    contacts: dict[str, tuple[str, str]] = field(default_factory=dict[str, tuple[str, str]])
    """By Idempotency-Key the lead and the handoff."""
    complaints: list[str] = field(default_factory=list[str])


def read(path: Path) -> Acknowledged:
    """Everything that was noted."""
    found = Acknowledged()
    for line in path.read_text().splitlines():
        fact = json.loads(line)
        match fact["kind"]:
            case "asked":
                found.asked.add(fact["email"])
            case "lead":
                found.submissions[fact["submission_id"]] = fact["lead_id"]
                found.emails.add(fact["email"])
            case "engagement":
                found.engagements[fact["id"]] = fact["lead_id"]
            case "hot":
                found.hot.add(fact["lead_id"])
            case "contact":
                found.contacts[fact["key"]] = (fact["lead_id"], fact["handoff_id"])
            case _:
                found.complaints.append(fact["what"])
    return found
