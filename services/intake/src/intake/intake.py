"""What one intake process keeps in memory: the rules, the queue of the group commit, and who was refused."""

from collections import Counter
from dataclasses import dataclass, field

from intake.group import Committer
from intake.rules import RuleBook
from shared.runtime.desk import Desk


@dataclass(slots=True)
class Intake:
    """The state of a process. Nothing in it is lost work: a request is answered only when it is durable."""

    public_url: str | None = None
    book: RuleBook = field(default_factory=RuleBook)
    refused: Counter[tuple[str, str]] = field(default_factory=Counter[tuple[str, str]])
    committer: Committer = field(init=False)
    desk: Desk | None = None

    def __post_init__(self) -> None:
        self.committer = Committer(self.book)
