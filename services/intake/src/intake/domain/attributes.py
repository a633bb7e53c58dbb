"""The attributes of a submission that may enter an event: a closed list, and nothing in it that says who it is."""

import re
import unicodedata

from intake.domain import normal
from intake.domain.submission import Submission
from intake.domain.text import fold, has_cjk

_MAX_TEXT_CHARS = 200  # what is longer is left out, not cut: half an address would no longer look like one
_MAX_URL_CHARS = 500
_MAX_ANSWER_CHARS = 60  # a longer answer is something the person wrote
_MAX_TAGS = 20
_MAX_TAG_CHARS = 64
_PICKED_ONLY = ("title_level", "company_domain", "country", "current_project")
_PICKED_OR_TEXT = ("industry", "source", "budget", "timeframe", "language")
_TEXTS = (
    "company_size", "annual_revenue", "department", "campaign", "ad_group", "ad", "keyword", "content", "event",
    "landing_page_version", "budget_cycle", "product", "region", "city",
)  # fmt: skip
_IDS = ("campaign_id", "ad_group_id", "ad_id")
_ANSWERED = frozenset(
    {"industry", "budget", "timeframe", "company_size", "annual_revenue", "department", "budget_cycle", "product",
     "region", "city"}
)  # fmt: skip
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


def attributes(submission: Submission) -> dict[str, str | int | bool | list[str]]:
    """The allowed attributes by name, in the shape of the contract. What could name the person is left out."""
    found: dict[str, str | int | bool | list[str]] = {"door": submission.door}
    for name in _PICKED_ONLY:
        _keep(found, submission, name, submission.picked.get(name))
    for name in (*_PICKED_OR_TEXT, *_TEXTS):
        _keep(found, submission, name, submission.picked.get(name) or submission.text(name))
    for name in _IDS:
        _keep(found, submission, name, submission.ids.get(name))
    page = submission.text("landing_page")
    _keep(found, submission, "landing_page", normal.without_query(page) if page else None)
    if "referred_by" in submission.fields:
        found["referred"] = True
    tags = submission.fields.get("tags")
    given = tags if isinstance(tags, tuple) else ()
    safe = [tag for tag in given if len(tag) <= _MAX_TAG_CHARS and not _names_somebody("tags", tag, submission)]
    if safe:
        found["tags"] = safe[:_MAX_TAGS]
    return found


def _keep(found: dict[str, str | int | bool | list[str]], submission: Submission, name: str, text: str | None) -> None:
    kept = text.strip() if text is not None else ""
    if kept and len(kept) <= _most_chars(name) and not _names_somebody(name, kept, submission):
        found[name] = kept


def _most_chars(name: str) -> int:
    if name == "landing_page":
        return _MAX_URL_CHARS
    return _MAX_ANSWER_CHARS if name in _ANSWERED else _MAX_TEXT_CHARS


def _names_somebody(name: str, text: str, submission: Submission) -> bool:
    plain = unicodedata.normalize("NFKC", text)
    if text in submission.ids.values():
        # the platform's own number of a campaign, as long as a phone number
        return False
    return _MAILBOX.search(plain) is not None or _holds_phone(name, plain) or _holds_own(plain, submission)


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


def _holds_own(text: str, submission: Submission) -> bool:
    """Whether the text repeats this person's own name, address or number."""
    digits = "".join(sign for sign in text if sign.isdigit())
    own = "".join(sign for sign in submission.text("phone") or "" if sign.isdigit())[-_LEAST_OWN_DIGITS - 1 :]
    if len(own) >= _LEAST_OWN_DIGITS and own in digits:
        return True
    folded = fold(text)
    name = fold(submission.text("name") or "")
    local = fold((submission.text("email") or "").partition("@")[0])
    long_enough = (len(name) >= _LEAST_NAME_CHARS and " " in name) or (len(name) > 1 and has_cjk(name))
    named = long_enough and name in folded
    return named or (len(local) >= _LEAST_NAME_CHARS and " " in local and local in folded)
