"""What one intake process keeps in memory: the rules, the queue of the group commit, and who was refused."""

from collections import Counter
from dataclasses import dataclass, field

from intake.disk import Disk
from intake.fetching import Fetcher
from intake.group import Committer
from intake.policies import FindSecret
from intake.reading import Reading
from intake.rules import RuleBook, finder
from intake.vault import Vault
from shared.http.problems import Problem
from shared.runtime.desk import Desk
from shared.store.sealing import Seal


@dataclass(slots=True)
class Intake:
    """The state of a process. Nothing in it is lost work: a request is answered only when it is durable."""

    public_url: str | None = None
    disk: Disk = field(default_factory=lambda: Disk(lambda: 100.0))
    vault: Vault = field(default_factory=lambda: Vault(Seal(list)))
    book: RuleBook = field(init=False)
    refused: Counter[tuple[str, str]] = field(default_factory=Counter[tuple[str, str]])
    committer: Committer = field(init=False)
    fetcher: Fetcher = field(init=False)
    desk: Desk | None = None
    reading: Reading = field(default_factory=Reading)

    def __post_init__(self) -> None:
        self.book = RuleBook(self.vault)
        self.committer = Committer(self.book, self.reading)
        self.fetcher = Fetcher(self.book)

    def find_secret(self) -> FindSecret | None:
        """The look-up of secrets, once the service runs."""
        return None if self.desk is None else finder(self.desk, self.vault)

    def refuse(self, door: str, why: str) -> None:
        """Count a request that was not taken; `-` stands for a door that there is not."""
        self.refused[door, why] += 1
        if self.desk is not None:
            self.desk.meters.door_refused.labels(door, why).inc()

    def ready_to_write(self) -> None:
        """Raise Problem 503 where the disk is nearly full."""
        if self.disk.is_full():
            detail = "the disk is nearly full, so nothing is taken until there is room again; send it again later"
            raise Problem(503, detail, code="disk-full", headers={"Retry-After": "60"})
