"""How a person's e-mail address and phone number are found in bodies that nobody could map."""

import re
from collections.abc import Iterable
from typing import Final, NamedTuple

import phonenumbers

from intake.domain.people import Key

BETWEEN_DIGITS: Final = r"(?<=[0-9])(?:[ ()/+-]|%20|\\302\\240|[.](?=[0-9]{2}))+(?=[0-9])"
"""What people write between the digits of a number; to be taken out before numbers are looked for."""
_FEWEST_BARE_DIGITS: Final = 7  # fewer without their country could be anything


class Traces(NamedTuple):
    """Regular expressions of PostgreSQL, for text as encode(…, 'escape') gives it."""

    emails: list[str]
    phones: list[str]


def traces_of(keys: Iterable[Key]) -> Traces:
    """The ways in which these keys may be written."""
    found = Traces([], [])
    for kind, value in keys:
        if kind.endswith("email"):
            found.emails.append(_email(value))
        else:
            found.phones.append(_phone(value))
    return found


def _email(address: str) -> str:
    # ann@x.example is neither in joann@x.example nor in ann@x.example.org
    written = re.escape(_escaped(address)).replace("@", "(?:@|%40)")
    return rf"(?<![a-z0-9._+-]){written}(?![a-z0-9-]|[.][a-z0-9])"


def _phone(number: str) -> str:
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return rf"(?<![0-9]){re.escape(number.removeprefix('+'))}(?![0-9])"
    country, national = parsed.country_code, str(parsed.national_number)
    bare = "?" if len(national) >= _FEWEST_BARE_DIGITS else ""
    return rf"(?<![0-9])(?:(?:00)?{country}){bare}0?{national}(?![0-9])"


def _escaped(text: str) -> str:
    return "".join(chr(byte) if byte < 128 else rf"\{byte:03o}" for byte in text.encode())
