"""The attributes of a submission that may enter an event: a closed list, and nothing in it that says who it is."""

import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

from intake.domain import normal
from intake.domain.submission import Submission
from intake.domain.text import fold, has_cjk

_MAX_TEXT_CHARS = 200  # what is longer is left out, not cut: half an address would no longer look like one
_MAX_URL_CHARS = 500
_MAX_ANSWER_CHARS = 60  # a longer answer is something the person wrote
_MAX_TAGS = 20
_MAX_TAG_CHARS = 64
_PICKED_ONLY = ("title_level", "company_domain", "country", "current_project")
_PICKED_OR_TEXT = (
    "industry", "source", "budget", "timeframe", "language", "company_size", "annual_revenue", "department", "campaign", "ad_group", "ad", "keyword", "content", "event",
    "landing_page_version", "budget_cycle", "product", "region", "city",
)  # fmt: skip
_IDS = ("campaign_id", "ad_group_id", "ad_id")
_ANSWERED = frozenset(
    {"industry", "budget", "timeframe", "company_size", "annual_revenue", "department", "budget_cycle", "product",
     "region", "city"}
)  # fmt: skip
_MOST_CHARS = {"landing_page": _MAX_URL_CHARS, **dict.fromkeys(_ANSWERED, _MAX_ANSWER_CHARS)}
_AMOUNTS = frozenset({"budget", "annual_revenue", "company_size"})
_NUMBERED = frozenset(
    {"campaign", "ad_group", "ad", "landing_page"}
)  # often a platform's id, which is a long number too
_MAILBOX = re.compile(r"[^\s@]+(?:@|%40|\[at\]|\(at\))[^\s@]+", re.IGNORECASE)
_DIALLED = re.compile(r"(?<!\d)(?:\+|00|\(?0)\d[\d ().\-]{6,17}\d")
_MOBILE = re.compile(r"(?<!\d)(?:1[3-9]\d{9}|84[35789]\d{8})(?!\d)")
_GROUPED = re.compile(r"(?<!\d)\(?\d{2,4}\)?(?:[ .\-]\(?\d{2,4}\)?){2,4}(?!\d)")
_RUN = re.compile(r"(?<!\d)\d{9,15}(?!\d)")
_LEAST_PHONE_DIGITS, _MOST_PHONE_DIGITS = 9, 15
_LEAST_OWN_DIGITS = 7
_LEAST_NAME_CHARS = 5


class _Own(NamedTuple):
    """What the person is called by, folded once for all attributes."""

    name: str
    local: str
    digits: str
    ids: frozenset[str]


def attributes(submission: Submission) -> dict[str, str | int | bool | list[str]]:
    """The allowed attributes by name, in the shape of the contract. What could name the person is left out."""
    found: dict[str, str | int | bool | list[str]] = {"door": submission.door}
    own = _own(submission)
    picked, fields, ids = submission.picked, submission.fields, submission.ids
    for name in _PICKED_ONLY:
        if name in picked:
            _keep(found, own, name, picked[name])
    for name in _PICKED_OR_TEXT:
        if name in picked or name in fields:
            _keep(found, own, name, picked.get(name) or _text(fields, name))
    if ids:
        for name in _IDS:
            _keep(found, own, name, ids.get(name))
    page = _text(fields, "landing_page")
    if page:
        _keep(found, own, "landing_page", normal.without_query(page))
    if "referred_by" in fields:
        found["referred"] = True
    tags = fields.get("tags")
    given = tags if isinstance(tags, tuple) else ()
    safe = [tag for tag in given if len(tag) <= _MAX_TAG_CHARS and not _names_somebody("tags", tag, own)]
    if safe:
        found["tags"] = safe[:_MAX_TAGS]
    return found


def says_who(text: str) -> bool:
    """Whether a text holds a mail address or a phone number, whoever's."""
    return _holds_contact("tags", text)


def _text(fields: Mapping[str, object], name: str) -> str | None:
    value = fields.get(name)
    return value if isinstance(value, str) else None


def _keep(found: dict[str, str | int | bool | list[str]], own: _Own, name: str, text: str | None) -> None:
    kept = text.strip() if text is not None else ""
    if kept and len(kept) <= _MOST_CHARS.get(name, _MAX_TEXT_CHARS) and not _names_somebody(name, kept, own):
        found[name] = kept


def _names_somebody(name: str, text: str, own: _Own) -> bool:
    holds_contact, folded, digits = _looked_at(name, text)
    if own.ids and text in own.ids:
        # the platform's own number of a campaign, as long as a phone number
        return False
    if holds_contact or (own.digits and own.digits in digits):
        return True
    return bool(own.name and own.name in folded) or bool(own.local and own.local in folded)


@lru_cache(maxsize=4096)  # picklist values and campaigns come again and again
def _looked_at(name: str, text: str) -> tuple[bool, str, str]:
    """Whether it holds a contact, whoever's; the text folded; its digits."""
    plain = unicodedata.normalize("NFKC", text)
    return _holds_contact(name, text), fold(plain), "".join(filter(str.isdigit, plain))


def _holds_contact(name: str, text: str) -> bool:
    plain = unicodedata.normalize("NFKC", text)
    return _MAILBOX.search(plain) is not None or _holds_phone(name, plain)


def _holds_phone(name: str, text: str) -> bool:
    if _MOBILE.search(text) or any(_is_phone_long(found[0]) for found in _DIALLED.finditer(text)):
        return True
    if name in _AMOUNTS:
        return False
    if any(_is_phone_long(found[0]) for found in _GROUPED.finditer(text)):
        return True
    return name not in _NUMBERED and _RUN.search(text) is not None


def _is_phone_long(text: str) -> bool:
    return _LEAST_PHONE_DIGITS <= sum(sign.isdigit() for sign in text) <= _MOST_PHONE_DIGITS


def _own(submission: Submission) -> _Own:
    phone = submission.text("phone") or ""
    number = phone.removeprefix("+")
    digits = (number if number.isdecimal() else "".join(filter(str.isdigit, phone)))[-_LEAST_OWN_DIGITS - 1 :]
    name = fold(submission.text("name") or "")
    address = (submission.text("email") or "").partition("@")[0]
    local = "" if address.isalnum() else fold(address)  # one word alone is no name here
    long_enough = (len(name) >= _LEAST_NAME_CHARS and " " in name) or (len(name) > 1 and has_cjk(name))
    return _Own(
        name if long_enough else "",
        local if len(local) >= _LEAST_NAME_CHARS and " " in local else "",
        digits if len(digits) >= _LEAST_OWN_DIGITS else "",
        frozenset(submission.ids.values()),
    )
