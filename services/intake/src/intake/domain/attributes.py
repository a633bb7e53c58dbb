"""The attributes of a submission that may enter an event: a closed list, and nothing in it that says who it is."""

import re
import unicodedata
from collections.abc import Collection
from functools import lru_cache
from typing import NamedTuple

from intake.domain import normal
from intake.domain.submission import Submission, Value
from intake.domain.text import fold, has_cjk

_MAX_TEXT_CHARS = 200  # what is longer is left out, not cut: half an address would no longer look like one
_MAX_URL_CHARS = 500
_MAX_ANSWER_CHARS = 60  # a longer answer is something the person wrote
_MAX_TAGS = 20
_MAX_TAG_CHARS = 64
_PICKED_ONLY = frozenset({"title_level", "company_domain", "country", "current_project"})
_PICKED_OR_TEXT = frozenset({
    "industry", "source", "budget", "timeframe", "language", "company_size", "annual_revenue", "department", "campaign", "ad_group", "ad", "keyword", "content", "event",
    "landing_page_version", "budget_cycle", "product", "region", "city",
})  # fmt: skip
_IDS = frozenset({"campaign_id", "ad_group_id", "ad_id"})
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
_NOWHERE = "\0"  # in no folded text


class _Own(NamedTuple):
    """What the person is called by, folded once for all attributes; what there is none of is in no text."""

    name: str
    local: str
    digits: str
    ids: Collection[str]


class _Looked(NamedTuple):
    """What one text is, whoever's."""

    text: str  # empty where it can't be kept
    holds_contact: bool
    folded: str
    digits: str


def attributes(submission: Submission) -> dict[str, str | int | bool | list[str]]:
    """The allowed attributes by name, in the shape of the contract. What could name the person is left out."""
    found: dict[str, str | int | bool | list[str]] = {"door": submission.door}
    own = _own(submission)
    picked, fields, ids = submission.picked, submission.fields, submission.ids
    for name in _PICKED_ONLY.intersection(picked):
        _keep(found, own, name, picked[name])
    for name in _PICKED_OR_TEXT.intersection(fields):  # what is picked is picked from a field
        _keep(found, own, name, picked.get(name) or fields[name])
    for name in _IDS.intersection(ids):
        _keep(found, own, name, ids[name])
    page = submission.text("landing_page")
    if page:
        _keep(found, own, "landing_page", normal.without_query(page))
    if "referred_by" in fields:
        found["referred"] = True
    tags = fields.get("tags")
    if isinstance(tags, tuple):
        safe = [tag for tag in tags if len(tag) <= _MAX_TAG_CHARS and not _names_somebody(_looked_at("tags", tag), own)]
        if safe:
            found["tags"] = safe[:_MAX_TAGS]
    return found


def says_who(text: str) -> bool:
    """Whether a text holds a mail address or a phone number, whoever's."""
    return _holds_contact("tags", text)


def _keep(found: dict[str, str | int | bool | list[str]], own: _Own, name: str, text: Value | None) -> None:
    if text and isinstance(text, str):
        looked = _looked_at(name, text)
        if looked.text and not _names_somebody(looked, own):
            found[name] = looked.text


def _names_somebody(looked: _Looked, own: _Own) -> bool:
    text, holds_contact, folded, digits = looked
    if text in own.ids:
        # the platform's own number of a campaign, as long as a phone number
        return False
    return holds_contact or own.digits in digits or own.name in folded or own.local in folded


@lru_cache(maxsize=4096)  # picklist values and campaigns come again and again
def _looked_at(name: str, text: str) -> _Looked:
    """What a text under this name is, whoever's."""
    kept = text.strip()
    if len(kept) > _MOST_CHARS.get(name, _MAX_TEXT_CHARS):
        return _Looked("", False, "", "")
    plain = unicodedata.normalize("NFKC", kept)
    return _Looked(kept, _holds_contact(name, kept), fold(plain), "".join(filter(str.isdigit, plain)))


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
        name if long_enough else _NOWHERE,
        local if len(local) >= _LEAST_NAME_CHARS and " " in local else _NOWHERE,
        digits if len(digits) >= _LEAST_OWN_DIGITS else _NOWHERE,
        submission.ids.values(),
    )
