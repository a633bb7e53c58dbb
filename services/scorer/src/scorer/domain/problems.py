"""What is wrong with a policy document: where, what, and how to mend it."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Problem:
    """`path` points into the document (`rules[2].points`). An error forbids publishing, a warning does not."""

    path: str
    what: str
    fix: str
    severity: Literal["error", "warning"] = "error"

    def __str__(self) -> str:
        return f"{self.path}: {self.what}; {self.fix}"
