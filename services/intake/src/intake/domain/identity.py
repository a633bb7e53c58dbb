"""Identity keys: what makes two submissions one person for certain. Whole values only, never a part, never empty."""

from dataclasses import dataclass
from typing import Literal

from intake.domain import normal
from intake.domain.submission import Submission


@dataclass(frozen=True, slots=True)
class IdentityKey:
    kind: Literal["email", "phone"]
    value: str

    def __post_init__(self) -> None:
        if not self.value.strip():
            raise ValueError("an empty identity key would match the first person without one")


def email_key(text: str | None) -> IdentityKey | None:
    address = normal.email(text) if text else None
    return IdentityKey("email", address) if address else None


def phone_key(text: str | None, country: str | None = None) -> IdentityKey | None:
    """Only a number whose country is known is a key: the same digits are another person in another country."""
    number = normal.phone(text, country) if text else None
    return IdentityKey("phone", number) if number else None


def identity_keys(submission: Submission) -> list[IdentityKey]:
    """The submission's keys, the strongest first."""
    return [IdentityKey(kind, value) for kind, value in identities(submission)]


def identities(submission: Submission) -> list[tuple[Literal["email", "phone"], str]]:
    """What its keys are made of. Its address is normal already, and its number unless a note says so."""
    found: list[tuple[Literal["email", "phone"], str]] = []
    email, phone = submission.text("email"), submission.text("phone")
    if email:
        found.append(("email", email))
    if phone and not (submission.notes and any(note.field == "phone" for note in submission.notes)):
        found.append(("phone", phone))
    return found
